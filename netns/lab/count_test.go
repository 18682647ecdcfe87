package lab_test

import (
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/afpacket"
	"github.com/gopacket/gopacket/layers"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

var _ = Describe("The device's own count", Label("root"), func() {
	overBoth(func(move func(lab.World) lab.World) {
		It("is what a capture on the gateway's inside counts, of pings too", func(ctx SpecContext) {
			h := live(ctx, move(library("ping-watchdog")))
			h.works(ctx)
			h.SwitchOff()
			before := h.Attempts()
			seen := newSightings(h)
			capture(h.Gateway.Namespace, seen.take, afpacket.OptInterface(h.Gateway.Inside))
			Expect(h.SwitchOn()).To(Succeed())
			h.works(ctx)
			h.block(labtest.Refused, "anchor")
			h.unblock("anchor")
			h.block(labtest.Blackhole, "anchor")
			h.SwitchOff()
			sent := h.Attempts()
			for id := range sent {
				sent[id] -= before[id]
			}
			Eventually(seen.all).Within(patiently).Should(Equal(sent))
		}, SpecTimeout(time.Minute))

		It("is what a capture on the gateway's inside counts", func(ctx SpecContext) {
			h := live(ctx, move(library("one-of-each")))
			h.works(ctx)
			h.SwitchOff()
			before := h.Attempts()
			seen := newSightings(h)
			capture(h.Gateway.Namespace, seen.take, afpacket.OptInterface(h.Gateway.Inside))
			Expect(h.SwitchOn()).To(Succeed())
			h.works(ctx)
			h.block(labtest.Refused, "api", "cloud_1")
			h.unblock("api", "cloud_1")
			h.block(labtest.Blackhole, "api", "time")
			h.SwitchOff()
			sent := h.Attempts()
			for id := range sent {
				sent[id] -= before[id]
			}
			Eventually(seen.all).Within(patiently).Should(Equal(sent))
		}, SpecTimeout(time.Minute))
	})
})

// sightings counts what a device sends, by destination.
type sightings struct {
	device map[netip.Addr]bool
	names  map[string]string // destination ids by protocol, port and address

	mu     sync.Mutex
	counts map[string]int
	begun  map[string]bool // streams, so that a SYN sent again is not another
}

func newSightings(h *home) *sightings {
	s := &sightings{
		device: map[netip.Addr]bool{h.Device.Address: true, h.Device.Address6: true},
		names:  map[string]string{"udp/53/192.168.50.1": "udp/53/resolver"},
		counts: map[string]int{},
		begun:  map[string]bool{},
	}
	for _, d := range h.world.Destinations {
		for _, address := range d.Addresses {
			s.names[fmt.Sprintf("%s/%d/%s", d.Protocol, d.Port, address)] = d.ID()
		}
	}
	return s
}

func (s *sightings) all() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

func (s *sightings) take(frame []byte) {
	packet := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.NoCopy)
	network := packet.NetworkLayer()
	if network == nil {
		return
	}
	from, _ := netip.AddrFromSlice(network.NetworkFlow().Src().Raw())
	to, _ := netip.AddrFromSlice(network.NetworkFlow().Dst().Raw())
	if !s.device[from] {
		return
	}
	if layer := packet.Layer(layers.LayerTypeICMPv4); layer != nil && layer.(*layers.ICMPv4).TypeCode.Type() == layers.ICMPv4TypeEchoRequest {
		s.count(fmt.Sprintf("icmp/0/%s", to))
	}
	if layer := packet.Layer(layers.LayerTypeICMPv6); layer != nil && layer.(*layers.ICMPv6).TypeCode.Type() == layers.ICMPv6TypeEchoRequest {
		s.count(fmt.Sprintf("icmp/0/%s", to))
	}
	switch transport := packet.TransportLayer().(type) {
	case *layers.UDP:
		s.count(fmt.Sprintf("udp/%d/%s", transport.DstPort, to))
	case *layers.TCP:
		if transport.SYN && !s.again(fmt.Sprint(from, transport.SrcPort, transport.Seq)) {
			s.count(fmt.Sprintf("tcp/%d/%s", transport.DstPort, to))
		}
	}
}

func (s *sightings) again(stream string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	again := s.begun[stream]
	s.begun[stream] = true
	return again
}

// count leaves out what is no destination, as answers to the controllers.
func (s *sightings) count(at string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, known := s.names[at]; known {
		s.counts[id]++
	}
}
