package block

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// PulseLasts is how long our chains in shared tables stay in force without
// anybody, in whole seconds: the kernel counts the entries' time in those.
const PulseLasts = 10 * time.Second

// beat is the pause between two fillings: three of them may fail.
const beat = PulseLasts / 4

// Pulse keeps the sets filled that our chains in shared tables depend on. When
// this process ends, however it ends, the kernel empties them, and nothing of
// ours is in force any more.
type Pulse struct {
	namespace *netns.Namespace
	end       chan struct{}
	ended     sync.WaitGroup

	mutex  sync.Mutex
	filled time.Time // last
	missed time.Time // when the sets were last found without an entry of theirs
	why    string
}

// StartPulse makes the sets and fills them until Stop.
func StartPulse(namespace *netns.Namespace) (*Pulse, error) {
	p := &Pulse{namespace: namespace, end: make(chan struct{})}
	for _, family := range chains.Families() {
		if err := createPulse(namespace, family); err != nil {
			return nil, err
		}
	}
	if err := p.fill(); err != nil {
		return nil, err
	}
	p.ended.Go(p.keep)
	return p, nil
}

func createPulse(namespace *netns.Namespace, family chains.Family) error {
	seconds := uint32(PulseLasts / time.Second)
	err := guarded(func() error {
		return namespace.Netlink().IpsetCreate(chains.PulseSet(family), "hash:net",
			netlink.IpsetCreateOptions{Family: number(family), Revision: netRevision, Timeout: &seconds})
	})
	if err != nil {
		return fmt.Errorf("creating ipset %s, which placement host needs: %w: does this kernel have ipset (modprobe ip_set_hash_net)?", chains.PulseSet(family), err)
	}
	return nil
}

// netRevision is one of hash:net that every kernel since 3.2 has, with timeouts
// (ip_set_hash_net.c).
const netRevision = 2

// entries are those of a family's set: everything, in two halves, since the kernel
// takes no network of length 0. Which packets are the device's is not for the set to
// say.
func (p *Pulse) entries(family chains.Family) []*netlink.IPSetEntry {
	halves := []string{"0.0.0.0", "128.0.0.0"}
	if family == chains.IPv6 {
		halves = []string{"::", "8000::"}
	}
	var entries []*netlink.IPSetEntry
	for _, half := range halves {
		entries = append(entries, &netlink.IPSetEntry{IP: netip.MustParseAddr(half).AsSlice(), CIDR: 1, Replace: true})
	}
	return entries
}

// fill gives every entry its full time again.
func (p *Pulse) fill() error {
	for _, family := range chains.Families() {
		for _, entry := range p.entries(family) {
			err := guarded(func() error { return p.namespace.Netlink().IpsetAdd(chains.PulseSet(family), entry) })
			if err != nil {
				return fmt.Errorf("filling ipset %s: %w", chains.PulseSet(family), err)
			}
		}
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.filled = time.Now()
	return nil
}

func (p *Pulse) keep() {
	again := time.NewTicker(beat)
	defer again.Stop()
	for {
		select {
		case <-p.end:
			return
		case <-again.C:
			p.look()
			if err := p.fill(); err != nil {
				p.miss(err.Error())
			}
		}
	}
}

// look finds out whether the sets have been full all the time.
func (p *Pulse) look() {
	for _, family := range chains.Families() {
		var listing *netlink.IPSetResult
		err := guarded(func() (err error) {
			listing, err = p.namespace.Netlink().IpsetList(chains.PulseSet(family))
			return err
		})
		switch want := len(p.entries(family)); {
		case err != nil:
			p.miss(fmt.Sprintf("the set %s cannot be read: %v", chains.PulseSet(family), err))
		case len(listing.Entries) != want:
			p.miss(fmt.Sprintf("the set %s had %d of its %d entries, and the block was not in force: did somebody empty it, or did this program stand still?",
				chains.PulseSet(family), len(listing.Entries), want))
		}
	}
}

func (p *Pulse) miss(why string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.missed, p.why = time.Now(), why
}

// Missed says what was wrong since then, and "" when nothing was. It looks at the
// sets once more.
func (p *Pulse) Missed(since time.Time) string {
	p.look()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.missed.After(since) {
		return p.why
	}
	return ""
}

// Stop empties the sets. From then on nothing of ours is in force.
func (p *Pulse) Stop() error {
	close(p.end)
	p.ended.Wait()
	var problems []error
	for _, family := range chains.Families() {
		problems = append(problems, guarded(func() error { return p.namespace.Netlink().IpsetFlush(chains.PulseSet(family)) }))
	}
	return errors.Join(problems...)
}

// RemoveSets removes every set of ours from a namespace, which no rule may refer
// to any more, and tells their names; with dry it only tells.
func RemoveSets(namespace *netns.Namespace, dry bool) (names []string, err error) {
	var all []netlink.IPSetResult
	err = guarded(func() (err error) {
		all, err = namespace.Netlink().IpsetListAll()
		return err
	})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) { // a kernel without ipset
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing sets: %w", err)
	}
	for _, set := range all {
		if !chains.OwnSet(set.SetName) {
			continue
		}
		names = append(names, set.SetName)
		if dry {
			continue
		}
		err := guarded(func() error { return namespace.Netlink().IpsetDestroy(set.SetName) })
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return names, fmt.Errorf("removing ipset %s: %w", set.SetName, err)
		}
	}
	return names, nil
}

func number(family chains.Family) uint8 {
	if family == chains.IPv6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}
