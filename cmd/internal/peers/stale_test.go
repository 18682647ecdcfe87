//go:build e2e

package peers_test

import (
	"context"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/cmd/internal/specbench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/netnstest"
	"github.com/needwant/needwant/scenarios"
)

// freshChecks demand a state that is newer than the check, in both ways.
const freshChecks = `
apiVersion: needwant/v1
kind: Scenarios
gateway: {placement: lab, world: s50-thread}
block: {faults: [reject], keep: [dhcp, dns]}
scenarios:
  fresh:
    from: FROM
    steps:
      - hass: {url: "URL", entity: vacuum.device, refresh: true}
        expect: state != "unavailable" && fresh
  path:
    from: FROM
    steps:
      - hass: {url: "URL", entity: vacuum.device, refresh: true}
        expect: state != "unavailable" && path == "lan"
`

// While Home Assistant's own poll hangs on a dead device, it answers update_entity
// within milliseconds: nothing was polled, and the state is the old one, but
// last_reported is now.
var _ = Describe("a dead device that Home Assistant is polling already", Label("e2e"), func() {
	var lane *lablane.Lane
	var device simulator

	BeforeEach(func(ctx SpecContext) {
		world, err := lab.Parse("simulated.yaml", []byte(simulated))
		Expect(err).NotTo(HaveOccurred())
		spec, err := scenarios.Parse("checks.yaml", []byte(vacuumChecks))
		Expect(err).NotTo(HaveOccurred())
		lane = onLab(ctx, spec, world)
		device = replace(lane, "devtools", "miio-simulator", "--file", vacuumFile, "--model", lane.Lab.Device.Model)
	}, NodeTimeout(time.Minute))

	// passes kills the device, waits for Home Assistant's own poll, and reports what
	// passes nevertheless.
	passes := func(ctx SpecContext, home *instance, from string) []string {
		GinkgoHelper()
		text := strings.NewReplacer("FROM", from, "URL", home.URL).Replace(freshChecks)
		spec, err := scenarios.Parse("fresh.yaml", []byte(text))
		Expect(err).NotTo(HaveOccurred())
		site := specbench.Site(lane, specbench.Options{})
		site.HassToken, site.Polling = home.Token, xiaomiPolling
		checks, err := spec.Bind(spec.Scenarios, site)
		Expect(err).NotTo(HaveOccurred())
		Expect(checks[0].Name).To(Equal("fresh"))
		Eventually(checks[0].Check).WithContext(ctx).Within(3*time.Minute).Should(HaveField("Answer", harness.Pass), "with the device alive")

		Expect(device.Process.Signal(unix.SIGSTOP)).To(Succeed())
		Eventually(device.unanswered).WithContext(ctx).Within(30 * time.Second).ProbeEvery(50 * time.Millisecond).Should(BeTrue())
		outcomes := make([]harness.Outcome, len(checks))
		var all sync.WaitGroup
		for i, check := range checks {
			all.Go(func() { outcomes[i] = check.Check(ctx) })
		}
		all.Wait()
		var passed []string
		for i, outcome := range outcomes {
			GinkgoWriter.Println(checks[i].Name, outcome)
			if outcome.Answer == harness.Pass {
				passed = append(passed, checks[i].Name)
			}
		}
		return passed
	}

	DescribeTable("does not pass, with Home Assistant in the home network:", func(ctx SpecContext, release string) {
		Expect(passes(ctx, moveIn(ctx, release, lane.Lab), "lan")).To(BeEmpty())
	},
		Entry(nil, currentRelease, SpecTimeout(15*time.Minute)),
	)

	DescribeTable("does not pass, with Home Assistant in the device's own network:", func(ctx SpecContext, release string) {
		home := &instance{release, lane.Lab.Device, lane.Lab.Gateway.Namespace, lab.AssistantSite{
			URL: "http://192.168.50.5:8123", Entity: lane.Lab.Assistant.Entity,
		}}
		home.setUp(ctx, device.neighbour(ctx, lane.Lab))
		Expect(passes(ctx, home, "gateway")).To(BeEmpty())
	},
		Entry(nil, oldRelease, SpecTimeout(15*time.Minute)),
		Entry(nil, currentRelease, SpecTimeout(15*time.Minute)),
	)
})

// waiting is a socket of a device's port in /proc/net/udp that has datagrams which
// the device has not read.
var waiting = regexp.MustCompile(`(?m)^ *\d+: [0-9A-F]+:D431 \S+ \S+ [0-9A-F]+:(0*[1-9A-F][0-9A-F]*) `)

// unanswered reports whether something was sent to the device that it has not read.
func (s simulator) unanswered() (sent bool, err error) {
	err = s.place.Do(func() error {
		table, err := os.ReadFile("/proc/thread-self/net/udp")
		sent = waiting.Match(table)
		return err
	})
	return sent, err
}

// neighbour is a new host in the device's own network, 192.168.50.5. The device's
// interface becomes a port of a switch, and the gateway does not see what the two
// send each other.
func (s simulator) neighbour(ctx context.Context, l *lab.Lab) *netns.Namespace {
	GinkgoHelper()
	host := netnstest.New()
	Expect(netns.Veth(netns.End{Namespace: host, Name: "eth0"}, netns.End{Namespace: s.place, Name: "port"})).To(Succeed())
	Expect(s.place.AddBridge("switch", "eth0", "port")).To(Succeed())
	Expect(s.place.SetMAC("switch", l.Device.MAC)).To(Succeed())
	text, err := s.place.Command(ctx, "ip", "address", "flush", "dev", "eth0").CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s", text)
	for _, at := range []struct {
		namespace       *netns.Namespace
		link, addresses string
	}{{s.place, "switch", l.Device.Address.String() + "/24"}, {host, "eth0", "192.168.50.5/24"}} {
		Expect(at.namespace.AddAddress(at.link, netip.MustParsePrefix(at.addresses))).To(Succeed())
		Expect(at.namespace.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("192.168.50.1"))).To(Succeed())
	}
	return host
}
