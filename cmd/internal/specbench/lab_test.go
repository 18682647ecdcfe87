package specbench_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/cmd/internal/specbench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/scenarios"
)

const head = `apiVersion: needwant/v1
kind: Scenarios
gateway: {placement: lab, world: s50-thread}
block: {keep: [dhcp, dns]}
scenarios:
`

// bench puts a spec on a lab.
func bench(ctx context.Context, list string) *lablane.Lane {
	GinkgoHelper()
	file, err := scenarios.Parse("spec.yaml", []byte(head+list))
	Expect(err).NotTo(HaveOccurred())
	world, err := specbench.World(file)
	Expect(err).NotTo(HaveOccurred())
	lane, err := specbench.OnLab(ctx, file, file.Scenarios, world, specbench.Options{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(lane.Close)
	return lane
}

func trial(number int, block ...harness.Destination) harness.Trial {
	return harness.Trial{Number: number, Block: block, Fault: harness.Reject, Regime: harness.Steady}
}

// cloudy is a controller that knows the device's state and never asks it, as one
// that has fallen back to the vendor's cloud.
func cloudy(ctx context.Context, l *lab.Lab) {
	GinkgoHelper()
	listener, err := l.App.Listen(ctx, "tcp", "192.168.1.10:8123")
	Expect(err).NotTo(HaveOccurred())
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // a poll takes its time, also through a cloud
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
			}
		}
		fmt.Fprint(w, `{"state":"docked","attributes":{}}`)
	})}
	DeferCleanup(server.Close)
	go func() { _ = server.Serve(listener) }()
}

var _ = Describe("a spec on a lab", Label("root"), func() {
	It("is judged from each place, on real packets", func(ctx SpecContext) {
		lane := bench(ctx, strings.ReplaceAll(`
  gateway: {from: gateway, steps: STEPS}
  lan: {from: lan, steps: STEPS}
  host: {from: host, steps: STEPS}
`, "STEPS", `[{ping: {host: 192.168.50.10, count: 1}}, {miio: get_status}, {dns: timeball3.its.waikato.ac.nz}, {exec: {command: [ip, -o, addr]}, expect: 'stdout contains "192.168."'}]`))
		result, err := lane.Run(ctx, trial(1))
		Expect(err).NotTo(HaveOccurred())
		for _, name := range []string{"gateway", "lan", "host"} {
			Expect(result.Outcomes[name].Answer).To(Equal(harness.Pass), result.Outcomes[name].Why)
		}
		Expect(result.Outcomes["gateway"].Steps[3].Saw).To(ContainSubstring("192.168.50.1/24"))
		Expect(result.Outcomes["lan"].Steps[3].Saw).To(ContainSubstring("192.168.1.10/24"))
	}, SpecTimeout(time.Minute))

	It("tells a controller that asks the device from one that went through the cloud", func(ctx SpecContext) {
		lane := bench(ctx, `
  honest:
    from: lan
    steps: [{hass: {url: "http://192.168.1.5:8123", entity: vacuum.device, refresh: true}, expect: 'state != "unavailable" && path == "lan"'}]
  fallen_back:
    from: lan
    steps: [{hass: {url: "http://192.168.1.10:8123", entity: vacuum.device, refresh: true}, expect: 'state != "unavailable" && path == "lan"'}]
`)
		cloudy(ctx, lane.Lab)
		result, err := lane.Run(ctx, trial(1))
		Expect(err).NotTo(HaveOccurred())
		Expect(result.Outcomes["honest"].Answer).To(Equal(harness.Pass), result.Outcomes["honest"].Why)
		Expect(result.Outcomes["fallen_back"].Answer).To(Equal(harness.Fail))
		Expect(result.Outcomes["fallen_back"].Steps[0].Saw).To(Equal(`state "docked", path cloud`))
	}, SpecTimeout(time.Minute))

	It("is watched while the block is held", func(ctx SpecContext) {
		lane := bench(ctx, `
  native_app:
    during: continuous
    every: 100ms
    timeout: 300ms
    pass_when: ok_ratio >= 0.9
    steps:
      - miio: {method: find_me, params: [""]}
        actuates: true
`)
		control, err := lane.Run(ctx, trial(1))
		Expect(err).NotTo(HaveOccurred())
		Expect(control.Outcomes["native_app"].Answer).To(Equal(harness.Pass), control.Outcomes["native_app"].Why)

		needed := harness.Destination{Protocol: "tcp", Port: 443, Name: "ec2-18-194-236-76.eu-central-1.compute.amazonaws.com"}
		_, seen := control.Seen.Contact(needed)
		Expect(seen).To(BeTrue(), "%v", control.Seen.Contacts)
		result, err := lane.Run(ctx, trial(2, needed))
		Expect(err).NotTo(HaveOccurred())
		Expect(result.Outcomes["native_app"].Answer).To(Equal(harness.Fail), result.Outcomes["native_app"].Why)
		Expect(result.Outcomes["native_app"].Why).To(MatchRegexp(`^ok_ratio 0\.`))
		Expect(result.Recovered).To(BeTrue())
	}, SpecTimeout(time.Minute))

	It("power-cycles the device of a lab", func(ctx SpecContext) {
		lane := bench(ctx, `
  app: {steps: [{miio: get_status}]}
regimes: {steady: {}, cold_boot: {}}
`)
		Expect(lane.Restart).NotTo(BeNil())
		cold := trial(1)
		cold.Regime = harness.ColdBoot
		result, err := lane.Run(ctx, cold)
		Expect(err).NotTo(HaveOccurred())
		Expect(result.Outcomes["app"].Answer).To(Equal(harness.Pass), result.Outcomes["app"].Why)
	}, SpecTimeout(time.Minute))
})

var _ = Describe("a Ginkgo suite on a lab", Label("root"), func() {
	It("is compiled once, and each of its specs is a column", func(ctx SpecContext) {
		file, err := scenarios.Parse("../../../scenarios/spec.yaml", []byte(head+"  suite: {from: gateway, steps: [{ginkgo: ./testdata/_vacuum}]}\n"))
		Expect(err).NotTo(HaveOccurred())
		list, err := file.Expand(ctx, file.Scenarios)
		Expect(err).NotTo(HaveOccurred())
		world, err := specbench.World(file)
		Expect(err).NotTo(HaveOccurred())
		lane, err := specbench.OnLab(ctx, file, list, world, specbench.Options{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(lane.Close)

		result, err := lane.Run(ctx, trial(1))
		Expect(err).NotTo(HaveOccurred())
		Expect(result.Outcomes).To(HaveLen(3))
		for _, name := range []string{"suite_the_vacuum_tells_its_state", "suite_the_vacuum_comes_when_it_is_called"} {
			Expect(result.Outcomes[name].Answer).To(Equal(harness.Pass), result.Outcomes[name].Why)
		}
		wish := result.Outcomes["suite_a_wish_stays_one"]
		Expect(wish.Answer).To(Equal(harness.Fail))
		Expect(wish.Why).To(And(ContainSubstring("the device's state"), ContainSubstring("77")))
		Expect(fmt.Sprint(result.Outcomes)).NotTo(ContainSubstring(lane.Lab.Device.Token))
	}, SpecTimeout(3*time.Minute))
})
