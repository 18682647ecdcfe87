package applied_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/reports/policy"
)

// street is a lab with its gateway, on which nothing is blocked by us.
type street struct {
	world lab.World
	asked harness.Run
	lane  *lablane.Lane
	ns    *netns.Namespace // of the gateway
}

// live starts a lab and waits until its device works.
func live(ctx context.Context, world lab.World) *street {
	GinkgoHelper()
	asked := lablane.NewRun(world, harness.Settings{Seed: GinkgoRandomSeed()})
	lane, err := lablane.Start(ctx, asked, world, 1)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(lane.Close)
	s := &street{world, asked, lane, lane.Lab.Gateway.Namespace}
	Eventually(ctx, s.broken).WithContext(ctx).Should(BeEmpty())
	return s
}

// broken says which scenarios do not pass, and why.
func (s *street) broken(ctx context.Context) (broken []string) {
	for _, scenario := range s.lane.Scenarios {
		if outcome := scenario.Check(ctx); outcome.Answer != harness.Pass {
			broken = append(broken, scenario.Name+": "+outcome.Why)
		}
	}
	return broken
}

// device is how the rules know it.
func (s *street) device() policy.Device {
	return policy.Device{MAC: s.lane.Lab.Device.MAC}
}

// run feeds a program in the gateway's namespace.
func (s *street) run(ctx context.Context, input string, name string, args ...string) string {
	GinkgoHelper()
	command := s.ns.Command(ctx, name, args...)
	command.Stdin = strings.NewReader(input)
	output, err := command.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s: %s\n%s", name, output, input)
	return string(output)
}

// cutInternet lets nothing leave that the device begins, and resolves no names any more. The
// home network still reaches the device.
func (s *street) cutInternet(ctx context.Context) {
	GinkgoHelper()
	uplink := s.lane.Lab.Gateway.Uplink
	s.run(ctx, `table inet outage {
	chain begun {
		type filter hook forward priority 0; policy accept;
		oifname "`+uplink+`" ct direction original drop
	}
	chain asked {
		type filter hook output priority 0; policy accept;
		oifname "`+uplink+`" meta l4proto { tcp, udp } th dport 53 drop
	}
}`, "nft", "-f", "-")
}

// apply gives an export to the program that it was written for, until the spec ends.
func (s *street) apply(ctx context.Context, format, text string) {
	GinkgoHelper()
	switch format {
	case "nft":
		s.run(ctx, text, "nft", "-f", "-")
	case "iptables":
		s.run(ctx, text, "iptables-restore", "--noflush")
	case "dnsmasq":
		s.serveNames(ctx, text)
	case "dhcp":
		s.serveLeases(ctx, text)
	default:
		Fail("no program here reads " + format)
	}
}

// serveNames puts dnsmasq, with an export, in the place of the gateway's own
// resolver: what the device asks is turned over to it.
func (s *street) serveNames(ctx context.Context, text string) (stop func()) {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "dnsmasq.conf")
	Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
	upstream := s.lane.Lab.Gateway.Upstream
	ctx, cancel := context.WithCancel(ctx)
	command := s.ns.Command(ctx, "dnsmasq", "--no-daemon", "--conf-file="+path, "--port=5353", "--no-resolv", "--no-hosts",
		"--cache-size=0", "--log-facility=-",
		fmt.Sprintf("--server=%s#%d", upstream.Addr(), upstream.Port()))
	var says strings.Builder
	command.Stderr = &says
	Expect(command.Start()).To(Succeed())
	Eventually(ctx, func(g Gomega) { // it listens
		_, err := s.ask(ctx, "localhost")
		g.Expect(err).NotTo(HaveOccurred())
	}).WithContext(ctx).Should(Succeed())
	s.run(ctx, `table inet turn {
	chain over {
		type nat hook prerouting priority -110; policy accept;
		iifname "`+s.lane.Lab.Gateway.Inside+`" meta l4proto { tcp, udp } th dport 53 redirect to :5353
	}
}`, "nft", "-f", "-")
	return func() {
		s.run(ctx, "", "nft", "delete", "table", "inet", "turn")
		cancel()
		_ = command.Wait() // killed
		GinkgoWriter.Println(says.String())
	}
}

// ask asks the dnsmasq of serveNames for the address of a name.
func (s *street) ask(ctx context.Context, name string) (*dns.Msg, error) {
	connection, err := s.ns.Dial(ctx, "udp", "127.0.0.1:5353")
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	answer, _, err := new(dns.Client).ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA), &dns.Conn{Conn: connection})
	return answer, err
}

// serveLeases puts dnsmasq, with an export, in the place of the gateway's own DHCP server. The
// device renews its lease on one connection, which NAT would leave as it is.
func (s *street) serveLeases(ctx context.Context, text string) {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "dnsmasq.conf")
	Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
	site := s.lane.Lab.Gateway
	command := s.ns.Command(ctx, "dnsmasq", "--no-daemon", "--conf-file="+path, "--port=0", "--user=root", "--log-facility=-", "--log-dhcp",
		"--dhcp-alternate-port=6767,68", "--dhcp-authoritative", "--no-ping", "--leasefile-ro", "--interface="+site.Inside,
		fmt.Sprintf("--dhcp-range=%[1]s,%[1]s,2m", s.lane.Lab.Device.Address))
	command.Stdout, command.Stderr = GinkgoWriter, GinkgoWriter
	Expect(command.Start()).To(Succeed())
	DeferCleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait() // killed
	})
	s.run(ctx, `table ip leases {
	chain there {
		type filter hook prerouting priority -350; policy accept;
		iifname "`+site.Inside+`" udp dport 67 udp dport set 6767
	}
	chain back {
		type filter hook output priority -350; policy accept;
		oifname "`+site.Inside+`" udp sport 6767 udp sport set 67
	}
}`, "nft", "-f", "-")
}

// gauge counts, before and behind all rules, what the device sends to some
// destinations.
func (s *street) gauge(ctx context.Context, blocked []policy.Destination) {
	GinkgoHelper()
	var tried, passed strings.Builder
	for _, destination := range blocked {
		d := s.destination(destination.ID.String())
		for _, address := range d.Addresses {
			match := fmt.Sprintf("iifname %q %s daddr %s %s dport %d counter\n", s.lane.Lab.Gateway.Inside, family(address), address, d.Protocol, d.Port)
			tried.WriteString(match)
			passed.WriteString(match)
		}
	}
	s.run(ctx, "table inet gauge\ndelete table inet gauge\ntable inet gauge {\n"+
		"chain tried { type filter hook prerouting priority -300; policy accept;\n"+tried.String()+"}\n"+
		"chain passed { type filter hook forward priority 300; policy accept;\n"+passed.String()+"}\n}", "nft", "-f", "-")
}

// read is the number of packets that a chain of the gauge counted since the
// last reading.
func (s *street) read(ctx context.Context, chain string) (packets int) {
	GinkgoHelper()
	var listing struct {
		Nftables []struct {
			Rule struct {
				Chain string
				Expr  []struct{ Counter struct{ Packets int } }
			}
		}
	}
	Expect(json.Unmarshal([]byte(s.run(ctx, "", "nft", "-j", "list", "table", "inet", "gauge")), &listing)).To(Succeed())
	for _, each := range listing.Nftables {
		for _, e := range each.Rule.Expr {
			if each.Rule.Chain == chain {
				packets += e.Counter.Packets
			}
		}
	}
	return packets
}

func (s *street) destination(id string) lab.Destination {
	for _, d := range s.world.Destinations {
		if d.ID() == id {
			return d
		}
	}
	Fail("the world has no " + id)
	return lab.Destination{}
}

// restless reports whether the device tries one of these all the time.
func (s *street) restless(blocked []policy.Destination) bool {
	return slices.ContainsFunc(blocked, func(b policy.Destination) bool {
		d := s.destination(b.ID.String())
		return d.When == lab.Always && len(d.After) == 0
	})
}

// window is how long the device takes to try everything a few times.
func (s *street) window() time.Duration { return s.world.Settle() }

func family(address netip.Addr) string {
	if address.Is4() {
		return "ip"
	}
	return "ip6"
}

// tools wants programs. Where one is missing the spec is left out; in CI, where
// scripts/install has seen to it, that is a failure.
func tools(names ...string) {
	GinkgoHelper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil && os.Getenv("CI") == "" {
			Skip(name + " is not installed: make deps-test")
		} else {
			Expect(err).NotTo(HaveOccurred())
		}
	}
}
