package netns

import (
	"encoding/binary"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// AcceptOnly makes a socket ignore every packet that does not come from one MAC
// address. The kernel drops the others before the socket sees them, so no
// program can answer them, whatever they claim inside. A stream listener passes
// this on to its connections. The socket must receive from Ethernet interfaces.
func AcceptOnly(socket uintptr, mac net.HardwareAddr) error {
	if len(mac) != 6 {
		return fmt.Errorf("limiting a socket to packets from %s: that is not the MAC address of an Ethernet interface", mac)
	}
	const (
		source = 0xffe00000 + 6 // SKF_LL_OFF of linux/filter.h; the receiver's address comes first
		whole  = 1 << 18        // longer than any packet
	)
	code := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: source},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: binary.BigEndian.Uint32(mac[:4]), Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: source + 4},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(binary.BigEndian.Uint16(mac[4:])), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: whole},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	err := unix.SetsockoptSockFprog(int(socket), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
	if err != nil {
		return fmt.Errorf("limiting a socket to packets from %s: %w", mac, err)
	}
	return nil
}
