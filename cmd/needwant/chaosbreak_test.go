package main_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
	. "github.com/onsi/ginkgo/v2"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// The signals that processes are broken with.
const (
	killed    = syscall.SIGKILL
	stopped   = syscall.SIGSTOP
	continued = syscall.SIGCONT
)

func signalling(pid int, signal syscall.Signal) func(context.Context) error {
	return func(context.Context) error { return syscall.Kill(pid, signal) }
}

// specials are the kinds of failure that are not of something that a gateway owns.
func specials() []string {
	return []string{"uplink's cable", "connection table", "process", "upstream resolver", "disk"}
}

// special is one of them on a stage.
func (s *stage) special(kind string) possession {
	switch kind {
	case "uplink's cable":
		return possession{kind, "of the home network", []breakage{{how: "pulled", do: s.inInternet(func(_ context.Context, internet *netns.Namespace) error {
			return internet.SetDown("port0")
		}), undo: s.inInternet(func(_ context.Context, internet *netns.Namespace) error { return internet.SetUp("port0") }), foreign: true}}}
	case "connection table":
		gateway := s.territories[len(s.territories)-1]
		return possession{kind, "of " + gateway.name, []breakage{
			{how: "full", do: func(ctx context.Context) error { return fillConnections(ctx, gateway.Namespace, time.Hour) }},
			{how: "full for some seconds", do: func(ctx context.Context) error { return fillConnections(ctx, gateway.Namespace, 8*time.Second) }},
		}}
	case "process":
		return possession{kind, "of the program", []breakage{{how: "stopped for 5 s", do: signalling(s.pid(), stopped), undo: signalling(s.pid(), continued), foreign: true}}}
	case "upstream resolver":
		const rule = "-p udp --dport 53 -j DROP"
		return possession{kind, "of the home", []breakage{
			{how: "dead", do: s.shellInInternet("iptables-nft -I INPUT " + rule), undo: s.shellInInternet("iptables-nft -D INPUT " + rule), foreign: true},
			{how: "slow by 1 s", do: s.slowResolver(time.Second)},
			{how: "slow by 4 s", do: s.slowResolver(4 * time.Second)},
		}}
	}
	return possession{kind, "of the run file", []breakage{{how: "full", do: s.fillDisk, undo: s.emptyDisk}}}
}

func (s *stage) inInternet(act func(context.Context, *netns.Namespace) error) func(context.Context) error {
	return func(ctx context.Context) error {
		internet := s.internet()
		if internet == nil {
			return errors.New("the lab is gone")
		}
		defer internet.Close()
		return act(ctx, internet)
	}
}

func (s *stage) shellInInternet(script string) func(context.Context) error {
	return s.inInternet(func(ctx context.Context, internet *netns.Namespace) error {
		if text, err := internet.Command(ctx, "sh", "-ec", script).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
		return nil
	})
}

// slowResolver has every answer of the home's resolver come later.
func (s *stage) slowResolver(by time.Duration) func(context.Context) error {
	return s.inInternet(func(ctx context.Context, internet *netns.Namespace) error {
		proxy, err := internet.ListenPacket(ctx, "udp4", "0.0.0.0:5300")
		if err != nil {
			return err
		}
		own, err := netns.Adopt(duplicate(internet.File()))
		if err != nil {
			return errors.Join(err, proxy.Close())
		}
		DeferCleanup(func() { _ = proxy.Close(); _ = own.Close() })
		go func() {
			for {
				text := make([]byte, 4096)
				n, from, err := proxy.ReadFrom(text)
				if err != nil {
					return
				}
				time.AfterFunc(by, func() {
					if answer, err := ask(own, text[:n]); err == nil {
						_, _ = proxy.WriteTo(answer, from) // who asked may be gone
					}
				})
			}
		}()
		text, err := internet.Command(ctx, "iptables-nft", "-t", "nat", "-I", "PREROUTING", "-p", "udp", "--dport", "53", "-j", "REDIRECT", "--to-ports", "5300").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
		return nil
	})
}

func duplicate(file *os.File) *os.File {
	copied, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil
	}
	return os.NewFile(uintptr(copied), file.Name())
}

// ask puts a query to the lab's own resolver.
func ask(internet *netns.Namespace, query []byte) (answer []byte, err error) {
	connection, err := internet.Dial(context.Background(), "udp", "100.64.0.53:53")
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := connection.Write(query); err != nil {
		return nil, err
	}
	answer = make([]byte, 4096)
	n, err := connection.Read(answer)
	return answer[:n], err
}

// fillDisk leaves no room where the run file is.
func (s *stage) fillDisk(context.Context) (err error) {
	if s.diskFolder, err = os.Open(fmt.Sprintf("/proc/%d/root%s", s.pid(), s.disk)); err != nil {
		return err
	}
	DeferCleanup(s.diskFolder.Close)
	filler, err := os.Create(s.onDisk("filler"))
	if err != nil {
		return err
	}
	defer filler.Close()
	_, err = io.Copy(filler, zeros{})
	if errors.Is(err, unix.ENOSPC) {
		return nil
	}
	return err
}

func (s *stage) emptyDisk(context.Context) error { return os.Remove(s.onDisk("filler")) }

func (s *stage) onDisk(name string) string {
	return filepath.Join(fmt.Sprintf("/proc/self/fd/%d", s.diskFolder.Fd()), name)
}

type zeros struct{}

func (zeros) Read(buffer []byte) (int, error) { clear(buffer); return len(buffer), nil }

// connectionMost is more connections than the kernel lets a namespace have.
const connectionMost = 270_000

// fillConnections leaves no room in a namespace's table of connections. The
// entries are of UDP, and such that the kernel does not drop them early.
func fillConnections(ctx context.Context, namespace *netns.Namespace, last time.Duration) error {
	connection, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: namespace.FD()})
	if err != nil {
		return err
	}
	defer connection.Close()
	const batch = 200
	for first := 0; first < connectionMost && ctx.Err() == nil; first += batch {
		var messages []netlink.Message
		for n := first; n < first+batch; n++ {
			data, err := connectionEntry(uint32(n), last)
			if err != nil {
				return err
			}
			messages = append(messages, netlink.Message{
				Header: netlink.Header{Type: unix.NFNL_SUBSYS_CTNETLINK << 8, Flags: netlink.Request | netlink.Create}, Data: data,
			})
		}
		if _, err := connection.SendMessages(messages); err != nil {
			return err
		}
	}
	return nil
}

// connectionEntry is one connection in the kernel's words
// (linux/netfilter/nfnetlink_conntrack.h).
func connectionEntry(number uint32, last time.Duration) ([]byte, error) {
	from := binary.BigEndian.AppendUint32(nil, 10<<24+number>>8)
	to := []byte{10, 255, 255, byte(number)}
	tuple := func(source, destination []byte) func(*netlink.AttributeEncoder) error {
		return func(e *netlink.AttributeEncoder) error {
			e.Nested(1, func(ip *netlink.AttributeEncoder) error { // CTA_TUPLE_IP
				ip.Bytes(1, source)
				ip.Bytes(2, destination)
				return nil
			})
			e.Nested(2, func(proto *netlink.AttributeEncoder) error { // CTA_TUPLE_PROTO
				proto.Uint8(1, unix.IPPROTO_UDP)
				proto.Uint16(2, 7)
				proto.Uint16(3, 7)
				return nil
			})
			return nil
		}
	}
	attributes := netlink.NewAttributeEncoder()
	attributes.ByteOrder = binary.BigEndian
	attributes.Nested(1, tuple(from, to)) // CTA_TUPLE_ORIG
	attributes.Nested(2, tuple(to, from)) // CTA_TUPLE_REPLY
	const seenReply, assured, confirmed = 2, 4, 8
	attributes.Uint32(3, seenReply|assured|confirmed) // CTA_STATUS
	attributes.Uint32(7, uint32(last/time.Second))    // CTA_TIMEOUT
	encoded, err := attributes.Encode()
	return append([]byte{unix.AF_INET, 0, 0, 0}, encoded...), err
}
