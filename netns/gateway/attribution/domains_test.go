package attribution_test

import (
	"fmt"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/attribution"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// A device queries a new name below data.iot.example each time.
var _ = Describe("names that never repeat", func() {
	const every = 2 * time.Second
	wide := destinations("tcp/443/*.data.iot.example")
	web := place("tcp", "198.51.100.1:443")
	random := func(i int) string { return fmt.Sprintf("%x.data.iot.example", 0x9e3779b9*(i+1)) }

	// queried is a table for a device that has queried so many, one after another.
	queried := func(count int, name func(int) string) *attribution.Table {
		table := attribution.New(config())
		for i := range count {
			table.Answer(answer(name(i), one))
			<-time.After(every)
		}
		return table
	}

	It("are one destination, of which names to come are a part", func() {
		inVirtualTime(func() {
			table := queried(22, random)
			Expect(table.Contacts(seen(web))).To(HaveExactElements(And(
				HaveField("Destination", wide[0]), HaveField("Addresses", HaveExactElements(one)), HaveField("Collateral", BeEmpty()), HaveField("Except", BeEmpty()))))
			table.Answer(answer("new.data.iot.example", two))
			Expect(table.Destinations(place("tcp", "198.51.100.2:443"))).To(Equal(wide))
		})
	})

	It("stay destinations of their own if only some of them are on the blocklist", func() {
		inVirtualTime(func() {
			c := config()
			c.Only = func(c harness.Contact) []string {
				if _, wide := c.Destination.Domain(); wide {
					return nil
				}
				return []string{c.Destination.Name}
			}
			table := attribution.New(c)
			for i := range 22 {
				table.Answer(answer(random(i), one))
				<-time.After(every)
			}
			Expect(table.Destinations(web)).To(HaveExactElements(HaveField("Name", Not(HavePrefix("*.")))))
		})
	})

	DescribeTable("are joined within a minute, however quickly they come", func(every time.Duration) {
		inVirtualTime(func() {
			table := attribution.New(config())
			for i := range int(time.Minute / every) {
				table.Answer(answer(random(i), one))
				<-time.After(every)
			}
			Expect(table.Destinations(web)).To(Equal(wide))
		})
	},
		Entry("two a second", 500*time.Millisecond), Entry("ten a second", 100*time.Millisecond),
		Entry("a hundred a second", 10*time.Millisecond), Entry("one in two seconds", 2*time.Second),
	)

	It("are destinations of their own while they are few, or came at once", func() {
		inVirtualTime(func() {
			Expect(queried(14, random).Destinations(web)).NotTo(Equal(wide))

			table := attribution.New(config())
			for i := range 100 {
				table.Answer(answer(random(i), one))
			}
			<-time.After(time.Minute)
			table.Answer(answer(random(100), one))
			Expect(table.Destinations(web)).NotTo(Equal(wide), "a device that starts may look up many at once")
		})
	})

	It("are none if they come back", func() {
		inVirtualTime(func() {
			Expect(queried(100, func(i int) string { return random(i % 10) }).Destinations(web)).NotTo(Equal(wide))
		})
	})

	It("leave a name below the same domain alone that came back before", func() {
		inVirtualTime(func() {
			table := attribution.New(config())
			for i := range 30 {
				table.Answer(answer(random(i), one))
				table.Answer(answer("api.data.iot.example", two))
				<-time.After(every)
			}
			api := destinations("tcp/443/api.data.iot.example")
			Expect(table.Destinations(place("tcp", "198.51.100.2:443"))).To(Equal(api))
			Expect(table.Destinations(web)).To(Equal(wide))
			Expect(table.Contacts(seen(web))[0].Except).To(HaveExactElements("api.data.iot.example"))

			table.Use(table.Plan(wide, harness.NXDomain))
			Expect(table.BlockedByName("api.data.iot.example")).To(BeEmpty())
			Expect(table.BlockedByName(random(31))).To(Equal(wide))
			Expect(table.BlockedByName("data.iot.example")).To(BeEmpty())
			table.Use(table.Plan(wide, harness.Reject))
			Expect(table.Answer(answer("api.data.iot.example", three)).Block).To(BeEmpty())
			Expect(table.Answer(answer(random(32), three)).Block).To(HaveExactElements(entry("tcp", "[2001:db8::3]:443")))
		})
	})

	DescribeTable("are counted below the longest domain that has them all", func(pattern, expected string) {
		inVirtualTime(func() {
			table := queried(30, func(i int) string { return fmt.Sprintf(pattern, 0x9e3779b9*(i+1)) })
			Expect(table.Destinations(web)[0].Name).To(Equal(expected))
		})
	},
		Entry("a random label", "%x.data.iot.example", "*.data.iot.example"),
		Entry("a random label in the middle", "device.%x.iot.example", "*.iot.example"),
		Entry("two labels", "%x.a.b.iot.example", "*.a.b.iot.example"),
	)

	DescribeTable("are never joined below a public suffix", func(pattern string) {
		inVirtualTime(func() {
			table := queried(30, func(i int) string { return fmt.Sprintf(pattern, 0x9e3779b9*(i+1)) })
			Expect(table.Destinations(web)[0].Name).NotTo(HavePrefix("*."))
		})
	},
		Entry("com", "%x.com"), Entry("of two labels", "%x.co.uk"), Entry("of a hoster", "%x.cloudfront.net"),
		Entry("of a hoster, regional", "ec2-%x.eu-central-1.compute.amazonaws.com"), Entry("that is not listed", "%x.example"),
	)

	It("are blocked as a whole by a request for the destination, before they were ever joined", func() {
		for _, fault := range []harness.Fault{harness.Reject, harness.NXDomain} {
			table := attribution.New(config())
			table.Answer(answer(random(0), one))
			table.Use(table.Plan(wide, fault))
			Expect(table.Destinations(web)).To(Equal(wide))
			if fault == harness.NXDomain {
				Expect(table.BlockedByName(random(1))).To(Equal(wide))
				continue
			}
			Expect(table.Plan(wide, fault).Entries()).To(HaveExactElements(entry("tcp", "198.51.100.1:443")))
			Expect(table.Answer(answer(random(1), two)).Block).To(HaveExactElements(entry("tcp", "198.51.100.2:443")))
		}
	})

	It("are known from an earlier run, as are the names below that are not among them", func() {
		table := attribution.New(config())
		table.Know([]harness.Contact{
			{Destination: destinations("tcp/443/" + random(0))[0], Addresses: []netip.Addr{one}, Named: "dns"}, // before they were joined
			{Destination: wide[0], Addresses: []netip.Addr{two}, Named: "dns", Except: []string{"api.data.iot.example"}},
			{Destination: destinations("tcp/443/api.data.iot.example")[0], Addresses: []netip.Addr{three}, Named: "dns"},
		})
		Expect(table.Destinations(web)).To(Equal(wide))
		Expect(table.Destinations(place("tcp", "198.51.100.2:443"))).To(Equal(wide))
		Expect(table.Destinations(place("tcp", "[2001:db8::3]:443"))).To(Equal(destinations("tcp/443/api.data.iot.example")))
		Expect(table.Contacts(seen(web))[0].Except).To(HaveExactElements("api.data.iot.example"))
	})

	It("are joined again below a shorter domain", func() {
		inVirtualTime(func() {
			table := queried(22, random)
			for i := range 40 {
				table.Answer(answer(fmt.Sprintf("x.%x.iot.example", i), two))
				<-time.After(every)
			}
			Expect(table.Destinations(web)).To(Equal(destinations("tcp/443/*.iot.example")))
			table.Answer(answer("other.data.iot.example", three))
			Expect(table.Destinations(place("tcp", "[2001:db8::3]:443"))).To(Equal(destinations("tcp/443/*.iot.example")))
		})
	})

	It("are joined by SNI, too, once they are known", func() {
		inVirtualTime(func() {
			table := queried(22, random)
			at := place("tcp", "198.51.100.9:443")
			table.SNI(at, "y.data.iot.example")
			Expect(table.Destinations(at)).To(Equal(wide))
		})
	})
})

var _ = Describe("what a device can make the table record", func() {
	It("is limited in names and addresses, and spares what is blocked", func() {
		table := attribution.New(config())
		table.Answer(answer("cloud.vendor.test", one))
		table.Use(table.Plan(destinations("tcp/443/cloud.vendor.test"), harness.Reject))
		for i := range 30_000 {
			address := netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})
			table.Answer(names.Answered{Name: fmt.Sprintf("%d.d%d.test", i, i), Addresses: []netip.Addr{address}})
			table.Began(place("tcp", netip.AddrPortFrom(address, 443).String()))
		}
		known, addresses, witnessed := table.Sizes()
		Expect(known).To(BeNumerically("<=", 8192))
		Expect(addresses).To(BeNumerically("<=", 65536))
		Expect(witnessed).To(BeNumerically("<=", 8192))
		Expect(table.Destinations(place("tcp", "198.51.100.1:443"))).To(Equal(destinations("tcp/443/cloud.vendor.test")))
	})

	It("is limited in what shows which name a place has", func() {
		table := attribution.New(config())
		for i := range 400 {
			address := netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})
			table.Answer(answer("a.test", address))
			table.Answer(answer("b.test", address))
			table.Delivered("b.test")
			for port := range uint16(256) {
				table.Began(watch.Place{Protocol: "tcp", AddrPort: netip.AddrPortFrom(address, port+1)})
			}
		}
		counted, held := table.Proof()
		Expect(held).To(Equal(counted))
		Expect(held).To(And(BeNumerically(">", 0), BeNumerically("<=", 65536)))
	})

	It("is limited in the addresses of what is blocked, all of which the kernel must hold", Label("norace"), func() {
		table := attribution.New(config())
		table.Answer(answer("cloud.test", one))
		table.Use(table.Plan(destinations("tcp/443/cloud.test"), harness.Reject))
		addresses := make([]netip.Addr, 1000)
		for i := range 200 {
			for j := range addresses {
				addresses[j] = netip.AddrFrom4([4]byte{20, byte(i), byte(j >> 8), byte(j)})
			}
			Expect(table.Answer(answer("cloud.test", addresses...)).Block).To(HaveLen(len(addresses)))
		}
		Expect(table.Owned()).To(Equal(1 << 17))
	})

	It("is limited in the addresses of one name, and in the names of one address", func() {
		table := attribution.New(config())
		var all []netip.Addr
		for i := range 30_000 {
			all = append(all, netip.AddrFrom4([4]byte{20, byte(i >> 16), byte(i >> 8), byte(i)}))
		}
		for i := range all {
			table.Answer(answer("many.test", all[i]))
		}
		_, addresses, _ := table.Sizes()
		Expect(addresses).To(BeNumerically("<=", 8192))
		Expect(addresses).To(BeNumerically(">=", 4096))
		Expect(table.Destinations(place("tcp", netip.AddrPortFrom(all[len(all)-1], 443).String()))).To(Equal(destinations("tcp/443/many.test")))

		for i := range 5000 {
			table.Answer(answer(fmt.Sprintf("%d.test", i), one))
		}
		contacts := table.Contacts(seen(place("tcp", "198.51.100.1:443")))
		Expect(len(contacts[0].Collateral)).To(BeNumerically("<=", 256))
	})

	It("is dropped after a week without use", func() {
		inVirtualTime(func() {
			table := attribution.New(config())
			at := place("tcp", "198.51.100.1:443")
			table.Answer(answer("used.test", one))
			table.Answer(answer("unused.test", two))
			for range 10 {
				<-time.After(24 * time.Hour)
				table.Began(at)
				table.Answer(answer(fmt.Sprintf("%d.test", time.Now().Unix()), three))
			}
			Expect(table.Destinations(at)).To(Equal(destinations("tcp/443/used.test")))
			Expect(table.Destinations(place("tcp", "198.51.100.2:443"))).To(Equal(destinations("tcp/443/198.51.100.2")))
		})
	})
})
