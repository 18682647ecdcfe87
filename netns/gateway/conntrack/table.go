package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// Table is what the kernel tracks in one namespace. It is safe for use by many
// goroutines.
type Table struct {
	namespace *netns.Namespace

	mutex    sync.Mutex
	requests *socket
	events   *socket      // nil if it does not follow
	telling  *os.File     // whether the kernel tells of connections; nil if it cannot
	known    map[key]Flow // as they were when they were learnt; nil if they are not known
	dumps    int          // how often the kernel's table was dumped
}

const (
	// mostKnown is how many connections are remembered. If there are more, the table is
	// dumped each time.
	mostKnown = 8192

	// mostAsked is how many connections are asked for one by one. A dump of more is
	// cheaper: it takes 9 ms and 3 µs for each, and asking takes 7 µs for each.
	mostAsked = 2048

	// dumpTries is how often a dump is made that others keep interrupting.
	dumpTries = 4

	// settleTries is how often the kernel's number of connections is compared. It
	// counts those, too, whose first packet is on its way.
	settleTries = 3

	// eventBytes is the kernel's buffer for events, which are read when somebody looks:
	// for some 4,000 connections at least.
	eventBytes = 4 << 20

	newGroup, destroyGroup = 1, 3 // NFNLGRP_CONNTRACK_NEW and _DESTROY of linux/netfilter/nfnetlink.h
)

// Open opens the table of a namespace, to be dumped for each call.
func Open(namespace *netns.Namespace) (*Table, error) {
	requests, err := open(namespace)
	if err != nil {
		return nil, fmt.Errorf("opening connection tracking: %w", err)
	}
	return &Table{namespace: namespace, requests: requests}, nil
}

// Follow opens the table of a namespace, and learns from the kernel's events which
// connections there are.
func Follow(namespace *netns.Namespace) (*Table, error) {
	t, err := Open(namespace)
	if err != nil {
		return nil, err
	}
	if t.events, err = open(namespace); err != nil {
		return nil, errors.Join(fmt.Errorf("following connection tracking: %w", err), t.Close())
	}
	_ = namespace.Do(func() (err error) { // the file stays the namespace's; without it the kernel has no events
		t.telling, err = os.Open("/proc/sys/net/netfilter/nf_conntrack_events")
		return err
	})
	if unix.SetsockoptInt(t.events.file, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, eventBytes) != nil {
		// Without root the kernel gives what net.core.rmem_max allows; an overrun is noticed.
		_ = unix.SetsockoptInt(t.events.file, unix.SOL_SOCKET, unix.SO_RCVBUF, eventBytes)
	}
	for _, group := range []int{newGroup, destroyGroup} {
		if err := unix.SetsockoptInt(t.events.file, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return nil, errors.Join(fmt.Errorf("following connection tracking: %w", err), t.Close())
		}
	}
	return t, nil
}

// Close ends its use.
func (t *Table) Close() (err error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.requests != nil {
		err = t.requests.close()
	}
	if t.events != nil {
		err = errors.Join(err, t.events.close())
	}
	if t.telling != nil {
		err = errors.Join(err, t.telling.Close())
	}
	t.requests, t.events, t.telling, t.known = nil, nil, nil, nil
	return err
}

var errClosed = errors.New("connection tracking is closed")

// List returns the connections that want accepts, as they are now. Want must decide by
// the protocol and the addresses alone, and by the mark only if the table does not
// follow. A listing that others keep interrupting may lack some.
func (t *Table) List(want func(Flow) bool) ([]Flow, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	flows, err := t.look(get, 0, want)
	if err != nil && !errors.Is(err, errInterrupted) {
		return nil, fmt.Errorf("listing connections: %w", err)
	}
	return flows, nil
}

// Answering finds the connection whose answers go from one address to another, whatever
// address it was begun to: address translation may have changed that. The id is that of a
// ping, whose ports are 0.
func (t *Table) Answering(protocol uint8, from, to netip.AddrPort, id uint16) (f Flow, known bool, err error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.requests == nil {
		return Flow{}, false, errClosed
	}
	family, tuple := replyTuple(protocol, from, to, id)
	var failed error
	err = t.requests.ask(1, func(_ int, sequence uint32) []byte { return request(get, 0, sequence, family, tuple) },
		func(_ int, m message) {
			if ends, said := m.result(); ends {
				failed = said
				return
			}
			f, known = parse(m.family, m.data)
		})
	if errors.Is(failed, unix.ENOENT) {
		failed = nil
	}
	if err := errors.Join(err, failed); err != nil {
		return Flow{}, false, fmt.Errorf("asking for a connection: %w", err)
	}
	return f, known, nil
}

// replyTuple is the attribute by which the kernel finds the connection of an answer.
func replyTuple(protocol uint8, from, to netip.AddrPort, id uint16) (family uint8, text string) {
	family, source, destination := uint8(unix.AF_INET), uint16(source4), uint16(destination4)
	if from.Addr().Is6() {
		family, source, destination = unix.AF_INET6, source6, destination6
	}
	addresses := written(source, from.Addr().AsSlice()) + written(destination, to.Addr().AsSlice())
	ends := written(protocolNumber, []byte{protocol})
	big := binary.BigEndian.AppendUint16
	switch protocol {
	case unix.IPPROTO_ICMP:
		ends += written(icmpID, big(nil, id)) + written(icmpID+1, []byte{byte(ipv4.ICMPTypeEchoReply)}) + written(icmpID+2, []byte{0})
	case unix.IPPROTO_ICMPV6:
		ends += written(icmp6ID, big(nil, id)) + written(icmp6ID+1, []byte{byte(ipv6.ICMPTypeEchoReply)}) + written(icmp6ID+2, []byte{0})
	default:
		ends += written(sourcePort, big(nil, from.Port())) + written(destinationPort, big(nil, to.Port()))
	}
	const nested = unix.NLA_F_NESTED
	return family, written(nested|tupleReply, []byte(written(nested|tupleIP, []byte(addresses))+written(nested|tupleProtocol, []byte(ends))))
}

// written is an attribute with its padding.
func written(number uint16, value []byte) string {
	text := binary.NativeEndian.AppendUint16(nil, uint16(attributeHeader+len(value)))
	text = append(binary.NativeEndian.AppendUint16(text, number), value...)
	return string(append(text, make([]byte, aligned(len(text))-len(text))...))
}

// CountAnew sets the counters of all connections to zero, or if a mark is given, of
// those with all of its bits.
func (t *Table) CountAnew(mark uint32) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	_, err := t.look(getAndZero, mark, func(Flow) bool { return true })
	if err != nil && !errors.Is(err, errInterrupted) {
		return fmt.Errorf("zeroing the counters of connections: %w", err)
	}
	return nil
}

// Forget removes the connections that want accepts, which must decide as for [Table.List].
func (t *Table) Forget(want func(Flow) bool) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.requests == nil {
		return errClosed
	}
	var flows []Flow
	var err error
	if t.complete() {
		flows = t.chosen(want)
	} else if flows, err = t.walk(get, 0, want); err != nil && !errors.Is(err, errInterrupted) {
		return fmt.Errorf("listing connections: %w", err)
	}
	return errors.Join(err, t.remove(flows))
}

// remove deletes connections that may be gone already.
func (t *Table) remove(flows []Flow) error {
	var failed error
	err := t.requests.ask(len(flows), func(i int, sequence uint32) []byte {
		f := flows[i]
		return request(remove, unix.NLM_F_ACK, sequence, f.key.family, f.key.tuple, f.key.zone, f.id)
	}, func(i int, m message) {
		if _, said := m.result(); said != nil && !errors.Is(said, unix.ENOENT) {
			failed = said
		}
		delete(t.known, flows[i].key)
	})
	if err := errors.Join(err, failed); err != nil {
		return fmt.Errorf("removing connections: %w", err)
	}
	return nil
}

// look returns the connections that want accepts. It asks for each if all are known.
func (t *Table) look(kind uint16, marked uint32, want func(Flow) bool) ([]Flow, error) {
	if t.requests == nil {
		return nil, errClosed
	}
	if marked == 0 && t.complete() {
		if flows := t.chosen(want); len(flows) <= mostAsked {
			return t.each(kind, flows)
		}
	}
	return t.walk(kind, marked, want)
}

// chosen are the known connections that want accepts.
func (t *Table) chosen(want func(Flow) bool) (flows []Flow) {
	for _, f := range t.known {
		if want(f) {
			flows = append(flows, f)
		}
	}
	return flows
}

// each asks for connections one by one. Those that are gone are left out.
func (t *Table) each(kind uint16, flows []Flow) (now []Flow, err error) {
	var failed error
	err = t.requests.ask(len(flows), func(i int, sequence uint32) []byte {
		f := flows[i]
		return request(kind, 0, sequence, f.key.family, f.key.tuple, f.key.zone)
	}, func(i int, m message) {
		ends, said := m.result()
		switch f, ok := parse(m.family, m.data); {
		case errors.Is(said, unix.ENOENT):
			delete(t.known, flows[i].key)
		case ends:
			failed = said
		case ok:
			now = append(now, f)
		}
	})
	return now, errors.Join(err, failed)
}

var errInterrupted = errors.New("others kept changing the kernel's table of connections")

// walk dumps the table, and remembers what is there if it follows.
func (t *Table) walk(kind uint16, marked uint32, want func(Flow) bool) (flows []Flow, err error) {
	for range dumpTries {
		var interrupted bool
		t.dumps++
		flows, t.known = nil, nil
		known := map[key]Flow{}
		interrupted, err = t.requests.dump(kind, ofMark(marked), func(m message) {
			f, ok := parse(m.family, m.data)
			if ok && t.events != nil && len(known) <= mostKnown {
				known[f.key] = f
			}
			if ok && want(f) {
				flows = append(flows, f)
			}
		})
		if err != nil {
			return nil, err
		}
		if !interrupted {
			if t.events != nil && marked == 0 && len(known) <= mostKnown {
				t.known = known
			}
			return flows, nil
		}
	}
	return flows, errInterrupted
}

// ofMark are the attributes that limit a dump to connections with all bits of a mark.
func ofMark(marked uint32) string {
	if marked == 0 {
		return ""
	}
	value := binary.BigEndian.AppendUint32(nil, marked)
	return written(mark, value) + written(markMask, value)
}

// complete reports whether all connections are known: the kernel tells of each, no event
// was lost, and it has as many as are known.
func (t *Table) complete() bool {
	if t.events == nil || !t.catchUp() || !t.told() {
		return false
	}
	for range settleTries {
		before := len(t.known)
		count, err := t.count()
		if err != nil || !t.catchUp() {
			return false
		}
		after := len(t.known)
		if min(before, after) <= count && count <= max(before, after) {
			return true
		}
	}
	return false
}

// told reports whether the kernel tells of connections: it can be switched off.
func (t *Table) told() bool {
	value := make([]byte, 16)
	n, err := t.telling.ReadAt(value, 0)
	return (err == nil || errors.Is(err, io.EOF)) && strings.TrimSpace(string(value[:n])) != "0"
}

// count is how many connections the kernel has in the namespace.
func (t *Table) count() (connections int, err error) {
	const entries = 1 // CTA_STATS_GLOBAL_ENTRIES
	var failed error
	err = t.requests.ask(1, func(_ int, sequence uint32) []byte { return request(getStats, 0, sequence, unix.AF_UNSPEC) },
		func(_ int, m message) {
			if ends, said := m.result(); ends {
				failed = errors.Join(said, errors.ErrUnsupported)
				return
			}
			for a := range attributes(m.data) {
				if a.number == entries {
					connections = int(number(a.value))
				}
			}
		})
	return connections, errors.Join(err, failed)
}

// catchUp reads the events so far, and reports whether the connections are known. If
// events were lost they are not.
func (t *Table) catchUp() bool {
	for {
		err := t.events.receive(unix.MSG_DONTWAIT, t.note)
		switch {
		case err == nil:
		case errors.Is(err, unix.EAGAIN):
			return t.known != nil
		case errors.Is(err, unix.ENOBUFS):
			t.known = nil
		default:
			t.known = nil
			return false
		}
	}
}

// note learns from an event.
func (t *Table) note(m message) {
	if t.known == nil {
		return
	}
	f, ok := parse(m.family, m.data)
	if !ok {
		return
	}
	switch m.kind {
	case create:
		t.known[f.key] = f
		if len(t.known) > mostKnown {
			t.known = nil
		}
	case remove:
		if t.known[f.key].id == f.id {
			delete(t.known, f.key)
		}
	}
}
