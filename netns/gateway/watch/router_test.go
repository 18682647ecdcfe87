package watch_test

import (
	"net/netip"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/watch"
)

// announced is an announcement of a router, good for so many seconds.
func announced(seconds byte) []byte {
	packet := make([]byte, 56)
	packet[0], packet[6], packet[40], packet[47] = 0x60, 58, 134, seconds
	copy(packet[8:24], netip.MustParseAddr("fe80::66").AsSlice())
	return packet
}

var _ = Describe("an announcement of a router", func() {
	It("says who it is, and for how long", func() {
		router, ok := watch.ParseAnnouncement(announced(100))
		Expect(ok).To(BeTrue())
		Expect(router.Address).To(Equal(netip.MustParseAddr("fe80::66")))
		Expect(router.Until).To(BeTemporally("~", time.Now().Add(100*time.Second), 10*time.Second))
		Expect(router.Lives()).To(BeTrue())
	})

	It("takes a router back that is good for no time", func() {
		router, ok := watch.ParseAnnouncement(announced(0))
		Expect(ok).To(BeTrue())
		Expect(router.Lives()).To(BeFalse())
	})
})

func FuzzParseAnnouncement(f *testing.F) {
	f.Add(announced(100))
	f.Add(announced(0)[:47])
	f.Fuzz(func(t *testing.T, packet []byte) {
		router, ok := watch.ParseAnnouncement(packet)
		if ok && !router.Address.IsValid() {
			t.Errorf("a router without an address: %+v", router)
		}
	})
}
