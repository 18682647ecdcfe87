package attribution_test

import (
	"net/netip"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/attribution"
)

var (
	one   = netip.MustParseAddr("198.51.100.1")
	two   = netip.MustParseAddr("198.51.100.2")
	three = netip.MustParseAddr("2001:db8::3")
)

var _ = Describe("a table of names", func() {
	It("keeps the addresses of a name, each once, and sorted", func() {
		table := attribution.NewNameTable()
		table.Learn("a.example", []netip.Addr{two, three, two})
		table.Learn("a.example", []netip.Addr{one, two})
		Expect(table.Addresses("a.example")).To(HaveExactElements(one, two, three))
	})

	It("keeps the names of an address in the order in which they were learnt", func() {
		table := attribution.NewNameTable()
		table.Learn("b.example", []netip.Addr{one})
		table.Learn("a.example", []netip.Addr{one, two})
		table.Learn("b.example", []netip.Addr{one})
		Expect(table.Names(one)).To(HaveExactElements("b.example", "a.example"))
		Expect(table.Names(netip.MustParseAddr("::ffff:198.51.100.2"))).To(HaveExactElements("a.example"))
		Expect(table.Names(three)).To(BeEmpty())
	})

	It("knows which names are meant by one in their chains", func() {
		table := attribution.NewNameTable()
		table.Alias("a.example", []string{"mid.example"}, false)
		table.Alias("b.example", []string{"mid.example", "edge.example"}, false)
		table.Alias("mid.example", []string{"edge.example"}, false)
		Expect(table.Meant("edge.example")).To(ConsistOf("a.example", "b.example"))
		Expect(table.Meant("a.example")).To(HaveExactElements("a.example"))
		Expect(table.Meant("unknown.example")).To(HaveExactElements("unknown.example"))
		table.Alias("x.example", []string{"y.example"}, false)
		table.Alias("y.example", []string{"x.example"}, false)
		Expect(table.Meant("x.example")).To(HaveExactElements("x.example"), "a circle")
	})
})
