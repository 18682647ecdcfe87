package main_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// sockets lists those of the program that wait for somebody: listeners, unconnected
// sockets of UDP, raw and packet sockets, and readers of the packet log.
func (t *territory) sockets(_ context.Context, pid int) (found []possession, err error) {
	if pid == 0 {
		return nil, nil
	}
	open, err := openSockets(pid)
	if err != nil {
		return nil, err
	}
	waiting, err := t.waiting()
	if err != nil {
		return nil, err
	}
	for inode, what := range waiting {
		fd, ours := open[inode]
		if !ours {
			continue
		}
		p := possession{"socket", fmt.Sprintf("%s of %s", what.name, t.name), []breakage{
			{how: "deaf", do: onSocket(pid, fd, deafen), undo: onSocket(pid, fd, undeafen)},
		}}
		switch what.kind {
		case "log":
			p.kind = "NFLOG group"
			p.breaks = append(p.breaks,
				breakage{how: "not read any more", do: onSocket(pid, fd, unbindLog(what.group))},
				breakage{how: "too slow to read", do: onSocket(pid, fd, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1) })})
		case "tcp", "udp":
			p.breaks = append(p.breaks, breakage{how: "closed", do: func(ctx context.Context) error {
				return t.shell(ctx, fmt.Sprintf("ss --kill --all --%s sport = :%d", what.kind, what.port))
			}})
		case "packet":
			p.breaks[0].undo = nil // it has a filter of its own, which is gone
		}
		found = append(found, p)
	}
	return found, nil
}

// openSockets are the sockets of a program: their descriptors, by inode.
func openSockets(pid int) (map[string]int, error) {
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return nil, err
	}
	open := map[string]int{}
	for _, link := range links {
		target, err := os.Readlink(link)
		if inode, ok := strings.CutPrefix(target, "socket:["); ok && err == nil {
			fd, err := strconv.Atoi(filepath.Base(link))
			if err != nil {
				return nil, err
			}
			open[strings.TrimSuffix(inode, "]")] = fd
		}
	}
	return open, nil
}

// waiter is a socket that waits for somebody.
type waiter struct {
	kind, name string
	port       uint16
	group      int
}

// waiting lists the sockets of a namespace that wait, by inode.
func (t *territory) waiting() (found map[string]waiter, err error) {
	tables := map[string][][]string{}
	err = t.Do(func() error {
		for _, name := range []string{"tcp", "tcp6", "udp", "udp6", "raw", "raw6", "icmp", "packet", "netlink", "netfilter/nfnetlink_log"} {
			text, err := os.ReadFile("/proc/thread-self/net/" + name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(text)) {
				tables[name] = append(tables[name], strings.Fields(line))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	found = map[string]waiter{}
	for name, lines := range tables {
		for _, fields := range lines {
			waiterOf(found, name, fields)
		}
	}
	// A reader of the packet log is known there by the number of its netlink socket.
	for _, log := range tables["netfilter/nfnetlink_log"] {
		for _, socket := range tables["netlink"] {
			if len(log) > 1 && len(socket) > 9 && socket[1] == "12" && socket[2] == log[1] {
				group, _ := strconv.Atoi(log[0])
				found[socket[9]] = waiter{kind: "log", name: "NFLOG group " + log[0], group: group}
			}
		}
	}
	return found, nil
}

// waiterOf adds a line of a table below /proc/net, if its socket waits.
func waiterOf(found map[string]waiter, table string, fields []string) {
	const listening, unconnected = "0A", "07"
	protocol := strings.TrimSuffix(table, "6")
	switch {
	case (protocol == "tcp" || protocol == "udp") && len(fields) > 9 && strings.HasSuffix(fields[0], ":"):
		_, text, _ := strings.Cut(fields[1], ":")
		port, _ := strconv.ParseUint(text, 16, 16)
		if fields[3] == map[string]string{"tcp": listening, "udp": unconnected}[protocol] {
			name := fmt.Sprintf("%s port %d", table, port)
			if port >= 32768 {
				name = table + " port of any number" // the kernel chose it
			}
			found[fields[9]] = waiter{kind: protocol, name: name, port: uint16(port)}
		}
	case (protocol == "raw" || protocol == "icmp") && len(fields) > 9 && strings.HasSuffix(fields[0], ":"):
		found[fields[9]] = waiter{kind: "raw", name: table + " " + fields[1]}
	case table == "packet" && len(fields) > 8 && fields[0] != "sk":
		found[fields[8]] = waiter{kind: "packet", name: "packets of kind " + fields[3] + " on link " + fields[4]}
	}
}

// onSocket does something to a socket of another program.
func onSocket(pid, fd int, act func(fd int) error) func(context.Context) error {
	return func(context.Context) error {
		process, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(process) }()
		socket, err := unix.PidfdGetfd(process, fd, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(socket) }()
		return act(socket)
	}
}

// deafen makes the kernel drop everything that comes in.
func deafen(fd int) error {
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: 1, Filter: &unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}})
}

func undeafen(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0) }

// unbindLog ends the reading of a group of the packet log, which only the socket
// can that reads it (NFULNL_CFG_CMD_UNBIND of linux/netfilter/nfnetlink_log.h).
func unbindLog(group int) func(fd int) error {
	return func(fd int) error {
		const configMessage, unbind = unix.NFNL_SUBSYS_ULOG<<8 | 1, 2
		message := []byte{
			28, 0, 0, 0, configMessage & 0xff, configMessage >> 8, unix.NLM_F_REQUEST, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			unix.AF_UNSPEC, 0, byte(group >> 8), byte(group), // struct nfgenmsg
			5, 0, 1, 0, unbind, 0, 0, 0, // NFULA_CFG_CMD
		}
		return unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
}
