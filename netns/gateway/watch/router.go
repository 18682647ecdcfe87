package watch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// Router is somebody else who announces itself as an IPv6 router.
type Router struct {
	Address netip.Addr
	Until   time.Time // when a device forgets it, if it hears no more
}

// Lives reports whether a device may still use the router.
func (r Router) Lives() bool { return time.Now().Before(r.Until) }

// Routers reads the announcements that come in by one link (RFC 4861 section
// 4.2), also where the gateway has IPv6 switched off, since they are for the
// device.
type Routers struct {
	socket *os.File
	ended  chan struct{}
}

// The parts of an announcement that are read.
const (
	ipv6Header   = 40
	nextHeader   = 6
	announcement = 134
	lifetimeAt   = ipv6Header + 6
)

// OpenRouters tells of every announcement until Close.
func OpenRouters(namespace *netns.Namespace, link string, tell func(Router)) (*Routers, error) {
	found, err := namespace.Netlink().LinkByName(link)
	if err != nil {
		return nil, fmt.Errorf("link %s: %w", link, err)
	}
	r := &Routers{ended: make(chan struct{})}
	if err := namespace.Do(func() error { return r.open(found.Attrs().Index) }); err != nil {
		return nil, fmt.Errorf("watching for IPv6 routers on %s: %w", link, err)
	}
	go r.read(tell)
	return r, nil
}

func (r *Routers) open(link int) error {
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	r.socket = os.NewFile(uintptr(socket), "announcements")
	kind := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_IPV6))
	err = errors.Join(
		filter(socket),
		unix.SetsockoptPacketMreq(socket, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP,
			&unix.PacketMreq{Ifindex: int32(link), Type: unix.PACKET_MR_ALLMULTI}),
		unix.Bind(socket, &unix.SockaddrLinklayer{Protocol: kind, Ifindex: link}))
	if err != nil {
		return errors.Join(err, r.socket.Close())
	}
	return nil
}

// filter has the kernel pass on what others sent, and of that ICMPv6 of this kind
// alone, so that nothing else costs anything.
func filter(socket int) error {
	const packetKind = 0xfffff000 + 4 // SKF_AD_OFF and SKF_AD_PKTTYPE of linux/filter.h
	code := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: packetKind},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.PACKET_OUTGOING, Jt: 5},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: nextHeader},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.IPPROTO_ICMPV6, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: ipv6Header},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: announcement, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 16},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	return unix.SetsockoptSockFprog(socket, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
}

func (r *Routers) read(tell func(Router)) {
	defer close(r.ended)
	buffer := make([]byte, 2048)
	for {
		n, err := r.socket.Read(buffer)
		if errors.Is(err, unix.ENETDOWN) {
			continue
		}
		if err != nil {
			return
		}
		if router, ok := parseAnnouncement(buffer[:n]); ok {
			tell(router)
		}
	}
}

// parseAnnouncement reads who offers itself, and for how long. One that offers
// prefixes alone, and no way out, is none.
func parseAnnouncement(packet []byte) (r Router, ok bool) {
	if len(packet) < lifetimeAt+2 || packet[0]>>4 != 6 || packet[nextHeader] != unix.IPPROTO_ICMPV6 || packet[ipv6Header] != announcement {
		return Router{}, false
	}
	lifetime := time.Duration(binary.BigEndian.Uint16(packet[lifetimeAt:])) * time.Second
	return Router{netip.AddrFrom16([16]byte(packet[8:24])), time.Now().Add(lifetime)}, true
}

// Close ends it.
func (r *Routers) Close() error {
	err := r.socket.Close()
	<-r.ended
	return err
}
