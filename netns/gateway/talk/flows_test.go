package talk_test

import (
	"net/netip"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/talk"
)

// flow is a connection from one to another.
func flow(client, remote string, sent, received uint64) talk.Flow {
	return talk.Flow{Client: netip.MustParseAddrPort(client), Remote: netip.MustParseAddrPort(remote), Sent: sent, Received: received}
}

// What happens between two listings is proved on real packets by the specs of
// cmd/internal/specbench.
var _ = Describe("what moved", func() {
	poll := "192.168.1.5:40000"
	device := "192.168.50.10:54321"

	It("is the difference of two listings", func() {
		before := []talk.Flow{flow(poll, device, 5, 5), flow("192.168.50.10:1", "203.0.113.1:443", 9, 9)}
		after := []talk.Flow{flow(poll, device, 7, 6), flow("192.168.50.10:1", "203.0.113.1:443", 9, 9), flow("192.168.50.10:2", "203.0.113.2:443", 1, 0)}
		Expect(talk.Since(before, after)).To(HaveExactElements(flow(poll, device, 2, 1), flow("192.168.50.10:2", "203.0.113.2:443", 1, 0)))
	})

	It("counts afresh where the counters were set to zero", func() {
		Expect(talk.Since([]talk.Flow{flow(poll, device, 50, 50)}, []talk.Flow{flow(poll, device, 3, 2)})).To(HaveExactElements(flow(poll, device, 3, 2)))
	})

	DescribeTable("tells how a controller came by the state:", func(path string, flows ...talk.Flow) {
		home := []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24")}
		Expect(talk.Path(flows, netip.MustParseAddr("192.168.50.10"), netip.MustParseAddr("192.168.1.5"), home)).To(Equal(path))
	},
		Entry("nothing moved", "unknown"),
		Entry("it asked the device", "lan", flow("192.168.50.10:1", "203.0.113.1:443", 1, 1), flow(poll, device, 1, 1)),
		Entry("the device told it", "lan", flow("192.168.50.10:1", "192.168.1.5:1883", 3, 2)),
		Entry("it asked, and the device said nothing", "unknown", flow(poll, device, 3, 0)),
		Entry("the device talked to the internet alone", "cloud", flow("192.168.50.10:1", "203.0.113.1:443", 1, 1)),
		Entry("the internet said nothing", "unknown", flow("192.168.50.10:1", "203.0.113.1:443", 1, 0)),
		Entry("the device talked to somebody else at home", "unknown", flow("192.168.50.10:1", "192.168.1.9:80", 1, 1)),
		Entry("somebody else asked the device", "unknown", flow("192.168.1.9:1", device, 1, 1)),
	)
})
