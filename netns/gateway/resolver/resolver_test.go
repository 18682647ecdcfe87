package resolver_test

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/resolver"
	"github.com/needwant/needwant/netns/netnstest"
)

// room is a machine, and hosts on one cable with it.
type room struct {
	machine, hosts *netns.Namespace
	others         *netns.Namespace
	resolver       *resolver.Resolver
}

const (
	machine, device, other = "192.168.1.10", "192.168.1.50", "192.168.1.60"
	moved                  = "192.168.1.51" // the device, after its lease ended
	stranger               = "203.0.113.9"
	upstream               = "127.0.0.1:53"
	patience               = 5 * time.Second
)

func newRoom(ctx context.Context, change func(*resolver.Config, *room)) *room {
	GinkgoHelper()
	r := &room{}
	for _, namespace := range []**netns.Namespace{&r.machine, &r.hosts, &r.others} {
		created := netnstest.New()
		*namespace = created
	}
	Expect(netns.Veth(netns.End{Namespace: r.machine, Name: "m0"}, netns.End{Namespace: r.hosts, Name: "h0", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}})).To(Succeed())
	Expect(netns.Veth(netns.End{Namespace: r.machine, Name: "m1"}, netns.End{Namespace: r.others, Name: "h0"})).To(Succeed())
	Expect(r.machine.AddBridge("lan", "m0", "m1")).To(Succeed())
	Expect(r.others.AddAddress("h0", netip.MustParsePrefix(other+"/24"))).To(Succeed())
	Expect(r.machine.AddAddress("lan", netip.MustParsePrefix(machine+"/24"))).To(Succeed())
	for _, host := range []string{device + "/24", moved + "/24", stranger + "/32"} {
		Expect(r.hosts.AddAddress("h0", netip.MustParsePrefix(host))).To(Succeed())
	}
	Expect(r.machine.AddLinkRoute(netip.MustParsePrefix(stranger+"/32"), "lan")).To(Succeed())
	netnstest.ServeNames(ctx, r.machine, "127.0.0.1")
	config := resolver.Config{Namespace: r.machine, Upstream: netip.MustParseAddrPort(upstream), Address: netip.MustParseAddr(device)}
	Expect(r.machine.Do(func() (err error) {
		config.Sockets, err = names.OpenSockets(ctx, netip.MustParseAddrPort(machine+":53"))
		return err
	})).To(Succeed())
	if change != nil {
		change(&config, r)
	}
	made, err := resolver.New(ctx, config)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(made.Close)
	r.resolver = made
	return r
}

// ask is the answer that a host gets.
func (r *room) ask(ctx context.Context, from, name string, kind uint16, longest time.Duration) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	host := r.hosts
	if from == other {
		host = r.others
	}
	connection, err := host.DialFrom(netip.MustParseAddr(from))(ctx, "udp", machine+":53")
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	answer, _, err := new(dns.Client).ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion(dns.Fqdn(name), kind), &dns.Conn{Conn: connection})
	return answer, err
}

func (r *room) answer(ctx context.Context, from, name string, kind uint16) *dns.Msg {
	GinkgoHelper()
	answer, err := r.ask(ctx, from, name, kind, patience)
	Expect(err).NotTo(HaveOccurred())
	return answer
}

var _ = Describe("a resolver that blocks for one client", Label("root"), func() {
	cloud := []harness.Destination{{Protocol: harness.DNS, Name: "cloud.example"}}
	seen := func(ctx context.Context, r *room) harness.Contact {
		GinkgoHelper()
		observation, err := r.resolver.Observe(ctx)
		Expect(err).NotTo(HaveOccurred())
		contact, _ := observation.Contact(cloud[0])
		return contact
	}

	DescribeTable("blocks a name for the device alone", func(ctx SpecContext, fault harness.Fault, rcode int, addresses string) {
		r := newRoom(ctx, nil)
		answered := r.answer(ctx, device, "Cloud.Example", dns.TypeA)
		Expect(answered.Answer).To(HaveExactElements(HaveField("Hdr.Ttl", BeEquivalentTo(1))))
		Expect(seen(ctx, r)).To(And(HaveField("Answered", true), HaveField("Tries", 1), HaveField("Addresses", HaveLen(1))))
		Expect(r.resolver.Block(ctx, cloud, fault)).To(Succeed())

		blocked := r.answer(ctx, device, "Cloud.Example", dns.TypeA)
		Expect(blocked.Rcode).To(Equal(rcode))
		found := ""
		for _, record := range blocked.Answer {
			found += record.(*dns.A).A.String()
			Expect(record.Header().Ttl).To(BeEquivalentTo(1))
		}
		Expect(found).To(Equal(addresses))
		Expect(r.answer(ctx, device, "cloud.example", dns.TypeHTTPS).Answer).To(BeEmpty())
		Expect(seen(ctx, r)).To(And(HaveField("Touched", 2), HaveField("Answered", false)))
		Eventually(func() int { r.answer(ctx, device, "cloud.example", dns.TypeA); return seen(ctx, r).Attempts }).
			WithContext(ctx).WithTimeout(3 * resolver.Memory).Should(BeNumerically(">", 0))

		others := r.answer(ctx, other, "cloud.example", dns.TypeA)
		Expect(others.Answer).To(HaveExactElements(HaveField("Hdr.Ttl", BeEquivalentTo(3600))))
		Expect(r.answer(ctx, device, "free.example", dns.TypeA).Answer).To(HaveLen(1))
		Expect(r.resolver.Block(ctx, nil, fault)).To(Succeed())
		Expect(r.answer(ctx, device, "cloud.example", dns.TypeA).Answer).To(HaveLen(1))
	},
		Entry("as one that does not exist", harness.NXDomain, dns.RcodeNameError, "", SpecTimeout(30*time.Second)),
		Entry("as one that is refused", harness.Refused, dns.RcodeRefused, "", SpecTimeout(30*time.Second)),
		Entry("as blocklists do", harness.Null, dns.RcodeSuccess, "0.0.0.0", SpecTimeout(30*time.Second)),
	)

	It("knows the device by its MAC address, whatever address it has", func(ctx SpecContext) {
		r := newRoom(ctx, func(c *resolver.Config, _ *room) {
			c.Address, c.MAC = netip.Addr{}, net.HardwareAddr{2, 0, 0, 0, 0, 1}
		})
		Expect(r.resolver.Block(ctx, cloud, harness.NXDomain)).To(Succeed())
		for _, address := range []string{device, moved} {
			Expect(r.answer(ctx, address, "cloud.example", dns.TypeA).Rcode).To(Equal(dns.RcodeNameError), address)
		}
		Expect(r.answer(ctx, other, "cloud.example", dns.TypeA).Answer).To(HaveLen(1))
	}, SpecTimeout(30*time.Second))

	It("answers nobody outside of the home, and does not name an encrypted resolver", func(ctx SpecContext) {
		r := newRoom(ctx, nil)
		_, err := r.ask(ctx, stranger, "cloud.example", dns.TypeA, 200*time.Millisecond)
		Expect(err).To(HaveOccurred())
		Expect(r.answer(ctx, device, "_dns.resolver.arpa", dns.TypeSVCB).Rcode).To(Equal(dns.RcodeNameError))
	}, SpecTimeout(30*time.Second))

	It("doubts a trial in which the device may resolve names elsewhere", func(ctx SpecContext) {
		r := newRoom(ctx, nil)
		r.answer(ctx, device, "dns.google", dns.TypeA)
		Expect(r.resolver.Block(ctx, cloud, harness.NXDomain)).To(Succeed())
		observation, err := r.resolver.Observe(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(observation.Doubts).To(ConsistOf(ContainSubstring("dns.google")))
	}, SpecTimeout(30*time.Second))

	It("rejects what it cannot block, and changes nothing", func(ctx SpecContext) {
		r := newRoom(ctx, nil)
		web := []harness.Destination{{Protocol: harness.TCP, Port: 443, Name: "cloud.example"}}
		Expect(r.resolver.Block(ctx, web, harness.NXDomain)).To(MatchError(ContainSubstring("choose another placement")))
		Expect(r.resolver.Block(ctx, cloud, harness.Drop)).To(MatchError(ContainSubstring("no fault drop: it has [nxdomain refused null]")))
		Expect(r.answer(ctx, device, "cloud.example", dns.TypeA).Answer).To(HaveLen(1))
	}, SpecTimeout(30*time.Second))
})
