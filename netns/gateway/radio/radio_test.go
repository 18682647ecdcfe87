package radio_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/radio"
	"github.com/needwant/needwant/netns/netnstest"
)

// With radios these are tried in a guest, see package guest.
var _ = Describe("a link with a cable", Label("root"), func() {
	It("has no radio behind it", func(_ SpecContext) {
		machine := netnstest.New()
		Expect(netns.Veth(netns.End{Namespace: machine, Name: "eth0"}, netns.End{Namespace: netnstest.New(), Name: "far"})).To(Succeed())
		link, err := machine.Netlink().LinkByName("eth0")
		Expect(err).NotTo(HaveOccurred())
		_, err = radio.Of(machine, link.Attrs().Index)
		Expect(err).To(MatchError(radio.ErrNone))
	}, SpecTimeout(20*time.Second))
})

var _ = Describe("a failure to ask about Wi-Fi", func() {
	It("is no proof that there is none, unless the kernel says so", func() {
		Expect(radio.OrNone(&netlink.OpError{Op: "receive", Err: unix.ENODEV}, unix.ENODEV)).To(MatchError(radio.ErrNone))
		passing := &netlink.OpError{Op: "receive", Err: unix.ENOBUFS}
		Expect(radio.OrNone(passing, unix.ENODEV)).To(And(MatchError(unix.ENOBUFS), Not(MatchError(radio.ErrNone))))
	})
})
