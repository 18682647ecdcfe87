package lablane_test

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/afpacket"
	"github.com/gopacket/gopacket/layers"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
)

var _ = Describe("a whole run", Label("root"), func() {
	for i, driver := range []string{"ipset", "iptables"} {
		for j, fault := range []harness.Fault{harness.Reject, harness.Drop} {
			labels := Label()
			if i != j { // the other two are left to make torture
				labels = Label("slow")
			}
			It("lets no packet to a blocked destination out: "+string(fault)+" by "+driver, labels, func(ctx SpecContext) {
				world := find("one-of-each")
				run := lablane.NewRun(world, harness.Settings{Driver: driver, Faults: []harness.Fault{fault}})
				lane := start(ctx, run, world, 1)
				spy := &spy{Gateway: lane.Bench.Gateway}
				lane.Bench.Gateway = spy
				sent := capture(lane.Lab.Gateway.Namespace, lane.Lab.Gateway.Uplink)

				e := &harness.Experiment{Run: run, Lanes: []harness.Lane{lane}, Journal: told{}}
				Expect(e.Do(ctx)).To(Succeed())

				packets := sent()
				Expect(packets).NotTo(BeEmpty())
				Expect(spy.windows).NotTo(BeEmpty())
				for _, window := range spy.windows {
					Expect(window.leaked(packets, harness.Judge(e.Run))).To(BeEmpty(), "while %v was blocked", window.blocked)
				}
			}, SpecTimeout(2*time.Minute))
		}
	}

	It("counts what the device counts", func(ctx SpecContext) {
		world := find("one-of-each")
		lane := start(ctx, lablane.NewRun(world, harness.Settings{}), world, 1)
		control, err := lane.Run(ctx, trial(1))
		Expect(err).NotTo(HaveOccurred())
		var all []harness.Destination
		for _, contact := range control.Seen.Contacts {
			all = append(all, contact.Destination)
		}
		before := lane.Lab.Attempts()
		Expect(lane.Gateway.Block(ctx, all, harness.Reject)).To(Succeed())
		begun := lane.Lab.Attempts() // the window began between the two
		Eventually(func() int { return lane.Lab.Attempts()[all[0].String()] - begun[all[0].String()] }).
			WithContext(ctx).WithTimeout(time.Minute).Should(BeNumerically(">=", 20))
		seen, err := lane.Gateway.Observe(ctx)
		Expect(err).NotTo(HaveOccurred())
		after := lane.Lab.Attempts()
		for _, d := range all {
			contact, _ := seen.Contact(d)
			// One may be on its way at either end of the window.
			Expect(contact.Attempts).To(And(
				BeNumerically(">=", after[d.String()]-begun[d.String()]-2),
				BeNumerically("<=", after[d.String()]-before[d.String()]+2)), d.String())
		}
	}, SpecTimeout(2*time.Minute))
})

func trial(number int, block ...harness.Destination) harness.Trial {
	return harness.Trial{Number: number, Block: block, Fault: harness.Reject, Regime: harness.Steady}
}

// spy notes when the gateway held which block.
type spy struct {
	harness.Gateway
	windows []window
	open    *window
}

func (s *spy) Block(ctx context.Context, destinations []harness.Destination, fault harness.Fault) error {
	if s.open != nil {
		s.open.until = time.Now()
		s.windows, s.open = append(s.windows, *s.open), nil
	}
	if err := s.Gateway.Block(ctx, destinations, fault); err != nil {
		return err
	}
	if len(destinations) > 0 {
		s.open = &window{since: time.Now(), blocked: destinations}
	}
	return nil
}

// window is a time in which destinations were blocked.
type window struct {
	since, until time.Time
	blocked      []harness.Destination
}

// packet is one that the gateway sent out.
type packet struct {
	at       time.Time
	protocol string
	to       netip.AddrPort
}

// leaked lists the packets that a window should have held back.
func (w window) leaked(packets []packet, judgement harness.Judgement) []packet {
	var leaks []packet
	for _, p := range packets {
		if p.at.Before(w.since) || p.at.After(w.until) {
			continue
		}
		for _, row := range judgement.Rows {
			d := row.Contact.Destination
			if slices.Contains(w.blocked, d) && d.Protocol == p.protocol && d.Port == p.to.Port() && slices.Contains(row.Contact.Addresses, p.to.Addr()) {
				leaks = append(leaks, p)
			}
		}
	}
	return leaks
}

// capture collects what leaves by a link, by the kernel's own clock. The
// function that it returns hands over what was collected so far.
func capture(namespace *netns.Namespace, link string) func() []packet {
	GinkgoHelper()
	var handle *afpacket.TPacket
	Expect(namespace.Do(func() (err error) {
		handle, err = afpacket.NewTPacket(afpacket.OptInterface(link), afpacket.OptPollTimeout(20*time.Millisecond))
		return err
	})).To(Succeed())
	var mutex sync.Mutex
	var packets []packet
	ctx, cancel := context.WithCancel(context.Background())
	var reader sync.WaitGroup
	reader.Go(func() {
		for ctx.Err() == nil {
			data, info, err := handle.ReadPacketData()
			if err != nil {
				continue
			}
			if p, ok := parse(data, info.Timestamp); ok {
				mutex.Lock()
				packets = append(packets, p)
				mutex.Unlock()
			}
		}
	})
	DeferCleanup(func() {
		cancel()
		reader.Wait()
		handle.Close()
	})
	return func() []packet {
		mutex.Lock()
		defer mutex.Unlock()
		return slices.Clone(packets)
	}
}

func parse(data []byte, at time.Time) (packet, bool) {
	decoded := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.NoCopy)
	if decoded.NetworkLayer() == nil || decoded.TransportLayer() == nil {
		return packet{}, false
	}
	address, ok := netip.AddrFromSlice(decoded.NetworkLayer().NetworkFlow().Dst().Raw())
	if !ok {
		return packet{}, false
	}
	switch transport := decoded.TransportLayer().(type) {
	case *layers.TCP:
		return packet{at, "tcp", netip.AddrPortFrom(address, uint16(transport.DstPort))}, true
	case *layers.UDP:
		return packet{at, "udp", netip.AddrPortFrom(address, uint16(transport.DstPort))}, true
	}
	return packet{}, false
}
