//go:build e2e

package peers_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
)

// refusing is a vacuum that says so when it does not obey.
const refusing = `
apiVersion: needwant/v1
kind: World
name: refusing
device: {model: roborock.vacuum.s5, firmware: 3.5.8_002034, token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 125ms, patience: 3, poll: 250ms}
destinations:
  cloud: {host: cloud.example, addresses: [198.51.100.7], protocol: tcp, port: 443}
functions: {control: cloud}
failure: error
scenarios: [native_app]
`

// report is what each client says of the vacuum.
type report struct {
	Model, Firmware string
	Battery, State  int
	Consumable      float64
	Found           any // true, or the code of the error
}

var _ = Describe("a miIO client that is not ours", Label("e2e"), func() {
	DescribeTable("reads the device through the gateway, commands it, and meets its errors:",
		func(ctx SpecContext, program, script string) {
			world, err := lab.Parse("refusing.yaml", []byte(refusing))
			Expect(err).NotTo(HaveOccurred())
			lane, err := lablane.Start(ctx, lablane.NewRun(world, harness.Settings{}), world, 1)
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(lane.Close)
			asked := func(g Gomega) report {
				said := ask(ctx, lane.Lab, program, script)
				var r report
				g.Expect(json.Unmarshal(said, &r)).To(Succeed(), "%s", said)
				return r
			}
			expected := report{
				Model: "roborock.vacuum.s5", Firmware: "3.5.8_002034",
				Battery: 100, State: 8, Consumable: 32454, Found: true,
			}
			Eventually(asked).WithContext(ctx).Within(time.Minute).Should(Equal(expected))

			cloud := harness.Destination{Protocol: "tcp", Port: 443, Name: "cloud.example"}
			Expect(lane.Gateway.Block(ctx, []harness.Destination{cloud}, harness.Reject)).To(Succeed())
			expected.Found = -9999.0
			Eventually(asked).WithContext(ctx).Within(time.Minute).Should(Equal(expected))
		},
		Entry("python3-miio of Debian", "/usr/bin/python3", "vacuum.py", SpecTimeout(10*time.Minute)),
		Entry("python-miio 0.5.12", installed("homeassistant-"+oldRelease, "python"), "vacuum.py", SpecTimeout(10*time.Minute)),
		Entry("python-miio 0.6.0.dev0", installed("simulators", "python"), "vacuum.py", SpecTimeout(10*time.Minute)),
		Entry("npm's miio 0.15.6", "node", "vacuum.mjs", SpecTimeout(10*time.Minute)),
	)
})

// ask runs a script of testdata on the app host, in a home of its own: the
// clients keep counters and tokens there.
func ask(ctx context.Context, l *lab.Lab, program, script string) []byte {
	GinkgoHelper()
	command := l.App.Command(ctx, program, filepath.Join("testdata", script), l.Device.Address.String(), l.Device.Token)
	folder := GinkgoT().TempDir()
	command.Env = append(command.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder)
	command.Stderr = GinkgoWriter
	said, err := command.Output()
	Expect(err).NotTo(HaveOccurred(), "%s", said)
	return said
}
