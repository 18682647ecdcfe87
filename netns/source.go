package netns

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// AcceptOnly makes a socket ignore every packet that does not come from one MAC
// address and, if from is valid, from that IPv4 address. The kernel drops the others before the socket sees them, so no
// program can answer them, whatever they claim inside. A stream listener passes
// this on to its connections. The socket must receive from Ethernet interfaces.
func AcceptOnly(socket uintptr, mac net.HardwareAddr, from netip.Addr) error {
	if len(mac) != 6 {
		return fmt.Errorf("limiting a socket to packets from %s: that is not the MAC address of an Ethernet interface", mac)
	}
	const (
		source  = 0xffe00000 + 6  // SKF_LL_OFF of linux/filter.h; the receiver's address comes first
		address = 0xfff00000 + 12 // SKF_NET_OFF: the source address of an IPv4 header
		whole   = 1 << 18         // longer than any packet
	)
	code := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: source},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: binary.BigEndian.Uint32(mac[:4]), Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: source + 4},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(binary.BigEndian.Uint16(mac[4:])), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: whole},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	if from.IsValid() {
		from4 := from.As4()
		code = append([]unix.SockFilter{
			{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: address},
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: binary.BigEndian.Uint32(from4[:]), Jf: 5},
		}, code...)
	}
	err := unix.SetsockoptSockFprog(int(socket), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
	if err != nil {
		return fmt.Errorf("limiting a socket to packets from %s: %w", mac, err)
	}
	return nil
}
