package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Namespace is one network namespace. It is safe for use by many goroutines.
type Namespace struct {
	file   *os.File
	handle *netlink.Handle
}

// birthSysctls make a new namespace predictable. Some kernels start one with
// bridged frames going through iptables; duplicate address detection would keep
// every IPv6 address unusable for a second; router discovery would send packets
// that nobody asked for.
var birthSysctls = []struct{ key, value string }{
	{"net.bridge.bridge-nf-call-iptables", "0"},
	{"net.bridge.bridge-nf-call-ip6tables", "0"},
	{"net.ipv6.conf.all.disable_ipv6", "0"},
	{"net.ipv6.conf.default.disable_ipv6", "0"},
	{"net.ipv6.conf.all.accept_dad", "0"},
	{"net.ipv6.conf.default.accept_dad", "0"},
	{"net.ipv6.conf.default.accept_ra", "0"},
	{"net.ipv6.conf.default.router_solicitations", "0"},
}

// New makes a namespace without a name. Its loopback link is up, and IPv6
// addresses are usable as soon as they are added.
func New() (*Namespace, error) {
	file, err := create()
	if err != nil {
		return nil, fmt.Errorf("making a network namespace (root, or netns.Reexec, is needed): %w", err)
	}
	n := &Namespace{file: file}
	if err := n.furnish(); err != nil {
		return nil, errors.Join(fmt.Errorf("setting up a new network namespace: %w", err), n.Close())
	}
	return n, nil
}

// create unshares on a thread of its own and comes back with a descriptor of
// what it got. The thread returns to where it was, or ends.
func create() (file *os.File, err error) {
	err = onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		file, err = os.Open(threadNamespace)
		return err
	})
	return file, err
}

func (n *Namespace) furnish() error {
	if err := n.Do(n.open); err != nil {
		return err
	}
	for _, sysctl := range birthSysctls {
		err := n.Sysctl(sysctl.key, sysctl.value)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return n.SetUp("lo")
}

func (n *Namespace) open() (err error) {
	n.handle, err = netlink.NewHandle(unix.NETLINK_ROUTE, unix.NETLINK_NETFILTER)
	return err
}

// Close gives the namespace up. The kernel removes it with all it holds as soon
// as no socket, listener or child process is left in it. Closing twice is an
// error.
func (n *Namespace) Close() error {
	if n.handle != nil {
		n.handle.Close()
	}
	return n.file.Close()
}

// FD is the descriptor that holds the namespace, for a library that enters it
// by itself, as the NetNS of github.com/mdlayher/netlink. It is good until
// Close.
func (n *Namespace) FD() int { return int(n.file.Fd()) }

// Netlink is a handle on the namespace's links, routes, sets and connections.
// Use it outside of Do: parsing its replies on a locked thread is many times
// slower.
func (n *Namespace) Netlink() *netlink.Handle { return n.handle }

// Do runs f inside the namespace, on a thread of its own, and returns f's
// error, or fs.ErrClosed after Close. A panic of f reaches the caller.
func (n *Namespace) Do(f func() error) error {
	return onThread(func() error {
		if err := n.enter(); err != nil {
			return fmt.Errorf("entering a network namespace: %w", err)
		}
		return f()
	})
}

// enter moves the current thread into the namespace.
func (n *Namespace) enter() error {
	connection, err := n.file.SyscallConn()
	if err != nil {
		return err
	}
	var entered error
	if err := connection.Control(func(fd uintptr) { entered = unix.Setns(int(fd), unix.CLONE_NEWNET) }); err != nil {
		return fs.ErrClosed // the one thing that Control fails of, under an error of its own
	}
	return entered
}

// Sysctl writes one kernel parameter of the namespace. The key is dotted, as
// "net.ipv4.ip_forward"; where a link's name has dots itself, write the key
// with slashes. An unknown key is fs.ErrNotExist.
func (n *Namespace) Sysctl(key, value string) error {
	path := key
	if !strings.Contains(key, "/") {
		path = strings.ReplaceAll(key, ".", "/")
	}
	err := n.Do(func() error { return os.WriteFile("/proc/sys/"+path, []byte(value), 0) })
	if err != nil {
		return fmt.Errorf("setting %s to %s: %w", key, value, err)
	}
	return nil
}

// threadNamespace is the namespace of the thread that opens it.
const threadNamespace = "/proc/thread-self/ns/net"

// onThread runs f on a locked thread and returns when f did. The thread goes
// back to its former namespace; if that fails it stays locked and ends with its
// goroutine, so that no other goroutine ever runs in the wrong place.
func onThread(f func() error) (err error) {
	done := make(chan struct{})
	var panicked any
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		err = visit(f)
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
	return err
}

func visit(f func() error) error {
	runtime.LockOSThread()
	home, err := unix.Open(threadNamespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		if unix.Setns(home, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		_ = unix.Close(home)
	}()
	return f()
}
