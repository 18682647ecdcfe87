package gateway_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// A program that learns names by listening loses the race for the first connection to a
// new address three times in ten. Here the name moves with every question, to an
// address that it never had, and the device connects as soon as it has the answer.
var _ = Describe("the first connection to a new address of a blocked name", Label("root"), func() {
	for count, labels := range map[int]Labels{100: Label(), 1000: Label("slow")} {
		It(fmt.Sprintf("never gets through, of %d under load", count), labels, func(ctx SpecContext) {
			s := newStreet(ctx)
			moving := harness.Destination{Protocol: "tcp", Port: 443, Name: "moving.example"}
			Expect(s.gateway.Block(ctx, []harness.Destination{moving}, harness.Reject)).To(Succeed())
			uplink := s.tapOutside(ctx)
			stop := s.load(ctx)
			s.race(ctx, count)
			stop()

			_ = try(ctx, s.device, "tcp", witness, 443)
			Eventually(func() int { return uplink.to(witness) }).WithContext(ctx).ShouldNot(BeZero(), "what was sent before has come out")
			through := 0
			for i := range count {
				through += uplink.to(fresh(i))
			}
			AddReportEntry("blocked first connections that got through", fmt.Sprintf("%d of %d", through, count))
			Expect(through).To(BeZero())

			seen := s.observe(ctx)
			Expect(contact(seen, moving.String()).Attempts).To(Equal(count), "each was tried, and ran into the block")
			Expect(contact(seen, moving.String()).Addresses).To(HaveLen(count))
			Expect(seen.Broken).To(BeEmpty())
		}, SpecTimeout(10*time.Minute))
	}
})

// fresh is an address that nobody had before, of either family in turn.
func fresh(i int) netip.Addr {
	if i%2 == 0 {
		return netip.AddrFrom4([4]byte{198, 19, byte(i >> 8), byte(i)})
	}
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 14: byte(i >> 8), 15: byte(i)})
}

// race asks for the name and connects at once, eight at a time.
func (s *street) race(ctx context.Context, count int) {
	GinkgoHelper()
	const runners = 8
	var next atomic.Int64
	var all sync.WaitGroup
	for range runners {
		all.Go(func() {
			defer GinkgoRecover()
			for {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				s.chase(ctx, fresh(i))
			}
		})
	}
	all.Wait()
}

// chase has the name answered with the address, and connects.
func (s *street) chase(ctx context.Context, address netip.Addr) {
	GinkgoHelper()
	kind := map[bool]uint16{true: dns.TypeA, false: dns.TypeAAAA}[address.Is4()]
	s.zone.move.Lock()
	s.zone.set("moving.example", at(address))
	answers, err := s.resolve(ctx, "udp", "192.168.50.1", "moving.example", kind)
	s.zone.move.Unlock()
	Expect(err).NotTo(HaveOccurred())
	Expect(answers).To(HaveExactElements(address.String()))
	Expect(call(ctx, patience, s.device, "tcp", address, 443)).NotTo(Succeed())
}

// load keeps the gateway busy with datagrams, and a question now and then, until
// stop. Few connections carry it: a device has no thousands of them.
func (s *street) load(ctx context.Context) (stop func()) {
	GinkgoHelper()
	s.offer(ctx, witness, 443)
	s.zone.set("busy.example", at(witness))
	life, end := context.WithCancel(ctx)
	var all sync.WaitGroup
	for range 4 {
		connection, err := s.device.Dial(ctx, "udp", netip.AddrPortFrom(witness, 443).String())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(connection.Close)
		all.Go(func() {
			for i := 0; life.Err() == nil; i++ {
				_ = speak(connection, brief)
				if i%100 == 0 {
					_, _ = s.resolve(life, "udp", "192.168.50.1", "busy.example", dns.TypeA)
				}
			}
		})
	}
	return func() { end(); all.Wait() }
}
