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
)

func numbered(label string, i int) string { return fmt.Sprintf("%s%d.example", label, i) }

// A device queries ads.example, whose answer is a CNAME to edge.example, and it
// queries edge.example itself.
var _ = Describe("a CNAME target that the device also queries", func() {
	const ads, edge = "ads.example", "edge.example"
	viaEdge := names.Answered{Name: ads, Aliases: []string{edge}, Addresses: []netip.Addr{one}, Complete: true}
	web, mqtt := place("tcp", "198.51.100.1:443"), place("tcp", "198.51.100.1:8883")

	// queried is a table for a device that has queried both.
	queried := func(apart bool) *attribution.Table {
		c := config()
		c.Apart = apart
		table := attribution.New(c)
		table.Answer(viaEdge)
		table.Answer(answer(edge, one))
		return table
	}

	It("is a separate name: with nxdomain each is blocked by itself", func() {
		table := queried(true)
		ofAds, ofEdge := destinations("tcp/443/ads.example"), destinations("tcp/8883/edge.example")
		table.Use(table.Plan(ofAds, harness.NXDomain))
		Expect(table.BlockedByName(ads)).To(Equal(ofAds))
		Expect(table.BlockedByName(edge)).To(BeEmpty())
		table.Use(table.Plan(ofEdge, harness.NXDomain))
		Expect(table.BlockedByName(edge)).To(Equal(ofEdge))
		Expect(table.BlockedByName(ads)).To(BeEmpty(), "the name is answered, although its chain goes through the other")
	})

	It("is a separate name: with reject the new addresses of one are not the other's", func() {
		table := queried(false)
		table.Use(table.Plan(destinations("tcp/443/ads.example"), harness.Reject))
		Expect(table.Answer(answer(edge, two)).Block).To(BeEmpty())
		Expect(table.Answer(names.Answered{Name: ads, Aliases: []string{edge}, Addresses: []netip.Addr{three}, Complete: true}).Block).
			To(HaveExactElements(entry("tcp", "[2001:db8::3]:443")))
	})

	for _, apart := range []bool{false, true} {
		It(map[bool]string{false: "has its own port", true: "has its own port, if names are apart"}[apart], func() {
			table := queried(apart)
			for range 5 { // the device resolves each name and then connects
				table.Delivered(ads)
				table.Began(web)
				table.Delivered(edge)
				table.Began(mqtt)
			}
			Expect(table.Destinations(web)).To(Equal(destinations("tcp/443/ads.example")))
			Expect(table.Destinations(mqtt)).To(Equal(destinations("tcp/8883/edge.example")))
		})

		It(map[bool]string{false: "has its own port, also if the order is wrong at times", true: "has its own port, also if the order is wrong at times, if names are apart"}[apart], func() {
			table := queried(apart)
			for i := range 12 {
				table.Delivered(ads)
				if i%4 == 0 { // both queries at once
					table.Delivered(edge)
					table.Began(web)
					table.Began(mqtt)
					continue
				}
				table.Began(web)
				table.Delivered(edge)
				table.Began(mqtt)
			}
			Expect(table.Destinations(web)).To(Equal(destinations("tcp/443/ads.example")))
			Expect(table.Destinations(mqtt)).To(Equal(destinations("tcp/8883/edge.example")))
		})
	}

	It("shares a port that both use, if names are apart", func() {
		table := queried(true)
		for range 5 {
			for _, name := range []string{ads, edge} {
				table.Delivered(name)
				table.Began(web)
			}
		}
		Expect(table.Destinations(web)).To(Equal(destinations("tcp/443/ads.example", "tcp/443/edge.example")))
	})

	It("keeps a port that only a remembered address is used for", func() {
		table := queried(true)
		table.Began(web)
		table.Began(mqtt)
		Expect(table.Destinations(mqtt)).To(HaveLen(2), "nothing tells the names apart")
	})

	It("keeps its row once it was shown", func() {
		table := queried(false)
		at := seen(mqtt)
		Expect(table.Contacts(at)[0].Destination.Name).To(Equal(ads))
		table.Settle(at)
		for range 9 {
			table.Delivered(ads)
			table.Began(web)
			table.Delivered(edge)
			table.Began(mqtt)
		}
		Expect(table.Contacts(at)[0].Destination.Name).To(Equal(ads), "a place is one row")
	})

	It("is shown with the name whose chain it is in", func() {
		table := queried(true)
		all := table.Contacts(seen(web))
		Expect(all[0]).To(And(HaveField("Destination.Name", ads), HaveField("Aliases", HaveExactElements(edge))))
		Expect(all[1]).To(And(HaveField("Destination.Name", edge), HaveField("Aliases", BeEmpty())))
	})

	DescribeTable("is queried for the other's sake", func(prepare func(*attribution.Table)) {
		table := attribution.New(config())
		prepare(table)
		table.Use(table.Plan(destinations("tcp/443/ads.example"), harness.Reject))
		Expect(table.Answer(answer(edge, two)).Block).To(HaveExactElements(entry("tcp", "198.51.100.2:443")))
		table.Use(table.Plan(destinations("tcp/443/ads.example"), harness.NXDomain))
		Expect(table.BlockedByName(edge)).To(Equal(destinations("tcp/443/ads.example")))
	},
		Entry("if the device does so for the first time while that is blocked", func(t *attribution.Table) { t.Answer(viaEdge) }),
		Entry("if the chain came without addresses", func(t *attribution.Table) {
			t.Answer(names.Answered{Name: ads, Aliases: []string{edge}})
			t.Answer(answer(edge, one))
		}),
	)

	It("comes with no more names than a limit", func() {
		table := attribution.New(config())
		for i := range 10_000 {
			table.Answer(names.Answered{Name: ads, Aliases: []string{numbered("a", i)}, Addresses: []netip.Addr{one}, Complete: true})
			table.Answer(names.Answered{Name: numbered("b", i), Aliases: []string{edge}, Addresses: []netip.Addr{two}, Complete: true})
		}
		Expect(table.Contacts(seen(web))).To(HaveExactElements(HaveField("Aliases", HaveLen(32))))
		for i := range 10_000 {
			table.Use(table.Plan(destinations("tcp/443/"+numbered("b", i)), harness.NXDomain))
			Expect(table.BlockedByName(edge)).To(Or(BeEmpty(), HaveLen(1)))
		}
	})
})

var _ = Describe("answers for names that share an address", func() {
	It("wait for each other, a limited number of times", func() {
		inVirtualTime(func() {
			table := attribution.New(config())
			a, b, other := answer("a.example", one), answer("b.example", one), answer("c.example", two)
			Expect(table.Space(a)).To(BeZero())
			first := table.Space(b)
			Expect(first).To(BeNumerically(">", 0))
			Expect(table.Space(other)).To(BeZero(), "it has another address")
			Expect(table.Space(a)).To(BeNumerically(">", first), "each waits for the one before")
			<-time.After(time.Second)
			Expect(table.Space(b)).To(BeZero())
			Expect(table.Space(b)).To(BeZero(), "the same name does not wait for itself")

			waited := 0
			for i := range 1000 {
				if table.Space([]names.Answered{a, b}[i%2]) > 0 {
					waited++
				}
			}
			Expect(waited).To(BeNumerically("<", 30))
		})
	})
})
