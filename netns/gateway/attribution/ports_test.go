package attribution_test

import (
	"fmt"
	"net/netip"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/attribution"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

var _ = Describe("an address that is contacted on many ports", func() {
	every := destinations("udp/*/198.51.100.1")
	port := func(n int) watch.Place { return place("udp", fmt.Sprintf("198.51.100.1:%d", n)) }

	// contacted are the destinations of a table after so many windows, each with a new
	// port of an address.
	contacted := func(table *attribution.Table, windows int) (ids []string) {
		for i := range windows {
			window := seen(port(20000 + i))
			ids = nil
			for _, contact := range table.Contacts(window) {
				ids = append(ids, contact.Destination.String())
			}
			table.Settle(window)
		}
		return ids
	}

	It("is one destination from the eighth port on, over several windows", func() {
		table := attribution.New(config())
		Expect(contacted(table, watch.ManyPorts-1)).To(HaveExactElements("udp/20006/198.51.100.1"))
		Expect(contacted(table, watch.ManyPorts-1)).To(HaveExactElements("udp/20006/198.51.100.1"), "the same ports are not counted twice")
		Expect(contacted(table, watch.ManyPorts)).To(HaveExactElements("udp/*/198.51.100.1"))
		Expect(table.Destinations(port(5))).To(Equal(every))
		Expect(table.Destinations(place("tcp", "198.51.100.1:443"))).To(Equal(destinations("tcp/443/198.51.100.1")), "another protocol")
		Expect(table.Destinations(place("icmp", "198.51.100.1:0"))).To(Equal(destinations("icmp/echo/198.51.100.1")))
	})

	It("adds what was seen on all ports up", func() {
		table := attribution.New(config())
		contacted(table, watch.ManyPorts)
		Expect(table.Contacts(seen(port(1), port(2), port(3)))).To(HaveExactElements(And(
			HaveField("Destination", every[0]), HaveField("Tries", 3), HaveField("Addresses", HaveExactElements(one)))))
	})

	It("is blocked as a whole, and what is on any port there is blocked for it", func() {
		table := attribution.New(config())
		plan := table.Plan(every, harness.Reject)
		Expect(plan.Entries()).To(HaveExactElements(block.Entry{Address: one, Protocol: "udp"}))
		table.Use(plan)
		Expect(table.Destinations(port(20000))).To(Equal(every))
		Expect(table.BlockedAt(one)).To(BeTrue())
	})

	It("counts for the one port that is blocked, if it is the only one", func() {
		table := attribution.New(config())
		single := destinations("udp/20000/198.51.100.1")
		table.Use(table.Plan(single, harness.Reject))
		contacted(table, watch.ManyPorts)
		Expect(table.Destinations(port(20000))).To(Equal(single))
		Expect(table.Destinations(port(20001))).To(Equal(every))
	})

	It("is one destination by its name, also at other addresses of the name", func() {
		table := attribution.New(config())
		table.Answer(answer("relay.example", one, two))
		Expect(contacted(table, watch.ManyPorts)).To(HaveExactElements("udp/*/relay.example"))
		Expect(table.Destinations(place("udp", "198.51.100.2:9"))).To(Equal(destinations("udp/*/relay.example")))
		for _, fault := range []harness.Fault{harness.Reject, harness.NXDomain} {
			table.Use(table.Plan(destinations("udp/*/relay.example"), fault))
			Expect(table.Destinations(port(3))).To(Equal(destinations("udp/*/relay.example")))
			Expect(table.BlockedByName("relay.example")).To(HaveLen(map[harness.Fault]int{harness.NXDomain: 1}[fault]))
		}
		table.Use(table.Plan(destinations("udp/*/relay.example"), harness.Reject))
		Expect(table.Answer(answer("relay.example", three)).Block).To(HaveExactElements(block.Entry{Address: three, Protocol: "udp"}))
	})

	It("is one destination by a name whose every address is contacted on another port", func() {
		table := attribution.New(config())
		for i := range watch.ManyPorts + 1 {
			address := netip.AddrFrom4([4]byte{198, 51, 100, byte(10 + i)})
			table.Answer(answer("relay.example", address))
			table.Contacts(seen(watch.Place{Protocol: "udp", AddrPort: netip.AddrPortFrom(address, uint16(30000+i))}))
		}
		Expect(table.Destinations(place("udp", "198.51.100.10:30000"))).To(Equal(destinations("udp/*/relay.example")))
	})

	It("keeps the name under which its ports were shown, and lists the others as hit, too", func() {
		table := attribution.New(config())
		table.Answer(answer("relay.example", one))
		contacted(table, 1)
		table.Answer(answer("another.example", one))
		contacted(table, watch.ManyPorts)
		Expect(table.Contacts(seen(port(1)))).To(HaveExactElements(And(
			HaveField("Destination", destinations("udp/*/relay.example")[0]), HaveField("Collateral", HaveExactElements("another.example")))))
	})

	It("has the name that becomes known later", func() {
		table := attribution.New(config())
		contacted(table, watch.ManyPorts)
		table.Answer(answer("relay.example", one))
		Expect(contacted(table, 1)).To(HaveExactElements("udp/*/relay.example"))
	})

	It("is one destination at once if an earlier run saw it so", func() {
		table := attribution.New(config())
		table.Know([]harness.Contact{{Destination: every[0], Addresses: []netip.Addr{one}}})
		Expect(table.Destinations(port(7))).To(Equal(every))
	})

	It("is one destination at once if the ledger has taken its ports together", func() {
		Expect(contacted(attribution.New(config()), 1)).To(HaveLen(1))
		Expect(attribution.New(config()).Contacts(seen(port(1).Whole()))).To(HaveExactElements(HaveField("Destination", every[0])))
	})

	It("leaves the gateway's resolver and what is always blocked alone", func() {
		c := config()
		pattern, err := harness.ParsePattern("udp/20000/198.51.100.1")
		Expect(err).NotTo(HaveOccurred())
		c.Always = []harness.Pattern{pattern}
		table := attribution.New(c)
		for i := range 2 * watch.ManyPorts {
			at := watch.Place{Protocol: "udp", AddrPort: netip.AddrPortFrom(gateway, uint16(50+i))}
			table.Contacts(seen(at, port(20000+i)))
		}
		Expect(table.Destinations(place("udp", "192.168.50.1:53"))).To(Equal(destinations("udp/53/" + attribution.Resolver)))
		Expect(table.Destinations(port(20000))).To(Equal(destinations("udp/20000/198.51.100.1")))
		Expect(table.Destinations(port(20001))).To(Equal(every))
	})

	It("still tells of a private resolver there", func() {
		table := attribution.New(config())
		contacted(table, watch.ManyPorts)
		Expect(table.Contacts(seen(port(names.PrivatePort)))).To(HaveExactElements(And(
			HaveField("Destination", every[0]), HaveField("Private", "DNS over QUIC"))))
	})

	It("is recorded in bounded memory, however many addresses there are", Label("norace"), func() {
		table := attribution.New(config())
		for i := range 20000 {
			address := netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)})
			window := watch.Window{Places: map[watch.Place]harness.Contact{}}
			for p := range watch.ManyPorts {
				window.Places[watch.Place{Protocol: "udp", AddrPort: netip.AddrPortFrom(address, uint16(1+p))}] = harness.Contact{Tries: 1}
			}
			table.Contacts(window)
		}
		counted, joined := table.Ports()
		Expect(counted).To(BeNumerically("<=", 8192))
		Expect(joined).To(BeNumerically("<=", 2048))
	})
})
