package attribution_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/attribution"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

var (
	gateway = netip.MustParseAddr("192.168.50.1")
	uplink  = netip.MustParseAddr("192.168.1.2")
)

func config() attribution.Config {
	return attribution.Config{
		Own: []netip.Addr{gateway, uplink}, Inside: []netip.Addr{gateway}, Resolver: names.Port,
		Home: []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24"), netip.MustParsePrefix("192.168.50.0/24"), netip.MustParsePrefix("fd01::/64")},
	}
}

func place(protocol, at string) watch.Place {
	return watch.Place{Protocol: protocol, AddrPort: netip.MustParseAddrPort(at)}
}

func destinations(ids ...string) (all []harness.Destination) {
	GinkgoHelper()
	for _, id := range ids {
		d, err := harness.ParseDestination(id)
		Expect(err).NotTo(HaveOccurred())
		all = append(all, d)
	}
	return all
}

func entry(protocol, at string) block.Entry {
	p := netip.MustParseAddrPort(at)
	return block.Entry{Protocol: protocol, Address: p.Addr(), Port: p.Port()}
}

// answer is a DNS answer without CNAMEs.
func answer(name string, addresses ...netip.Addr) names.Answered {
	return names.Answered{Name: names.Canonical(name), Addresses: addresses}
}

// seen is a window in which these places were tried once each.
func seen(places ...watch.Place) watch.Window {
	w := watch.Window{Places: map[watch.Place]harness.Contact{}}
	for _, p := range places {
		w.Places[p] = harness.Contact{Tries: 1, First: time.Unix(1, 0), Last: time.Unix(1, 0)}
	}
	return w
}

var _ = Describe("a place", func() {
	DescribeTable("without a name", func(p watch.Place, expected ...string) {
		Expect(attribution.New(config()).Destinations(p)).To(ConsistOf(destinations(expected...)))
	},
		Entry("is its address", place("udp", "198.51.100.1:123"), "udp/123/198.51.100.1"),
		Entry("is its address, as IPv4 in IPv6", place("udp", "[::ffff:198.51.100.1]:123"), "udp/123/198.51.100.1"),
		Entry("is the resolver at the gateway", place("udp", "192.168.50.1:53"), "udp/53/resolver"),
		Entry("is not a destination at the gateway", place("tcp", "192.168.50.1:80")),
		Entry("is not a destination in the home network", place("tcp", "192.168.1.5:80")),
		Entry("is not a destination if it is multicast", place("udp", "224.0.0.251:5353")),
		Entry("is not a destination if it is link-local", place("udp", "[fe80::1]:547")),
	)

	It("is not a destination if it is the resolver and that is kept", func() {
		c := config()
		c.KeepDNS = true
		table := attribution.New(c)
		Expect(table.Destinations(place("udp", "192.168.50.1:53"))).To(BeEmpty())
		Expect(table.Kept(destinations("udp/53/resolver")[0])).To(BeTrue())
	})

	It("has the name that was answered, also if the answer came later", func() {
		table := attribution.New(config())
		window := seen(place("tcp", "198.51.100.1:443"))
		table.Answer(answer("cloud.example", one, two))
		Expect(table.Contacts(window)).To(HaveExactElements(And(
			HaveField("Destination", destinations("tcp/443/cloud.example")[0]), HaveField("Tries", 1),
			HaveField("Addresses", HaveExactElements(one, two)), HaveField("Named", "dns"))))
	})

	It("counts for every name if they are apart, and for the first otherwise", func() {
		window := seen(place("tcp", "198.51.100.1:443"))
		for apart, expected := range map[bool][]harness.Destination{
			false: destinations("tcp/443/a.example"), true: destinations("tcp/443/a.example", "tcp/443/b.example"),
		} {
			c := config()
			c.Apart = apart
			table := attribution.New(c)
			for _, name := range []string{"b.example", "a.example"} {
				table.Answer(answer(name, one))
			}
			var found []harness.Destination
			for _, contact := range table.Contacts(window) {
				found = append(found, contact.Destination)
				Expect(contact.Collateral).To(HaveLen(1))
				Expect(contact.Tries).To(Equal(1))
			}
			Expect(found).To(Equal(expected))
		}
	})

	It("keeps the name under which it was shown in an earlier window", func() {
		table := attribution.New(config())
		at := place("tcp", "198.51.100.1:443")
		table.Answer(answer("b.example", one))
		table.Settle(seen(at))
		table.Answer(answer("a.example", one))
		Expect(table.Destinations(at)).To(Equal(destinations("tcp/443/b.example")))
	})

	It("adds up with queries that were not answered, sorted", func() {
		table := attribution.New(config())
		table.Answer(answer("cloud.example", one))
		window := seen(place("tcp", "198.51.100.1:443"), place("udp", "198.51.100.2:123"), place("tcp", "198.51.100.2:80"))
		window.BlockedQueries = map[harness.Destination]harness.Contact{destinations("tcp/443/cloud.example")[0]: {Tries: 2, Attempts: 2, Touched: 2}}
		Expect(table.Contacts(window)).To(HaveExactElements(
			HaveField("Destination", destinations("tcp/80/198.51.100.2")[0]),
			And(HaveField("Destination", destinations("tcp/443/cloud.example")[0]), HaveField("Tries", 3), HaveField("Attempts", 2)),
			HaveField("Destination", destinations("udp/123/198.51.100.2")[0])))
	})
})

var _ = Describe("an address that no host on the internet can have", func() {
	DescribeTable("is neither learnt nor blocked", func(text string) {
		address := netip.MustParseAddr(text)
		table := attribution.New(config())
		table.Use(table.Plan(append(destinations("tcp/443/log.example"), harness.Destination{Protocol: "tcp", Port: 443, Name: address.String()}), harness.Reject))
		Expect(table.Answer(answer("log.example", address, one)).Block).To(HaveExactElements(entry("tcp", "198.51.100.1:443")))
		for _, fault := range []harness.Fault{harness.Reject, harness.NXDomain} {
			plan := table.Plan(append(destinations("tcp/443/log.example"), harness.Destination{Protocol: "tcp", Port: 443, Name: address.String()}), fault)
			Expect(plan.Entries()).NotTo(ContainElement(HaveField("Address", address.Unmap())))
		}
		at := watch.Place{Protocol: "tcp", AddrPort: netip.AddrPortFrom(address, 443)}
		Expect(table.Destinations(at)).To(BeEmpty())
		Expect(table.Contacts(seen(at, place("tcp", "198.51.100.1:443")))).To(HaveExactElements(And(
			HaveField("Destination.Name", "log.example"), HaveField("Addresses", HaveExactElements(one)))))
		Expect(table.Sinkholes()).To(HaveExactElements(harness.Sinkhole{Name: "log.example", Addresses: []netip.Addr{address.Unmap()}}))

		known := attribution.New(config())
		known.Know([]harness.Contact{{Destination: destinations("tcp/443/log.example")[0], Addresses: []netip.Addr{address}}})
		Expect(known.Plan(destinations("tcp/443/log.example"), harness.Reject).Entries()).To(BeEmpty(), "from an earlier run")
	},
		Entry("unspecified", "0.0.0.0"), Entry("unspecified, IPv6", "::"), Entry("this network", "0.1.2.3"),
		Entry("loopback", "127.0.0.1"), Entry("another loopback", "127.1.2.3"), Entry("loopback, IPv6", "::1"),
		Entry("multicast", "224.0.0.5"), Entry("multicast, IPv6", "ff02::fb"), Entry("broadcast", "255.255.255.255"),
		Entry("link-local", "169.254.1.1"), Entry("link-local, IPv6", "fe80::1"),
		Entry("IPv4 in IPv6", "::ffff:0.0.0.0"), Entry("IPv4 in IPv6, at home", "::ffff:192.168.1.1"), Entry("IPv4 in IPv6, deprecated", "::7f00:1"),
		Entry("site-local", "fec0::1"), Entry("discarded", "100::1"),
		Entry("a router at home", "192.168.1.1"), Entry("a host at home, IPv6", "fd01::5"), Entry("the gateway", "192.168.1.2"),
		Entry("the device's own network", "192.168.50.255"),
	)

	It("is not reported of a name at home, and only in its window", func() {
		table := attribution.New(config())
		home := netip.MustParseAddr("192.168.1.5")
		for _, name := range []string{"homeassistant", "broker.lan", "nas.fritz.box", "hub.home.arpa"} {
			table.Answer(answer(name, home))
		}
		Expect(table.Sinkholes()).To(BeEmpty())
		table.Answer(answer("broker.lan", netip.IPv4Unspecified()))
		Expect(table.Sinkholes()).To(HaveLen(1), "that is nobody's address, at home neither")
		table.Settle(seen())
		Expect(table.Sinkholes()).To(BeEmpty())
	})

	It("is reported of a limited number of names", func() {
		table := attribution.New(config())
		for i := range 10_000 {
			table.Answer(answer(fmt.Sprintf("n%d.example", i), netip.AddrFrom4([4]byte{127, 0, byte(i >> 8), byte(i)}), netip.IPv4Unspecified()))
			table.Answer(answer("many.example", netip.AddrFrom4([4]byte{127, 0, byte(i >> 8), byte(i)})))
		}
		Expect(table.Sinkholes()).To(HaveLen(256))
		Expect(table.Sinkholes()).To(HaveEach(HaveField("Addresses", WithTransform(func(a []netip.Addr) int { return len(a) }, BeNumerically("<=", 8)))))
	})
})

var _ = Describe("what an earlier run saw", func() {
	contact := func(id, named string, addresses ...netip.Addr) harness.Contact {
		return harness.Contact{Destination: destinations(id)[0], Named: named, Addresses: addresses}
	}

	It("names the addresses that the device may remember", func() {
		table := attribution.New(config())
		table.Know([]harness.Contact{contact("tcp/443/cloud.example", "dns", one, two), contact("udp/123/2001:db8::3", "", three)})
		Expect(table.Destinations(place("tcp", "198.51.100.2:443"))).To(Equal(destinations("tcp/443/cloud.example")))
		Expect(table.Plan(destinations("tcp/443/cloud.example"), harness.Reject).Entries()).To(HaveLen(2))
		Expect(table.Plan(destinations("tcp/443/cloud.example"), harness.NXDomain).Entries()).To(BeEmpty())
	})

	It("is blocked by address under nxdomain if the name was an SNI only", func() {
		table := attribution.New(config())
		table.Know([]harness.Contact{contact("tcp/443/written-in.example", "tls", one)})
		Expect(table.Plan(destinations("tcp/443/written-in.example"), harness.NXDomain).Entries()).To(HaveExactElements(entry("tcp", "198.51.100.1:443")))
	})

	It("decides which of several names represents a place", func() {
		table := attribution.New(config())
		table.Know([]harness.Contact{contact("tcp/443/z.example", "dns", one)})
		table.Answer(answer("a.example", one))
		Expect(table.Destinations(place("tcp", "198.51.100.1:443"))).To(Equal(destinations("tcp/443/z.example")))
	})

	It("separates names by their ports, and hides none that is new", func() {
		c := config()
		c.Apart = true
		table := attribution.New(c)
		table.Know([]harness.Contact{contact("tcp/443/web.example", "dns", one), contact("udp/123/time.example", "dns", one)})
		Expect(table.Destinations(place("tcp", "198.51.100.1:443"))).To(Equal(destinations("tcp/443/web.example")))
		Expect(table.Destinations(place("udp", "198.51.100.1:123"))).To(Equal(destinations("udp/123/time.example")))
		table.Answer(answer("new.example", one))
		Expect(table.Destinations(place("tcp", "198.51.100.1:443"))).To(Equal(destinations("tcp/443/new.example", "tcp/443/web.example")))
	})

	It("is blocked at once if it is learnt during a block", func() {
		table := attribution.New(config())
		table.Use(table.Plan(destinations("tcp/443/cloud.example"), harness.Reject))
		Expect(table.Know([]harness.Contact{contact("tcp/443/cloud.example", "dns", one)}).Block).To(HaveExactElements(entry("tcp", "198.51.100.1:443")))
	})
})

var _ = Describe("an SNI", func() {
	It("names an address that no answer named", func() {
		table := attribution.New(config())
		_, doubt := table.SNI(place("tcp", "198.51.100.1:443"), "cloud.example")
		Expect(doubt).To(BeEmpty())
		Expect(table.Contacts(seen(place("tcp", "198.51.100.1:443")))).To(HaveExactElements(And(
			HaveField("Destination.Name", "cloud.example"), HaveField("Named", "tls"))))
	})

	It("counts as such until an answer names the address", func() {
		table := attribution.New(config())
		at := place("tcp", "198.51.100.1:443")
		named := func() string { return table.Contacts(seen(at))[0].Named }
		table.SNI(at, "cloud.example")
		Expect(named()).To(Equal("tls"))
		table.SNI(place("tcp", "198.51.100.2:443"), "cloud.example")
		Expect(named()).To(Equal("tls"))
		table.Answer(answer("cloud.example", two))
		Expect(named()).To(Equal("dns"))
		table.SNI(place("tcp", "[2001:db8::3]:443"), "cloud.example")
		Expect(named()).To(Equal("dns"))
	})

	It("counts for nothing if an answer named the address, or at home", func() {
		table := attribution.New(config())
		table.Answer(answer("cloud.example", one))
		table.SNI(place("tcp", "198.51.100.1:443"), "front.example")
		table.SNI(place("tcp", "192.168.1.5:443"), "front.example")
		Expect(table.Destinations(place("tcp", "198.51.100.1:443"))).To(Equal(destinations("tcp/443/cloud.example")))
		Expect(table.Destinations(place("tcp", "192.168.1.5:443"))).To(BeEmpty())
	})

	It("separates names that share an address but not a port", func() {
		table := attribution.New(config())
		for _, name := range []string{"a.example", "b.example"} {
			table.Answer(names.Answered{Name: name, Addresses: []netip.Addr{one}})
		}
		table.SNI(place("tcp", "198.51.100.1:443"), "a.example")
		Expect(table.Destinations(place("tcp", "198.51.100.1:443"))).To(Equal(destinations("tcp/443/a.example")))
		Expect(table.Destinations(place("udp", "198.51.100.1:123"))).To(Equal(destinations("udp/123/b.example")))
	})

	It("is a doubt if it is blocked and its address was not known", func() {
		table := attribution.New(config())
		table.Use(table.Plan(destinations("tcp/443/cloud.example"), harness.Reject))
		change, doubt := table.SNI(place("tcp", "198.51.100.1:443"), "cloud.example")
		Expect(doubt).To(ContainSubstring("it reached cloud.example at 198.51.100.1:443"))
		Expect(change.Block).To(HaveExactElements(entry("tcp", "198.51.100.1:443")))
	})
})

var _ = Describe("a block", func() {
	cloud := destinations("tcp/443/cloud.example")

	It("covers all addresses of a name, and each that is learnt later", func() {
		table := attribution.New(config())
		table.Answer(answer("cloud.example", one))
		plan := table.Plan(cloud, harness.Reject)
		Expect(plan.Entries()).To(HaveExactElements(entry("tcp", "198.51.100.1:443")))
		Expect(table.Answer(answer("cloud.example", two)).Block).To(BeEmpty(), "nothing is blocked yet")

		_, now := table.Use(table.Plan(cloud, harness.Reject))
		Expect(now).To(ConsistOf(entry("tcp", "198.51.100.1:443"), entry("tcp", "198.51.100.2:443")))
		Expect(table.Answer(answer("cloud.example", one, three)).Block).
			To(HaveExactElements(entry("tcp", "198.51.100.1:443"), entry("tcp", "[2001:db8::3]:443")))
		table.Answer(answer("a.example", three))
		Expect(table.Destinations(place("tcp", "[2001:db8::3]:443"))).To(Equal(cloud), "it is blocked for that name")
	})

	It("lists an address again each time that it is answered, so that a change which failed is tried again", func() {
		table := attribution.New(config())
		table.Use(table.Plan(cloud, harness.Reject))
		for range 2 {
			Expect(table.Answer(answer("cloud.example", one)).Block).To(HaveExactElements(entry("tcp", "198.51.100.1:443")))
		}
	})

	It("covers the resolver at its own port", func() {
		c := config()
		c.Resolver = 10053
		table := attribution.New(c)
		Expect(table.Plan(destinations("udp/53/resolver"), harness.Drop).Entries()).To(HaveExactElements(entry("udp", "192.168.50.1:10053")))
	})

	It("by nxdomain covers names that DNS answered, and the addresses of all others", func() {
		table := attribution.New(config())
		table.Answer(names.Answered{Name: "cloud.example", Aliases: []string{"edge.example"}, Addresses: []netip.Addr{one}})
		table.SNI(place("tcp", "198.51.100.2:443"), "written-in.example")
		all := append(destinations("tcp/443/written-in.example", "udp/123/2001:db8::3"), cloud...)
		plan := table.Plan(all, harness.NXDomain)
		Expect(plan.Entries()).To(ConsistOf(entry("tcp", "198.51.100.2:443"), entry("udp", "[2001:db8::3]:123")))
		_, cut := table.Use(plan)
		Expect(cut).To(ContainElement(entry("tcp", "198.51.100.1:443")), "its connections are cut")
		Expect(table.BlockedByName("cloud.example")).To(Equal(cloud))
		Expect(table.BlockedByName("edge.example")).To(Equal(cloud))
		Expect(table.BlockedByName("written-in.example")).To(BeEmpty())
	})

	It("ends with the next", func() {
		table := attribution.New(config())
		table.Answer(answer("cloud.example", one))
		table.Use(table.Plan(cloud, harness.Reject))
		Expect(table.Use(table.Plan(nil, harness.Reject))).To(HaveExactElements(entry("tcp", "198.51.100.1:443")))
		Expect(table.Answer(answer("cloud.example", two)).Block).To(BeEmpty())
	})

	It("in a confinement opens each new address of an open name", func() {
		table := attribution.New(config())
		table.Answer(answer("cloud.example", one))
		Expect(table.Confine(cloud)).To(HaveExactElements(entry("tcp", "198.51.100.1:443")))
		Expect(table.Answer(answer("Cloud.Example.", one, two)).Open).
			To(HaveExactElements(entry("tcp", "198.51.100.1:443"), entry("tcp", "198.51.100.2:443")))
		table.Use(table.Plan(nil, harness.Reject))
		Expect(table.Answer(answer("cloud.example", three)).Open).To(BeEmpty())
	})
})

func FuzzAnswer(f *testing.F) {
	for _, kind := range []uint16{dns.TypeA, dns.TypeHTTPS} {
		packed, err := new(dns.Msg).SetReply(new(dns.Msg).SetQuestion("cloud.example.", kind)).Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add("udp", packed)
	}
	f.Fuzz(func(t *testing.T, protocol string, text []byte) {
		found := names.Overheard(protocol, text)
		table := attribution.NewNameTable()
		table.Alias(found.Name, found.Aliases, found.Complete)
		for _, name := range append(found.Aliases, found.Name) {
			if len(table.Meant(name)) == 0 {
				t.Errorf("%q means nothing", name)
			}
		}
	})
}
