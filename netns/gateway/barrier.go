package gateway

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/attribution"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/conntrack"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// The limits of the addresses that are learnt for what is blocked or, in a
// confinement, open. A server could answer with new ones for as long as it is
// asked. The device gets no answer with an address beyond them.
const (
	mostBlocked = 1 << 17
	mostOpened  = 4096 // each is two rules of iptables
)

// barrier keeps the kernel's block equal to what the attribution table says is
// blocked. Its lock makes learning an address and blocking it one step.
type barrier struct {
	config  Config
	table   *attribution.Table
	tables  *chains.Tables
	driver  block.Driver
	tracked *conntrack.Table
	clocks  clocks
	pulse   *block.Pulse // nil if the tables are the gateway's alone

	mutex   sync.Mutex
	trouble error                // why the kernel's block may not be what it should be; nil if it is
	blocked map[block.Entry]bool // what the kernel holds
	firm    map[block.Entry]bool // of these, what it has held since the window began
	live    []block.Connection   // open to what is blocked, to be reset
	opened  map[block.Entry]bool // in a confinement; nil if everything is open that is not blocked

	standIns *standIn // of the block that counts; nil if there are none

	replaced int        // how often the block was replaced
	waiting  *pass      // through the kernel's connections, that has not begun
	cutting  sync.Mutex // held during a pass; taken before mutex
}

// replace ends the block and the confinement, and blocks these destinations, with
// stand-ins that answer for some of them, or nil. It
// cuts the connections of everything that was blocked before or is blocked now. In
// shared tables those of what is blocked now stay tracked: a packet that still arrives
// on a connection that is no longer tracked counts as the machine's own, and the
// machine would refuse it, and so send a packet to a destination that must get none.
// Except for what is led to stand-ins over UDP and ICMP: see standinlead.go.
//
// The connections that the device has open to what is blocked now are to be reset
// when the window is open: see [barrier.reset].
func (b *barrier) replace(destinations []harness.Destination, fault harness.Fault, answering *standIn) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.standIns = answering
	b.trouble = b.change(destinations, fault)
	return b.trouble
}

func (b *barrier) change(destinations []harness.Destination, fault harness.Fault) error {
	next := b.table.Plan(destinations, fault)
	if fault == harness.NXDomain {
		fault = harness.Reject
	}
	b.blocked = map[block.Entry]bool{}
	b.replaced++
	if err := b.driver.Replace(next.Entries(), fault); err != nil {
		return err
	}
	for _, entry := range next.Entries() {
		b.blocked[entry] = true
	}
	b.firm = maps.Clone(b.blocked)
	before, now := b.table.Use(next)
	if err := b.divert(next.Entries()); err != nil {
		return err
	}
	changed := slices.Concat(before, now)
	if b.config.Shared { // there, only a block by address refuses what a connection sends
		now = next.Entries()
		changed = append(slices.DeleteFunc(changed, next.Blocks), b.standIns.led(now)...)
	}
	if err := b.release(); err != nil {
		return err
	}
	var err error
	if b.live, err = block.Established(b.config.Namespace, b.tracked, b.config.layout(), now); err != nil {
		return err
	}
	return block.Forget(b.tracked, b.config.layout(), changed)
}

// reset resets the connections that the last replace found.
func (b *barrier) reset() error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	live := b.live
	b.live = nil
	return block.Reset(b.config.Namespace, b.config.layout(), live)
}

// learn lets the table learn something, and blocks and opens what follows from it
// before it returns. If it fails, the block is not what it should be until it is
// replaced, and the next call for the same addresses tries again.
func (b *barrier) learn(something func() attribution.Change) error {
	b.mutex.Lock()
	more, err := b.apply(something())
	began := b.replaced
	b.mutex.Unlock()
	if err == nil && len(more) > 0 {
		err = b.cut(more)
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	switch {
	case began != b.replaced: // the new block has the addresses, too
	case err != nil:
		b.trouble = err
	default:
		for _, entry := range more {
			b.blocked[entry] = true
		}
	}
	return err
}

// apply opens and blocks what is new, and returns what it blocked. The caller holds
// the lock.
func (b *barrier) apply(change attribution.Change) (more []block.Entry, err error) {
	if err := b.admit(change.Open); err != nil {
		return nil, fmt.Errorf("opening a new address: %w", err)
	}
	more = slices.DeleteFunc(change.Block, func(entry block.Entry) bool { return b.blocked[entry] })
	if len(more) == 0 {
		return nil, nil
	}
	if len(b.blocked) >= mostBlocked {
		return nil, fmt.Errorf("blocking a new address: %d are blocked, and a name that has still more is not followed", len(b.blocked))
	}
	if err := b.driver.Add(more); err != nil {
		return nil, fmt.Errorf("blocking a new address: %w", err)
	}
	return more, b.divert(more)
}

// cut ends the connections to new entries. It does so for all callers that wait, in
// one pass through the kernel's table, which a device can make long.
func (b *barrier) cut(entries []block.Entry) error {
	b.mutex.Lock()
	if b.waiting == nil {
		b.waiting = &pass{}
	}
	mine := b.waiting
	mine.entries = append(mine.entries, entries...)
	b.mutex.Unlock()

	b.cutting.Lock()
	defer b.cutting.Unlock()
	if mine.done {
		return mine.err
	}
	b.mutex.Lock()
	b.waiting = nil
	b.mutex.Unlock()
	mine.done, mine.err = true, b.disconnect(mine.entries)
	return mine.err
}

// disconnect forgets the connections to entries, except in shared tables: see
// replace. It resets those that the device has open.
func (b *barrier) disconnect(entries []block.Entry) error {
	namespace, layout := b.config.Namespace, b.config.layout()
	live, err := block.Established(namespace, b.tracked, layout, entries)
	if err != nil {
		return err
	}
	if b.config.Shared {
		b.mutex.Lock()
		entries = b.standIns.led(entries)
		b.mutex.Unlock()
	}
	if err := block.Forget(b.tracked, layout, entries); err != nil {
		return err
	}
	return block.Reset(namespace, layout, live)
}

// pass is one pass through the kernel's table of connections.
type pass struct {
	entries []block.Entry
	done    bool
	err     error
}

// leak says which packets in a window the device sent to a blocked place that the
// block did not stop; "" if it stopped every one. Each is logged before the block,
// and again at it.
func (b *barrier) leak(window watch.Window) string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for place, seen := range window.Places {
		entry := block.Entry{Address: place.Addr().Unmap(), Protocol: place.Protocol, Port: place.Port()}
		if b.firm[entry] && seen.Tries > seen.Attempts {
			return fmt.Sprintf("of %d packets to %s the block stopped %d", seen.Tries, entry, seen.Attempts)
		}
	}
	return ""
}

// inspect returns what is wrong with the block, which began at a time.
func (b *barrier) inspect(since time.Time) (broken string, err error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.trouble != nil {
		return fmt.Sprintf("the kernel rejected a change: %v", b.trouble), nil
	}
	if b.pulse != nil {
		if missed := b.pulse.Missed(since); missed != "" {
			return missed, nil
		}
	}
	broken, err = b.driver.Check()
	if err != nil {
		return "", fmt.Errorf("checking the block: %w", err)
	}
	return broken, nil
}
