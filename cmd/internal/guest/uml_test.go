//go:build e2e

package guest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// UML is Debian's user-mode-linux. The word is the first argument by which the
// calling program knows that it has to be BecomeUML.
func UML(word string) Guest {
	return Guest{
		Modules: "/usr/lib/uml/modules",
		Load: "veth bridge macvlan 8021q af_packet nfnetlink nf_conntrack_netlink nfnetlink_log nf_log_syslog ip_set_hash_ip ip_set_hash_ipport ip_set_hash_net " +
			"iptable_filter iptable_mangle iptable_nat ip6table_filter ip6table_mangle ip6table_nat ipt_REJECT ip6t_REJECT " +
			"xt_LOG xt_MASQUERADE xt_NFLOG xt_comment xt_connbytes xt_connmark xt_conntrack xt_addrtype xt_mac xt_mark xt_multiport xt_nat xt_set xt_tcpudp",
		Extra: []string{"GUEST_LEGACY=1", "GUEST_OLD_CPU=1"},
		Command: func(ctx context.Context, init string, settings []string) *exec.Cmd {
			arguments := append([]string{
				word, "mem=1G", "rootfstype=hostfs", "ro", "init=" + init, "quiet", "con=null", "con0=null,fd:1",
			}, settings...)
			return exec.CommandContext(ctx, "/proc/self/exe", arguments...)
		},
	}
}

// The numbers of linux/ptrace.h, linux/elf.h and linux/audit.h.
const (
	getRegisterSet    = 0x4204 // PTRACE_GETREGSET
	extendedRegisters = 0x202  // NT_X86_XSTATE
	secondArgument    = 16     // in struct seccomp_data, the low half of args[0]
	fourthArgument    = 32     // of args[2]
)

// BecomeUML replaces this process by user-mode-linux, and returns only when that
// fails.
//
// Linux 6.1 as a program saves the registers of its processes in 832 bytes, and
// dies where the processor has more of them (AVX-512, AMX): the kernel takes back
// no part of what it gave. It does without the newer ones where it cannot ask for
// them, so a filter says that it cannot; and its programs must not use them
// (GUEST_OLD_CPU).
func BecomeUML(arguments []string) error {
	path, err := exec.LookPath("linux.uml")
	if err != nil {
		return fmt.Errorf("%w: install it, as with 'apt-get install user-mode-linux'", err)
	}
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	unless := func(value uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jf: skip}
	}
	answer := func(value uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value}
	}
	filter := []unix.SockFilter{
		load(0), unless(unix.SYS_PTRACE, 5),
		load(secondArgument), unless(getRegisterSet, 3),
		load(fourthArgument), unless(extendedRegisters, 1),
		answer(unix.SECCOMP_RET_ERRNO | uint32(unix.EINVAL)),
		answer(unix.SECCOMP_RET_ALLOW),
	}
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return fmt.Errorf("setting a filter: %w", err)
	}
	return unix.Exec(path, append([]string{path}, arguments...), os.Environ())
}
