package placement

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// sightings are what the interface to the device shows of the clients there,
// before any of them has the device's address: ARP, and requests for an address.
type sightings struct {
	socket int
	device net.HardwareAddr

	stranger net.HardwareAddr // the last other client that asked for an address
	uses     netip.Addr       // another address than it shall have, which the device uses
	since    time.Time        // when that was seen first
}

// The parts of a frame that are read: Ethernet, then ARP (RFC 826), or IPv4 and
// UDP to a DHCP server.
const (
	ethernetHeader = 14
	sourceAt       = 6
	kindAt         = 12
	arpSenderAt    = ethernetHeader + 14 // the sender's IPv4 address
	protocolAt     = ethernetHeader + 9
	fragmentAt     = ethernetHeader + 6
	dhcpServerPort = 67
)

// openSightings starts to keep the frames that come in by an interface, as many as
// fit into a socket's buffer.
func openSightings(namespace *netns.Namespace, link string, device net.HardwareAddr) (*sightings, error) {
	found, err := namespace.Netlink().LinkByName(link)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", link, err)
	}
	s := &sightings{device: device}
	if err := namespace.Do(func() error { return s.open(found.Attrs().Index) }); err != nil {
		return nil, fmt.Errorf("looking for the device on %s: %w", link, err)
	}
	return s, nil
}

func (s *sightings) open(link int) (err error) {
	if s.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return err
	}
	everything := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
	err = errors.Join(
		filterSightings(s.socket),
		unix.Bind(s.socket, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: link}))
	if err != nil {
		s.close()
	}
	return err
}

// filterSightings has the kernel pass on ARP and what is for a DHCP server, and
// nothing that this machine sent.
func filterSightings(socket int) error {
	const packetKind = 0xfffff000 + 4 // SKF_AD_OFF and SKF_AD_PKTTYPE of linux/filter.h
	code := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: packetKind},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.PACKET_OUTGOING, Jt: 11},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: kindAt},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.ETH_P_ARP, Jt: 8},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.ETH_P_IP, Jf: 8},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: protocolAt},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.IPPROTO_UDP, Jf: 6},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: fragmentAt},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: 0x1fff, Jt: 4},
		{Code: unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH, K: ethernetHeader}, // the length of the IPv4 header
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_IND, K: ethernetHeader + 2},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: dhcpServerPort, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 64},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	return unix.SetsockoptSockFprog(socket, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
}

// most is how many frames are read at once: a flood must not keep the caller.
const most = 1000

// read takes in what was seen since the last time. Address is the one that the
// device shall have.
func (s *sightings) read(address netip.Addr) error {
	frame := make([]byte, 64)
	for range most {
		length, err := unix.Read(s.socket, frame)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENETDOWN):
			continue
		case err != nil:
			return fmt.Errorf("looking for the device: %w", err)
		}
		s.take(frame[:length], address)
	}
	return nil
}

func (s *sightings) take(frame []byte, address netip.Addr) {
	if len(frame) < arpSenderAt+4 {
		return
	}
	from := net.HardwareAddr(bytes.Clone(frame[sourceAt:kindAt]))
	known := bytes.Equal(from, s.device)
	switch asks := binary.BigEndian.Uint16(frame[kindAt:]) != unix.ETH_P_ARP; {
	case asks && known:
		s.uses, s.since = netip.Addr{}, time.Time{} // it may take another one now
	case asks:
		s.stranger = from
	case known:
		s.claim(netip.AddrFrom4([4]byte(frame[arpSenderAt:])), address)
	}
}

// claim notes an address that the device says is its own. A device that has not
// been given one yet uses none, or a link-local one.
func (s *sightings) claim(has, shall netip.Addr) {
	if has.IsUnspecified() || has.IsLinkLocalUnicast() || has == shall {
		return
	}
	if s.uses != has {
		s.uses, s.since = has, time.Now()
	}
}

func (s *sightings) close() { _ = unix.Close(s.socket) } // nothing was written to it
