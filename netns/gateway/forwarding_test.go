package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
)

const (
	rounds      = 301 // of each kind, in turns
	crowd       = 10_000
	stream      = 32 << 20 // bytes
	datagrams   = 4_000
	smallPacket = 64 // bytes
)

var _ = Describe("forwarding", Label("root", "bench", "slow"), Serial, func() {
	for _, kind := range []struct {
		name    string
		measure func(ctx context.Context, s *street, to netip.AddrPort) (perSecond float64)
	}{
		{"bytes of one TCP connection", streamed},
		{"small UDP packets", showered},
	} {
		It("is no slower with 10,000 blocked than with none: "+kind.name, func(ctx SpecContext) {
			s := newStreet(ctx, driver("ipset"))
			to := netip.AddrPortFrom(families[0].first, 4000)
			sink(ctx, s.outside, to)
			var ratios []float64
			rates := [2]float64{} // with none blocked, and with many
			blocks := [2][]harness.Destination{nil, many(crowd)}
			for round := range rounds {
				for _, which := range [2]int{round % 2, 1 - round%2} {
					Expect(s.gateway.Block(ctx, blocks[which], harness.Reject)).To(Succeed())
					_ = kind.measure(ctx, s, to) // what is left of blocking and unblocking is done meanwhile
					rates[which] = kind.measure(ctx, s, to)
				}
				ratios = append(ratios, rates[1]/rates[0])
			}
			low, middle, high := medianOf(ratios)
			AddReportEntry(kind.name+": rate with 10,000 blocked against none, median and its 95 % interval",
				fmt.Sprintf("%.3f, %.3f to %.3f", middle, low, high))
			Expect(high).To(BeNumerically(">=", 1), "the interval is below 1: it is slower")
		}, SpecTimeout(5*time.Minute))
	}
})

// many are destinations that nobody asks for.
func many(count int) (destinations []harness.Destination) {
	for i := range count {
		address := netip.AddrFrom4([4]byte{198, 19, byte(i >> 8), byte(i)})
		destinations = append(destinations, harness.Destination{Protocol: "tcp", Port: 443, Name: address.String()})
	}
	return destinations
}

// medianOf is the median of an odd number of values, with the interval of order
// statistics that has it 95 times in 100: the ranks (n+1)/2 ∓ 0.98 √n.
func medianOf(values []float64) (low, middle, high float64) {
	slices.Sort(values)
	n := len(values)
	reach := 0
	for reach*reach*10_000 < n*98*98 {
		reach++
	}
	return values[n/2-reach], values[n/2], values[n/2+reach]
}

// sink discards what comes over TCP, and says how much when the other side is
// done; it discards datagrams, too, and tells a single one that ends them how
// many there were.
func sink(ctx context.Context, namespace *netns.Namespace, at netip.AddrPort) {
	GinkgoHelper()
	listener, err := namespace.Listen(ctx, "tcp", at.String())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(listener.Close)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, connection)
			_ = connection.Close()
		}
	}()
	packets, err := namespace.ListenPacket(ctx, "udp", at.String())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(packets.Close)
	go func() {
		buffer := make([]byte, 2048)
		for got := 0; ; got++ {
			n, from, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			if n == 1 { // the end
				_, _ = packets.WriteTo(fmt.Append(nil, got), from)
				got = -1
			}
		}
	}()
}

// streamed sends stream bytes from the device, and waits until the other side has
// them all.
func streamed(ctx context.Context, s *street, to netip.AddrPort) (perSecond float64) {
	GinkgoHelper()
	connection, err := s.device.Dial(ctx, "tcp", to.String())
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = connection.Close() }()
	chunk := make([]byte, 64<<10)
	started := time.Now()
	for range stream / len(chunk) {
		_, err := connection.Write(chunk)
		Expect(err).NotTo(HaveOccurred())
	}
	Expect(connection.(*net.TCPConn).CloseWrite()).To(Succeed())
	_, err = io.Copy(io.Discard, connection)
	Expect(err).NotTo(HaveOccurred())
	return stream / time.Since(started).Seconds()
}

// showered sends small datagrams from the device, and counts those that got
// through.
func showered(ctx context.Context, s *street, to netip.AddrPort) (perSecond float64) {
	GinkgoHelper()
	connection, err := s.device.Dial(ctx, "udp", to.String())
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = connection.Close() }()
	packet := make([]byte, smallPacket)
	started := time.Now()
	for range datagrams {
		_, err := connection.Write(packet)
		Expect(err).NotTo(HaveOccurred())
	}
	took := time.Since(started) // between namespaces a packet is forwarded before Write returns
	var got int
	Eventually(func() error { // the end may be lost like any other
		_, _ = connection.Write(packet[:1])
		_ = connection.SetReadDeadline(time.Now().Add(brief))
		reply := make([]byte, 16)
		n, err := connection.Read(reply)
		if err != nil {
			return err
		}
		_, err = fmt.Sscan(string(reply[:n]), &got)
		return err
	}).WithContext(ctx).WithTimeout(patience).Should(Succeed())
	return float64(got) / took.Seconds()
}
