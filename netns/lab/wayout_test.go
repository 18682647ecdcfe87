package lab_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/gopacket/gopacket/afpacket"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/vishvananda/netlink"

	"github.com/needwant/needwant/netns"
)

func openFiles() []os.DirEntry {
	entries, err := os.ReadDir("/proc/self/fd")
	Expect(err).NotTo(HaveOccurred())
	return entries
}

// capture gives every packet of a namespace, or of one link in it, to take
// until the spec ends. Without a namespace it is the one of the specs.
func capture(namespace *netns.Namespace, take func(packet []byte), options ...any) {
	GinkgoHelper()
	var handle *afpacket.TPacket
	open := func() (err error) {
		handle, err = afpacket.NewTPacket(append(options, afpacket.OptPollTimeout(20*time.Millisecond))...)
		return err
	}
	if namespace != nil {
		Expect(namespace.Do(open)).To(Succeed())
	} else {
		Expect(open()).To(Succeed())
	}
	stop, stopped := new(atomic.Bool), make(chan struct{})
	go func() {
		defer close(stopped)
		for !stop.Load() {
			packet, _, err := handle.ZeroCopyReadPacketData()
			if err == nil {
				take(packet)
			} else if !errors.Is(err, afpacket.ErrTimeout) && !errors.Is(err, afpacket.ErrPoll) {
				return
			}
		}
	}()
	DeferCleanup(func() {
		stop.Store(true)
		<-stopped
		handle.Close()
	})
}

var _ = Describe("The way out of a lab", Label("root"), func() {
	It("is nowhere: every link leads to another of its namespaces", func(ctx SpecContext) {
		h := live(ctx, library("one-of-each"))
		for name, namespace := range h.Namespaces() {
			links, err := namespace.Netlink().LinkList()
			Expect(err).NotTo(HaveOccurred())
			for _, link := range links {
				switch link.Type() {
				case "device":
					Expect(link.Attrs().Name).To(Equal("lo"))
				case "veth":
					Expect(h.holdsPeer(namespace, link)).To(BeTrue(), "%s in %s", link.Attrs().Name, name)
				default:
					Expect(link.Type()).To(Equal("bridge"), "%s in %s", link.Attrs().Name, name)
				}
			}
		}
	}, SpecTimeout(time.Minute))

	It("is found by no probe", func(ctx SpecContext) {
		h := live(ctx, library("one-of-each"))
		h.works(ctx)
		secret := []byte(rand.Text())
		var outside, inside atomic.Int64
		counting := func(count *atomic.Int64) func([]byte) {
			return func(packet []byte) {
				if bytes.Contains(packet, secret) {
					count.Add(1)
				}
			}
		}
		capture(nil, counting(&outside))
		capture(h.Namespaces()["internet"], counting(&inside))

		// Addresses that no lab has: they must go as far as a packet can.
		for name, namespace := range h.Namespaces() {
			for _, address := range []string{"198.18.7.7", "2001:db8:dead::7"} {
				probe(ctx, namespace, address, secret)
				stranger := netip.AddrPortFrom(netip.MustParseAddr(address), 443).String()
				limited, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
				_, err := namespace.Dial(limited, "tcp", stranger)
				cancel()
				Expect(err).To(HaveOccurred(), "%s reaches %s", name, address)
			}
		}
		Eventually(inside.Load).Within(patiently).Should(BeNumerically(">=", 4), "the probes really went off")
		Expect(outside.Load()).To(BeZero())

		probeHere(ctx, secret)
		Eventually(outside.Load).Within(patiently).Should(BeNumerically(">", 0), "the capture would have seen them")
	}, SpecTimeout(time.Minute))
})

// holdsPeer reports whether the other end of a cable is in the lab too.
func (h *home) holdsPeer(namespace *netns.Namespace, link netlink.Link) bool {
	for _, other := range h.Namespaces() {
		id, err := namespace.Netlink().GetNetNsIdByFd(other.FD())
		if err != nil || id != link.Attrs().NetNsID {
			continue
		}
		peer, err := other.Netlink().LinkByIndex(link.Attrs().ParentIndex)
		return err == nil && peer.Type() == "veth"
	}
	return false
}

// probe sends a datagram if the namespace knows any way for it.
func probe(ctx context.Context, namespace *netns.Namespace, address string, payload []byte) {
	connection, err := namespace.Dial(ctx, "udp", net.JoinHostPort(address, "9"))
	if err != nil {
		return
	}
	defer connection.Close()
	_, _ = connection.Write(payload)
}

// probeHere sends a datagram over the loopback link of the specs' namespace.
func probeHere(ctx context.Context, payload []byte) {
	GinkgoHelper()
	connection, err := new(net.Dialer).DialContext(ctx, "udp", "127.0.0.1:9")
	Expect(err).NotTo(HaveOccurred())
	defer connection.Close()
	_, err = connection.Write(payload)
	Expect(err).NotTo(HaveOccurred())
}
