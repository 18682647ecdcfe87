package gateway_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway"
)

var _ harness.Gateway = (*gateway.Gateway)(nil)

var _ = Describe("a blocked destination", Label("root"), func() {
	for _, kind := range []string{"ipset", "iptables"} {
		for _, fault := range []harness.Fault{harness.Reject, harness.Drop} {
			for _, family := range families {
				Context("with "+kind+", "+string(fault)+", "+family.name, func() {
					blockingSpecs(kind, fault, family)
				})
			}
		}
	}
})

func blockingSpecs(kind string, fault harness.Fault, family family) {
	var (
		s              *street
		uplink         *tap
		marks          int
		blocked, other harness.Destination
	)

	BeforeEach(func(ctx SpecContext) {
		s = newStreet(ctx, driver(kind))
		s.offer(ctx, family.first, 443)
		s.offer(ctx, family.second, 443)
		blocked = harness.Destination{Protocol: "tcp", Port: 443, Name: family.first.String()}
		other = harness.Destination{Protocol: "udp", Port: 443, Name: family.first.String()}
		uplink, marks = s.tapOutside(ctx), 0
	}, NodeTimeout(20*time.Second))

	// passed is how many packets have reached the first address when a datagram to
	// another, sent after them, has come through.
	passed := func(ctx context.Context) int {
		GinkgoHelper()
		mark, err := s.device.Dial(ctx, "udp", netip.AddrPortFrom(family.unassigned, 9).String())
		Expect(err).NotTo(HaveOccurred())
		_, err = mark.Write([]byte("mark"))
		Expect(errors.Join(err, mark.Close())).To(Succeed())
		marks++
		Eventually(func() int { return uplink.to(family.unassigned) }).WithContext(ctx).Should(Equal(marks))
		return uplink.to(family.first)
	}

	It("gets no packet, while its neighbours do, and is back once unblocked", func(ctx SpecContext) {
		Expect(reach(ctx, s.device, "tcp", family.first, 443)).To(Succeed())
		Expect(s.gateway.Block(ctx, []harness.Destination{blocked, other}, fault)).To(Succeed())
		before := passed(ctx)

		Expect(try(ctx, s.device, "tcp", family.first, 443)).NotTo(Succeed())
		Expect(try(ctx, s.device, "udp", family.first, 443)).NotTo(Succeed())
		Expect(reach(ctx, s.device, "tcp", family.second, 443)).To(Succeed())
		Expect(passed(ctx)).To(Equal(before))
		Expect(s.observe(ctx).Broken).To(BeEmpty())

		Expect(s.gateway.Block(ctx, nil, fault)).To(Succeed())
		Expect(reach(ctx, s.device, "tcp", family.first, 443)).To(Succeed())
		Expect(reach(ctx, s.device, "udp", family.first, 443)).To(Succeed())
	}, SpecTimeout(20*time.Second))

	It("is blocked for its protocol alone", func(ctx SpecContext) {
		Expect(s.gateway.Block(ctx, []harness.Destination{blocked}, fault)).To(Succeed())
		Expect(try(ctx, s.device, "tcp", family.first, 443)).NotTo(Succeed())
		Expect(reach(ctx, s.device, "udp", family.first, 443)).To(Succeed())
	}, SpecTimeout(20*time.Second))

	It("answers as the fault says", func(ctx SpecContext) {
		Expect(s.gateway.Block(ctx, []harness.Destination{blocked, other}, fault)).To(Succeed())
		if fault == harness.Drop {
			Expect(try(ctx, s.device, "tcp", family.first, 443)).To(Satisfy(timedOut))
			Expect(try(ctx, s.device, "udp", family.first, 443)).To(Satisfy(timedOut))
			return
		}
		Expect(try(ctx, s.device, "tcp", family.first, 443)).To(MatchError(unix.ECONNREFUSED))
		for range 30 { // every single one: the kernel's own limits on ICMP are off
			Expect(try(ctx, s.device, "udp", family.first, 443)).
				To(Or(MatchError(unix.EHOSTUNREACH), MatchError(unix.EACCES)))
		}
	}, SpecTimeout(20*time.Second))

	It("is cut off in the middle of a connection, in both directions", func(ctx SpecContext) {
		server, client := s.connect(ctx, family.first, 8883)
		destination := harness.Destination{Protocol: "tcp", Port: 8883, Name: family.first.String()}
		Expect(s.gateway.Block(ctx, []harness.Destination{destination}, fault)).To(Succeed())
		before := passed(ctx)

		Expect(server.Write([]byte("push"))).To(Equal(4))
		Expect(receive(client)).NotTo(Succeed(), "what the server pushes does not arrive")
		_, _ = client.Write([]byte("hello"))
		Expect(receive(server)).NotTo(Succeed(), "what the device says does not arrive")
		Expect(passed(ctx)).To(Equal(before), "not even a refusal")
		Expect(s.remembered()).NotTo(ContainElement(family.first), "no packet brings the connection back to mind")

		contact, ok := s.observe(ctx).Contact(destination)
		Expect(ok).To(BeTrue())
		Expect(contact.Touched).To(BeNumerically(">=", 2), "a push and what the device said")
		Expect(contact.Attempts).To(BeZero(), "nothing was begun")
		Expect(contact.Answered).To(BeFalse())
	}, SpecTimeout(20*time.Second))

	It("is cut off in a running exchange of datagrams", func(ctx SpecContext) {
		client, err := s.device.Dial(ctx, "udp", netip.AddrPortFrom(family.first, 443).String())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(client.Close)
		Expect(speak(client, patience)).To(Succeed())
		Expect(s.gateway.Block(ctx, []harness.Destination{other}, fault)).To(Succeed())
		before := passed(ctx)

		Expect(speak(client, brief)).NotTo(Succeed())
		Expect(passed(ctx)).To(Equal(before))
		contact, _ := s.observe(ctx).Contact(other)
		Expect(contact.Attempts).To(Equal(1))
	}, SpecTimeout(20*time.Second))

	It("is counted as often as the device tried", func(ctx SpecContext) {
		Expect(s.gateway.Block(ctx, []harness.Destination{blocked, other}, fault)).To(Succeed())
		for range 3 {
			Expect(try(ctx, s.device, "tcp", family.first, 443)).NotTo(Succeed())
		}
		for range 2 {
			Expect(try(ctx, s.device, "udp", family.first, 443)).NotTo(Succeed())
		}
		seen := s.observe(ctx)
		tcp, _ := seen.Contact(blocked)
		udp, _ := seen.Contact(other)
		Expect(tcp).To(And(HaveField("Tries", 3), HaveField("Attempts", 3), HaveField("Answered", false)))
		Expect(udp).To(And(HaveField("Tries", 2), HaveField("Attempts", 2), HaveField("Answered", false)))
		Expect(tcp.Touched).To(BeNumerically(">=", 3))
		Expect(seen.Lost).To(BeZero())
		Expect(seen.Broken).To(BeEmpty())
	}, SpecTimeout(20*time.Second))
}

func timedOut(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// connect makes a connection from the device and returns both its ends.
func (s *street) connect(ctx context.Context, address netip.Addr, port uint16) (server, client net.Conn) {
	GinkgoHelper()
	listener, err := s.outside.Listen(ctx, "tcp", netip.AddrPortFrom(address, port).String())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(listener.Close)
	client, err = s.device.Dial(ctx, "tcp", netip.AddrPortFrom(address, port).String())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(client.Close)
	server, err = listener.Accept()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(server.Close)
	return server, client
}

// remembered are the addresses that the gateway's connection tracking knows
// connections with, no matter who began them.
func (s *street) remembered() (addresses []netip.Addr) {
	GinkgoHelper()
	flows, err := s.middle.Netlink().ConntrackTableList(netlink.ConntrackTable, unix.AF_UNSPEC)
	Expect(err).NotTo(HaveOccurred())
	for _, flow := range flows {
		for _, ip := range [][]byte{flow.Forward.SrcIP, flow.Forward.DstIP} {
			address, _ := netip.AddrFromSlice(ip)
			addresses = append(addresses, address.Unmap())
		}
	}
	return addresses
}

// receive says whether anything arrives in time.
func receive(connection net.Conn) error {
	if err := connection.SetReadDeadline(time.Now().Add(brief)); err != nil {
		return err
	}
	_, err := connection.Read(make([]byte, 16))
	return err
}
