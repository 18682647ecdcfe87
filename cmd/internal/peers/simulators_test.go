//go:build e2e

package peers_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/scenarios"
)

// simulated is the internet of a device that one of python-miio's simulators
// plays. They know one token, of zeros.
const simulated = `
apiVersion: needwant/v1
kind: World
name: simulated
device: {model: roborock.vacuum.s5, token: "00000000000000000000000000000000"}
tempo: {contact: 500ms, patience: 3}
destinations:
  cloud: {host: cloud.example, addresses: [198.51.100.7], protocol: tcp, port: 443}
  stats: {host: stats.example, addresses: [198.51.100.8], protocol: tcp, port: 443}
`

// vacuumChecks and plugChecks are what the owner of a device checks.
const (
	vacuumChecks = `
apiVersion: needwant/v1
kind: Scenarios
gateway: {placement: lab, world: s50-thread}
block: {faults: [reject], keep: [dhcp, dns]}
scenarios:
  app:
    timeout: 1500ms
    steps:
      - miio: {method: miIO.info}
      - miio: {method: get_status}
        expect: result[0].state == 8 && result[0].battery == 87
`
	plugChecks = `
apiVersion: needwant/v1
kind: Scenarios
gateway: {placement: lab, world: s50-thread}
block: {faults: [reject], keep: [dhcp, dns]}
scenarios:
  app:
    timeout: 1500ms
    steps:
      - miio: {method: miIO.info}
      - miio: {method: set_properties, params: [{did: plug, siid: 2, piid: 1, value: true}]}
        actuates: true
        expect: result == 0
      - miio: {method: get_properties, params: [{did: plug, siid: 2, piid: 1}]}
        expect: result[0].code == 0 && result[0].value
`
)

// plugSchema is a device of the MIoT specification, as the MIoT simulator reads it.
const plugSchema = `{
	"type": "urn:miot-spec-v2:device:outlet:0000A002:some-plug:1", "description": "Outlet",
	"services": [{
		"iid": 2, "type": "urn:miot-spec-v2:service:switch:0000780C:some-plug:1", "description": "Switch",
		"properties": [{
			"iid": 1, "type": "urn:miot-spec-v2:property:on:00000006:some-plug:1", "description": "Switch Status",
			"format": "bool", "access": ["read", "write", "notify"]
		}]
	}]
}`

// insideResolver is the gateway's address on the side of a lab's device.
const insideResolver = "192.168.50.1:53"

// vacuumFile comes with python-miio.
var vacuumFile = installed("simulators", "../lib/python3.11/site-packages/miio/integrations/roborock/vacuum/simulated_roborock.yaml")

var _ = Describe("a device that python-miio 0.6.0.dev0 simulates", Label("e2e"), func() {
	DescribeTable("is judged right:", func(ctx SpecContext, checks string, file func() string, simulator string, arguments ...string) {
		spec, err := scenarios.Parse("checks.yaml", []byte(checks))
		Expect(err).NotTo(HaveOccurred())
		world, err := lab.Parse("simulated.yaml", []byte(simulated))
		Expect(err).NotTo(HaveOccurred())
		lane := onLab(ctx, spec, world)
		device := replace(lane, append([]string{"devtools", simulator, "--file", file()}, arguments...)...)
		device.needs()
		for _, scenario := range lane.Scenarios {
			Eventually(scenario.Check).WithContext(ctx).Within(time.Minute).Should(HaveField("Answer", harness.Pass), scenario.Name)
		}

		found := table(experiment(ctx, spec, lane))
		Expect(found).To(Equal(map[string]verdict{"app": {
			Cells:     map[string]string{"tcp/443/cloud.example": "required", "tcp/443/stats.example": "optional"},
			Cuts:      []string{"tcp/443/cloud.example"},
			Certified: "exact",
		}}))
	},
		Entry("a vacuum, by miio-simulator", vacuumChecks, func() string { return vacuumFile },
			"miio-simulator", "--model", "roborock.vacuum.s5", SpecTimeout(10*time.Minute)),
		Entry("a plug, by miot-simulator", plugChecks, func() string { return written("plug.json", plugSchema) },
			"miot-simulator", "--model", "some.plug.v1", SpecTimeout(10*time.Minute)),
	)
})

func written(name, text string) string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), name)
	Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
	return path
}

// simulator is a process that plays a device, in a lab's place for one.
type simulator struct {
	*netns.Command
	place *netns.Namespace
}

// replace runs one of python-miio's tools in the place of the lab's device.
func replace(lane *lablane.Lane, arguments ...string) simulator {
	GinkgoHelper()
	place := lane.Lab.VacateDevice()
	lane.Restart = nil
	s := simulator{place.Command(context.Background(), installed("simulators", "miiocli"), arguments...), place}
	s.Stdout, s.Stderr = GinkgoWriter, GinkgoWriter
	Expect(s.Start()).To(Succeed())
	DeferCleanup(func() {
		_ = s.Process.Kill()
		_ = s.Wait() // it was killed
	})
	return s
}

// needs gives the simulator a need, as it has none: it is stopped while
// cloud.example cannot be reached. It contacts stats.example, too, without needing
// it.
func (s simulator) needs() {
	ctx, end := context.WithCancel(context.Background())
	var contacts sync.WaitGroup
	signal := func(number unix.Signal) func() { return func() { _ = s.Process.Signal(number) } }
	contacts.Go(func() { s.keepContact(ctx, "cloud.example", signal(unix.SIGCONT), signal(unix.SIGSTOP)) })
	contacts.Go(func() { s.keepContact(ctx, "stats.example", func() {}, func() {}) })
	DeferCleanup(func() {
		end()
		contacts.Wait()
	})
}

// keepContact connects to a host twice a second. It reports each success, and three
// failures in a row.
func (s simulator) keepContact(ctx context.Context, host string, reached, failed func()) {
	const patience = 3
	dial := s.place.Dial
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, insideResolver)
	}}
	ticks := time.NewTicker(500 * time.Millisecond)
	defer ticks.Stop()
	for failures := 0; ctx.Err() == nil; {
		if connects(ctx, dial, resolver, host) {
			failures = 0
			reached()
		} else if failures++; failures == patience {
			failed()
		}
		select {
		case <-ctx.Done():
		case <-ticks.C:
		}
	}
}

func connects(ctx context.Context, dial netns.DialFunc, resolver *net.Resolver, host string) bool {
	ctx, end := context.WithTimeout(ctx, time.Second)
	defer end()
	addresses, err := resolver.LookupHost(ctx, host+".")
	if err != nil {
		return false
	}
	connection, err := dial(ctx, "tcp", net.JoinHostPort(addresses[0], "443"))
	return err == nil && connection.Close() == nil
}
