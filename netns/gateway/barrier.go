package gateway

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/attribution"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// barrier keeps the kernel's block equal to what the attribution table says is
// blocked. Its lock makes learning an address and blocking it one step.
type barrier struct {
	config Config
	table  *attribution.Table
	tables *chains.Tables
	driver block.Driver
	pulse  *block.Pulse // nil if the tables are the gateway's alone

	mutex   sync.Mutex
	trouble error                // an address that was learnt and could not be blocked
	opened  map[block.Entry]bool // in a confinement; nil if everything is open that is not blocked
}

// replace changes the block, and returns the entries of before and after, whose
// connections are to be cut. In shared tables those that are blocked now are not
// among them: a packet that still arrives on a connection that is no longer
// tracked counts as the machine's own, and the machine would refuse it, and so
// send a packet to a destination that must get none.
func (b *barrier) replace(destinations []harness.Destination, fault harness.Fault) (changed []block.Entry, err error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	next := b.table.Plan(destinations, fault)
	if fault == harness.NXDomain {
		fault = harness.Reject
	}
	if err := b.driver.Replace(next.Entries(), fault); err != nil {
		return nil, err
	}
	changed = b.table.Use(next)
	if b.config.Shared {
		changed = slices.DeleteFunc(changed, next.Blocks)
	}
	b.trouble = nil
	return changed, nil
}

// learn lets the table learn something, and blocks and opens what follows from it
// before it returns.
func (b *barrier) learn(something func() attribution.Change) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	change := something()
	if err := b.admit(change.Open); err != nil {
		return fmt.Errorf("opening a new address: %w", err)
	}
	if len(change.Block) == 0 {
		return nil
	}
	if err := b.driver.Add(change.Block); err != nil || b.config.Shared { // see replace
		return err
	}
	return block.Forget(b.config.Namespace, b.config.layout(), change.Block)
}

// failed records that an address which was learnt could not be blocked.
func (b *barrier) failed(err error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.trouble = err
}

// inspect returns what is wrong with the block, which began at a time.
func (b *barrier) inspect(since time.Time) (broken string, err error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.trouble != nil {
		return fmt.Sprintf("a new address could not be blocked: %v", b.trouble), nil
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
