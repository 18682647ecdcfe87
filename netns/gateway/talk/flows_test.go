package talk_test

import (
	"net/netip"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/talk"
)

// flow is a connection of UDP from one to another.
func flow(client, remote string, sent, received uint64) talk.Flow {
	return talk.Flow{
		Protocol: "udp",
		Client:   netip.MustParseAddrPort(client), Remote: netip.MustParseAddrPort(remote),
		Sent: talk.Count{Packets: sent, Bytes: 100 * sent}, Received: talk.Count{Packets: received, Bytes: 100 * received},
	}
}

// miio is a connection of UDP with so many greetings of the device, of 32 bytes
// each, and so many answers.
func miio(client, remote string, sent, greetings, answers uint64) talk.Flow {
	f := flow(client, remote, sent, greetings+answers)
	f.Received.Bytes = 60*greetings + 92*answers
	return f
}

// short is a connection of UDP whose datagrams have 8 bytes.
func short(client, remote string, sent, received uint64) talk.Flow {
	f := flow(client, remote, sent, received)
	f.Received.Bytes = 36 * received
	return f
}

// stream is one of TCP, with so many bytes of contents that the client received.
func stream(client, remote string, received, contents uint64) talk.Flow {
	return talk.Flow{
		Protocol: "tcp",
		Client:   netip.MustParseAddrPort(client), Remote: netip.MustParseAddrPort(remote),
		Sent: talk.Count{Packets: 5, Bytes: 700}, Received: talk.Count{Packets: received, Bytes: 52*received + 8 + contents},
	}
}

const (
	poll   = "192.168.1.5:40000"
	device = "192.168.50.10:54321"
	cloud  = "203.0.113.1:443"
)

// What happens between two listings is proved on real packets by the specs of
// cmd/internal/specbench and cmd/needwant.
var _ = Describe("what moved", func() {
	It("is the difference of two listings", func() {
		before := []talk.Flow{flow(poll, device, 5, 5), flow("192.168.50.10:1", cloud, 9, 9)}
		after := []talk.Flow{flow(poll, device, 7, 6), flow("192.168.50.10:1", cloud, 9, 9), flow("192.168.50.10:2", cloud, 1, 0)}
		Expect(talk.Since(before, after)).To(HaveExactElements(flow(poll, device, 2, 1), flow("192.168.50.10:2", cloud, 1, 0)))
	})

	It("counts afresh where the counters were set to zero", func() {
		Expect(talk.Since([]talk.Flow{flow(poll, device, 50, 50)}, []talk.Flow{flow(poll, device, 3, 2)})).To(HaveExactElements(flow(poll, device, 3, 2)))
	})

	It("is not mixed up over TCP and UDP", func() {
		Expect(talk.Since([]talk.Flow{flow(poll, device, 5, 5)}, []talk.Flow{stream(poll, device, 5, 0)})).To(HaveLen(1))
	})

	tells := func(controller string) func(path string, flows ...talk.Flow) {
		return func(path string, flows ...talk.Flow) {
			where := topology(controller)
			seen := talk.Between(flows, where, false)
			Expect(seen.Path).To(Equal(path))
			matter := slices.DeleteFunc(slices.Clone(flows), func(f talk.Flow) bool { return !where.Matters(f) })
			Expect(talk.Between(matter, where, false)).To(Equal(seen))
		}
	}
	talking := flow("192.168.50.10:1", cloud, 1, 1)

	DescribeTable("tells how a controller came by the state:", tells("192.168.1.5"),
		Entry("nothing moved", "unknown"),
		Entry("it asked the device", "lan", talking, flow(poll, device, 1, 1)),
		Entry("it asked by another address of its", "lan", talking, flow("169.254.9.1:40000", device, 1, 1)),
		Entry("the device told it", "lan", flow("192.168.50.10:1", "192.168.1.5:1883", 3, 2)),
		Entry("it asked, and the device said nothing", "unknown", flow(poll, device, 3, 0)),
		Entry("it asked, the device said nothing, and talked to the internet", "cloud", flow(poll, device, 3, 0), talking),
		Entry("the device talked to the internet alone", "cloud", talking),
		Entry("the internet said nothing", "unknown", flow("192.168.50.10:1", cloud, 1, 0)),
		Entry("the device talked to somebody else at home", "unknown", flow("192.168.50.10:1", "192.168.1.9:80", 1, 1)),
		Entry("the device asked the gateway for names", "unknown", flow("192.168.50.10:1", "192.168.50.1:53", 1, 1)),
		Entry("somebody else asked the device", "unknown", flow("192.168.1.9:1", device, 1, 1)),
		Entry("it called without success", "unknown", flow("192.168.50.10:1", "192.168.1.5:1883", 3, 0)),

		// As python-miio: a hello and a request, four times.
		Entry("the device greeted, and answered nothing", "cloud", talking, miio(poll, device, 8, 4, 0)),
		Entry("the device greeted on ports of their own", "cloud", talking, miio(poll, device, 4, 4, 0), miio("192.168.1.5:40001", device, 4, 0, 0)),
		Entry("the device greeted, and the request came too late to be seen", "cloud", talking, miio(poll, device, 5, 3, 0)),
		Entry("the device answered the last try", "lan", talking, miio(poll, device, 8, 4, 1)),
		Entry("the first of two tries, without a hello", "lan", talking, miio(poll, device, 3, 1, 1)),
		Entry("it answers in less than a greeting", "lan", talking, short(poll, device, 4, 4)),
		Entry("it acknowledges in less than a greeting, and answers nothing", "cloud", talking, short(poll, device, 4, 2)),

		Entry("the device's kernel acknowledged", "cloud", talking, stream(poll, device, 4, 0)),
		Entry("the device answered over TCP", "lan", talking, stream(poll, device, 4, 1)),
	)

	DescribeTable("concludes nothing from packets that the gateway cannot see, of a controller in the device's own network:", tells("192.168.50.20"),
		Entry("it talked to nobody else", "unknown", talking),
		Entry("it talked at home", "unknown", flow("192.168.50.20:1", "192.168.1.9:80", 1, 1)),
		Entry("it talked to the internet", "unknown", talking, flow("192.168.50.20:1", cloud, 1, 1)),
		Entry("it called the internet without success", "unknown", talking, flow("192.168.50.20:1", cloud, 1, 0)),
		Entry("nothing moved", "unknown"),
		Entry("the gateway saw them all the same", "lan", flow("192.168.50.20:1", device, 1, 1), flow("192.168.50.20:1", cloud, 1, 1)),
	)

	It("takes no notice of what the device has to do with others at home, nor of what others do", func() {
		where := topology("192.168.1.5")
		for _, other := range []talk.Flow{
			flow("192.168.50.10:1", "192.168.50.1:53", 1, 1), flow("192.168.50.10:1", "192.168.1.9:80", 1, 1),
			flow("192.168.1.2:1", cloud, 1, 1), flow("192.168.1.9:1", device, 1, 1),
		} {
			Expect(where.Matters(other)).To(BeFalse())
		}
		Expect(where.Matters(talking)).To(BeTrue())
		Expect(where.Matters(flow(poll, device, 0, 0))).To(BeTrue())
		Expect(where.Matters(flow("192.168.50.10:1", "192.168.1.5:1883", 0, 0))).To(BeTrue())
	})

	It("sees a controller unless it is in the device's own network, and not on the gateway's machine", func() {
		Expect(topology("192.168.1.5").Sees()).To(BeTrue())
		Expect(topology("192.168.50.20").Sees()).To(BeFalse())
		router := topology("192.168.50.1")
		router.Machine = true
		Expect(router.Sees()).To(BeTrue())
		Expect(talk.Between([]talk.Flow{talking}, router, false).Path).To(Equal("cloud"))
	})

	DescribeTable("counts what the two sent each other:", func(asked, answered int, open bool, flows ...talk.Flow) {
		seen := talk.Between(flows, topology("192.168.1.5"), false)
		Expect(seen.Asked).To(BeEquivalentTo(asked))
		Expect(seen.Answered).To(BeEquivalentTo(answered))
		Expect(seen.Open).To(Equal(open))
	},
		Entry("nothing", 0, 0, false, talking),
		Entry("a poll", 2, 2, false, miio(poll, device, 2, 1, 1), talking),
		Entry("a poll that hangs after its first request", 3, 2, true, miio(poll, device, 3, 1, 1)),
		Entry("a poll that hangs on a connection of its own", 4, 2, true, miio(poll, device, 2, 1, 1), miio("192.168.1.5:40001", device, 2, 0, 0)),
		Entry("an answer to what was asked before", 0, 1, false, miio(poll, device, 0, 0, 1)),
		Entry("a stream, whose acknowledgements show nothing", 5, 4, false, stream(poll, device, 4, 1)),
		Entry("what the device tells by itself", 2, 3, false, flow("192.168.50.10:1", "192.168.1.5:1883", 3, 2)),
		Entry("what it calls without success", 0, 0, false, flow("192.168.50.10:1", "192.168.1.5:1883", 3, 0)),
	)
})

// topology is a home with a controller at an address.
func topology(controller string) talk.Topology {
	return talk.Topology{
		Device:     netip.MustParseAddr("192.168.50.10"),
		Controller: []netip.Addr{netip.MustParseAddr("169.254.9.1"), netip.MustParseAddr(controller)},
		Inside:     []netip.Prefix{netip.MustParsePrefix("192.168.50.0/24")},
		Home:       []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24"), netip.MustParsePrefix("169.254.9.0/30")},
	}
}
