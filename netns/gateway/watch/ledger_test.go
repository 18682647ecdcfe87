package watch_test

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/watch"
)

const (
	insideLink = 7
	uplinkLink = 8
)

var (
	device = netip.MustParseAddrPort("192.168.50.10:40000")
	server = netip.MustParseAddrPort("198.51.100.1:443")
)

// noted is the one contact that comes of some packets.
func noted(packets ...watch.Packet) harness.Contact {
	GinkgoHelper()
	ledger := watch.NewLedger(insideLink)
	for _, packet := range packets {
		ledger.Note(packet)
	}
	places := ledger.Window().Places
	Expect(places).To(HaveLen(1))
	return slices.Collect(maps.Values(places))[0]
}

func syn(point watch.Point, sequence uint32) watch.Packet {
	return watch.Packet{Point: point, Link: insideLink, Protocol: "tcp", Source: device, Destination: server, SYN: true, Sequence: sequence, At: time.Unix(int64(sequence), 0)}
}

func data(point watch.Point) watch.Packet {
	p := syn(point, 99)
	p.SYN = false
	return p
}

func datagram(point watch.Point) watch.Packet {
	p := data(point)
	p.Protocol = "udp"
	return p
}

func back(p watch.Packet) watch.Packet {
	p.Source, p.Destination, p.Link = p.Destination, p.Source, uplinkLink
	return p
}

var _ = Describe("a ledger", func() {
	It("knows the longest time between two packets", func() {
		at := func(seconds int64) watch.Packet {
			p := datagram(watch.Outward)
			p.At = time.Unix(seconds, 0)
			return p
		}
		Expect(noted(at(100)).Quiet).To(BeZero())
		Expect(noted(at(100), at(103), at(3703), at(3705)).Quiet).To(Equal(time.Hour))
	})

	DescribeTable("adds packets up", func(packets []watch.Packet, tries, attempts, touched int, answered bool) {
		Expect(noted(packets...)).To(And(
			HaveField("Tries", tries), HaveField("Attempts", attempts),
			HaveField("Touched", touched), HaveField("Answered", answered)))
	},
		Entry("a try", []watch.Packet{syn(watch.Outward, 1)}, 1, 0, 0, false),
		Entry("a try that was answered", []watch.Packet{syn(watch.Outward, 1), back(data(watch.Inward))}, 1, 0, 0, true),
		Entry("data on an old connection is no try", []watch.Packet{data(watch.Outward), back(data(watch.Inward))}, 0, 0, 0, true),
		Entry("a SYN that was sent again is one try", []watch.Packet{syn(watch.Outward, 1), syn(watch.Outward, 1)}, 1, 0, 0, false),
		Entry("two SYNs are two tries", []watch.Packet{syn(watch.Outward, 1), syn(watch.Outward, 2)}, 2, 0, 0, false),
		Entry("each datagram is a try", []watch.Packet{datagram(watch.Outward), datagram(watch.Outward)}, 2, 0, 0, false),
		Entry("an attempt", []watch.Packet{syn(watch.Outward, 1), syn(watch.Block, 1)}, 1, 1, 1, false),
		Entry("an attempt that was sent again touches twice",
			[]watch.Packet{syn(watch.Outward, 1), syn(watch.Block, 1), syn(watch.Outward, 1), syn(watch.Block, 1)}, 1, 1, 2, false),
		Entry("blocked datagrams", []watch.Packet{datagram(watch.Block), datagram(watch.Block)}, 0, 2, 2, false),
		Entry("data of an old connection touches without an attempt", []watch.Packet{data(watch.Block)}, 0, 0, 1, false),
		Entry("what comes back and is stopped touches without an attempt",
			[]watch.Packet{back(data(watch.Block)), back(syn(watch.Block, 1))}, 0, 0, 2, false),
	)

	It("counts apart what was stopped on the way to the device", func() {
		Expect(noted(data(watch.Block), back(data(watch.Block)), back(data(watch.Block)))).To(And(HaveField("Touched", 3), HaveField("Stopped", 2)))
		Expect(noted(syn(watch.Block, 1))).To(And(HaveField("Touched", 1), HaveField("Stopped", 0)))
	})

	It("keeps the time of the first and of the last packet", func() {
		contact := noted(syn(watch.Outward, 10), syn(watch.Outward, 20), syn(watch.Outward, 30))
		Expect(contact.First).To(Equal(time.Unix(10, 0)))
		Expect(contact.Last).To(Equal(time.Unix(30, 0)))
	})

	It("counts a query for a blocked name as an attempt, and the same once more as a touch", func() {
		ledger := watch.NewLedger(insideLink)
		named := []harness.Destination{{Protocol: "tcp", Port: 443, Name: "cloud.example"}}
		for _, id := range []int{1, 1, 2} {
			ledger.AddBlockedQuery(named, id, time.Unix(int64(id), 0))
		}
		Expect(ledger.Window().BlockedQueries).To(HaveKeyWithValue(named[0], And(
			HaveField("Tries", 2), HaveField("Attempts", 2), HaveField("Touched", 3),
			HaveField("Attempted", time.Unix(1, 0)), HaveField("Answered", false))))
	})

	It("still counts after more connections and queries than it can record", func() {
		ledger := watch.NewLedger(insideLink)
		destination := harness.Destination{Protocol: "udp", Port: 53, Name: "cloud.example"}
		const many = 200_000
		for i := range uint32(many) {
			ledger.Note(syn(watch.Outward, i))
			ledger.AddBlockedQuery([]harness.Destination{destination}, i, time.Unix(int64(i), 0))
		}
		ledger.Note(syn(watch.Outward, many-1))
		ledger.AddBlockedQuery([]harness.Destination{destination}, uint32(many-1), time.Unix(many, 0))
		window := ledger.Window()
		Expect(window.Places[watch.Place{Protocol: "tcp", AddrPort: server}].Tries).To(Equal(many), "the last one came twice")
		Expect(window.BlockedQueries[destination].Attempts).To(Equal(many), "the last one came twice")
	})

	It("begins each window without what came before", func() {
		ledger := watch.NewLedger(insideLink)
		ledger.Note(datagram(watch.Outward))
		ledger.Note(syn(watch.Outward, 1))
		before := ledger.Window()
		Expect(before.Places).To(And(
			HaveKey(watch.Place{Protocol: "tcp", AddrPort: server}), HaveKey(watch.Place{Protocol: "udp", AddrPort: server})))
		ledger.Open()
		Expect(ledger.Window().Places).To(BeEmpty())
		Expect(before.Places).To(HaveLen(2), "a copy is not changed")
	})
})

var _ = Describe("numbered messages", func() {
	DescribeTable("show what was lost", func(lost int, numbers ...uint32) {
		Expect(watch.Losses(numbers...)).To(Equal(lost))
	},
		Entry("nothing", 0, uint32(5), uint32(6), uint32(7)),
		Entry("some in the middle", 3, uint32(5), uint32(9)),
		Entry("some where the numbers wrap", 2, ^uint32(0), uint32(2)),
		Entry("an overrun, with the number that shows it", 3, uint32(5), uint32(0), uint32(9)),
		Entry("an overrun that no number shows yet", 1, uint32(5), uint32(0)),
		Entry("an overrun that no number ever shows", 1, uint32(5), uint32(0), uint32(6)),
	)
})

var _ = Describe("a scan", func() {
	to := func(address netip.Addr, port int) watch.Packet {
		p := datagram(watch.Outward)
		p.Destination = netip.AddrPortFrom(address, uint16(port))
		return p
	}

	It("of an address takes few places: from the ninth port on they are one", func() {
		ledger := watch.NewLedger(insideLink, 53)
		for port := 1; port <= 65535; port++ {
			Expect(ledger.Note(to(server.Addr(), port))).To(BeTrue())
		}
		places := ledger.Window().Places
		Expect(places).To(HaveLen(watch.ManyPorts + 2))
		whole := watch.Place{Protocol: "udp", AddrPort: netip.AddrPortFrom(server.Addr(), 0)}
		Expect(places[whole].Tries).To(Equal(65535 - watch.ManyPorts - 1))
		Expect(places).To(HaveKey(watch.Place{Protocol: "udp", AddrPort: netip.AddrPortFrom(server.Addr(), 53)}), "which stays apart")

		ledger.Open()
		ledger.Note(to(server.Addr(), 20000))
		Expect(ledger.Window().Places).To(HaveKey(watch.Place{Protocol: "udp", AddrPort: netip.AddrPortFrom(server.Addr(), 20000)}))
	})

	It("of many addresses has room for a limited number, and says what there was no room for", func() {
		ledger := watch.NewLedger(insideLink)
		left := 0
		for i := range 100000 {
			if !ledger.Note(to(netip.AddrFrom4([4]byte{100, byte(i >> 16), byte(i >> 8), byte(i)}), 80)) {
				left++
			}
		}
		Expect(len(ledger.Window().Places) + left).To(Equal(100000))
		Expect(len(ledger.Window().Places)).To(BeNumerically("<=", 8192))
	})
})
