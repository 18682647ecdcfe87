package resolver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns/gateway/names"
)

// Keeper is a process that has the resolver's sockets, and goes on answering, with
// nothing blocked, when this one ends or dies. A device that has this machine as DNS
// server has no other.
type Keeper struct {
	command *exec.Cmd
	life    *os.File
}

// The descriptors that a keeper inherits.
const (
	lifeFD = 3 + iota
	packetsFD
	streamsFD
	readyFD
)

// A keeper writes ready when it can take over, and reads dismissed if it is not needed.
const (
	ready     = 'r'
	dismissed = 'd'
)

// StartKeeper runs a keeper of the resolver's sockets, and returns when it can take over. The command
// is a program that calls [Keep] with the upstream resolver and the device, which are added
// to its arguments.
func StartKeeper(command []string, of Config) (*Keeper, error) {
	sockets := of.Sockets
	files, err := sockets.Files()
	if err != nil {
		return nil, err
	}
	defer files[0].Close()
	defer files[1].Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	told, tell, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	defer told.Close()
	defer tell.Close()
	k := &Keeper{life: writer}
	k.command = exec.Command(command[0], slices.Concat(command[1:], []string{of.Upstream.String()}, of.device())...)
	k.command.ExtraFiles = []*os.File{reader, files[0], files[1], tell}
	k.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a terminal's signals are not for it
	if err := k.command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the cleanup process: %w", err), writer.Close())
	}
	if err := errors.Join(tell.Close(), begun(told), sockets.Unblock()); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the cleanup process: %w", err), k.Close(false))
	}
	return k, nil
}

// begun waits until a keeper is ready.
func begun(told *os.File) error {
	const longest = 30 * time.Second // on a machine that is very busy
	if err := told.SetReadDeadline(time.Now().Add(longest)); err != nil {
		return err
	}
	if said, err := io.ReadAll(told); err != nil || len(said) == 0 {
		return errors.Join(errors.New("it ended at once"), err)
	}
	return nil
}

// Close ends the keeper, or lets it go on answering. The resolver must have been
// closed.
func (k *Keeper) Close(goOn bool) error {
	if goOn {
		return errors.Join(k.life.Close(), k.command.Process.Release())
	}
	_, err := k.life.Write([]byte{dismissed})
	err = errors.Join(err, k.life.Close())
	late := time.AfterFunc(patience, func() { _ = k.command.Process.Kill() }) // it may have ended
	defer late.Stop()
	if _, failed := k.command.Process.Wait(); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

// patience is how long another process may take. It takes milliseconds.
const patience = 3 * time.Second

// device is the device's MAC address, its address, or both.
func (c Config) device() (texts []string) {
	if c.MAC != nil {
		texts = append(texts, c.MAC.String())
	}
	if c.Address.IsValid() {
		texts = append(texts, c.Address.String())
	}
	return texts
}

// kept is what a keeper is told by its arguments.
func kept(upstream string, device []string) (c Config, err error) {
	c.Upstream, err = netip.ParseAddrPort(upstream)
	for _, text := range device {
		if mac, failed := net.ParseMAC(text); failed == nil {
			c.MAC = mac
			continue
		}
		address, failed := netip.ParseAddr(text)
		c.Address, err = address, errors.Join(err, failed)
	}
	return c, err
}

// Keep is a keeper's whole life. It waits until the program that started it is gone,
// and answers with what the upstream resolver answers, until [End] or SIGTERM. The device
// may keep its answers no longer than before, so that the next experiment sees its queries.
func Keep(ctx context.Context, upstream string, device []string) error {
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	const stray = "a cleanup process is started by needwant itself, and by nobody else"
	life := os.NewFile(lifeFD, "life")
	sockets, err := names.SocketsOf(os.NewFile(packetsFD, "packets"), os.NewFile(streamsFD, "streams"))
	if err != nil {
		return fmt.Errorf("%s: %w", stray, err)
	}
	config, err := kept(upstream, device)
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", stray, err), sockets.Close())
	}
	orders, err := net.Listen("unix", orderName(sockets.Packets.LocalAddr())) // they wait until this one answers
	if err != nil {
		return errors.Join(err, sockets.Close())
	}
	defer orders.Close()
	tell := os.NewFile(readyFD, "ready")
	if _, err := tell.Write([]byte{ready}); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", stray, err), sockets.Close())
	}
	if err := tell.Close(); err != nil {
		return errors.Join(err, sockets.Close())
	}
	said, err := io.ReadAll(io.LimitReader(life, 1))
	if err != nil || len(said) > 0 {
		return errors.Join(err, sockets.Close())
	}
	config.Sockets = sockets
	return keep(ctx, orders, config)
}

func keep(ctx context.Context, orders net.Listener, config Config) error {
	sockets := config.Sockets
	all, err := newClients(config)
	if err != nil {
		return errors.Join(err, sockets.Close())
	}
	defer all.close()
	learn := func(context.Context, names.Answered) error { return nil }
	f, err := names.ForwardOn(ctx, nil, sockets, names.Config{Upstream: config.Upstream, Client: all.client, Learn: learn})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = orders.Close() })
	defer stop()
	for {
		order, err := orders.Accept()
		if err != nil { // told to end
			return f.Close()
		}
		if !obeys(order.(*net.UnixConn)) {
			_ = order.Close()
			continue
		}
		err = errors.Join(f.Close(), orders.Close()) // the next keeper has the same name
		_, said := io.WriteString(order, "ended\n")
		return errors.Join(err, said, order.Close())
	}
}

// obeys reports whether an order comes from root or from the keeper's own user.
func obeys(order *net.UnixConn) bool {
	raw, err := order.SyscallConn()
	if err != nil {
		return false
	}
	var who *unix.Ucred
	broken := raw.Control(func(fd uintptr) { who, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	return broken == nil && err == nil && (who.Uid == 0 || int(who.Uid) == os.Geteuid())
}

const orderPrefix = "@needwant-dns-"

// orderName is where a keeper that answers at an address takes orders: a name in the
// network namespace, not a file.
func orderName(at net.Addr) string { return orderPrefix + at.String() }

// End ends the keeper that answers at an address. ok is false if there is none.
func End(at netip.AddrPort) (ok bool, err error) {
	order, err := net.DialTimeout("unix", orderName(net.UDPAddrFromAddrPort(at)), patience)
	if errors.Is(err, unix.ECONNREFUSED) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer order.Close()
	if err := order.SetDeadline(time.Now().Add(patience)); err != nil {
		return false, err
	}
	if line, _ := bufio.NewReader(io.LimitReader(order, 64)).ReadString('\n'); line != "ended\n" {
		return false, fmt.Errorf("another needwant answers at %s, or the process that an earlier one left there is another user's: stop the first, or run sudo needwant restore", at)
	}
	return true, nil
}

// Kept lists the addresses at which keepers answer.
func Kept() (all []netip.AddrPort, err error) {
	text, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		_, name, found := strings.Cut(strings.TrimSpace(line), orderPrefix)
		if at, err := netip.ParseAddrPort(name); found && err == nil {
			all = append(all, at)
		}
	}
	return all, nil
}
