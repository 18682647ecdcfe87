package gateway_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// tap sees every packet that comes in by a link.
type tap struct {
	mutex sync.Mutex
	seen  map[netip.Addr]int // by where they go
}

// tapOutside listens where the uplink ends.
func (s *street) tapOutside(ctx context.Context) *tap {
	GinkgoHelper()
	return newTap(ctx, s.outside, "o0")
}

func newTap(ctx context.Context, namespace *netns.Namespace, name string) *tap {
	GinkgoHelper()
	t := &tap{seen: map[netip.Addr]int{}}
	listen(ctx, namespace, name, t.count)
	return t
}

// listen hands over each packet that comes in by a link, from its IP header on, until
// the spec ends.
func listen(ctx context.Context, namespace *netns.Namespace, name string, take func(packet []byte)) {
	GinkgoHelper()
	link, err := namespace.Netlink().LinkByName(name)
	Expect(err).NotTo(HaveOccurred())
	every := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
	socket := -1
	Expect(namespace.Do(func() (err error) {
		socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(every))
		return err
	})).To(Succeed())
	Expect(unix.Bind(socket, &unix.SockaddrLinklayer{Protocol: every, Ifindex: link.Attrs().Index})).To(Succeed())
	Expect(unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000})).To(Succeed())
	_ = unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) // without root there is less room
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		handOver(life, socket, take)
	}()
	DeferCleanup(func() error { end(); <-ended; return unix.Close(socket) })
}

func handOver(life context.Context, socket int, take func(packet []byte)) {
	buffer := make([]byte, 2048)
	for life.Err() == nil {
		n, from, err := unix.Recvfrom(socket, buffer, 0)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		if source, ok := from.(*unix.SockaddrLinklayer); ok && source.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		take(buffer[:n])
	}
}

func (t *tap) count(packet []byte) {
	var to netip.Addr
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		to = netip.AddrFrom4([4]byte(packet[16:20]))
	case len(packet) >= 40 && packet[0]>>4 == 6:
		to = netip.AddrFrom16([16]byte(packet[24:40]))
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.seen[to]++
}

// to is how many packets went to an address.
func (t *tap) to(address netip.Addr) int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.seen[address]
}
