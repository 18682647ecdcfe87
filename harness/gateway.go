package harness

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"
)

// Gateway stands between the device and the internet. One device has one
// gateway, used by one goroutine at a time.
type Gateway interface {
	// Block makes exactly these destinations unreachable, for established
	// connections too, and opens a new window of observation. It returns when
	// the kernel holds the block. None unblocks everything.
	Block(ctx context.Context, destinations []Destination, fault Fault) error

	// Observe returns what was seen since the last Block.
	Observe(ctx context.Context) (Observation, error)
}

// StandInGateway is a gateway that can answer for some of what it blocks.
type StandInGateway interface {
	// BlockWith is Block, with stand-ins that answer instead of some of the destinations.
	// Ways are how the device is brought to them, if not by redirection, or by names that the
	// fault blocks.
	BlockWith(ctx context.Context, destinations []Destination, fault Fault, standIns map[Destination]StandIn, ways map[Destination]Way) error
}

// LeaseGateway is a gateway that also gives the device its address, by DHCP.
type LeaseGateway interface {
	// OfferTime names the gateway as the time server in every lease from now on, or, with
	// on false, no time server. With wait it returns when the device has renewed its lease,
	// or is overdue to do so.
	OfferTime(ctx context.Context, on, wait bool) error

	// Renewal is the longest that OfferTime waits.
	Renewal() time.Duration
}

// Observation is what a gateway saw within one window.
type Observation struct {
	Since     time.Time     `json:"since"`
	Contacts  []Contact     `json:"contacts"`            // sorted by destination
	Always    []Contact     `json:"always,omitempty"`    // those with destinations that are always blocked, sorted by destination
	Free      int           `json:"free,omitempty"`      // with a blocklist: how many contacts are not on it, and were left alone
	Lost      int           `json:"lost,omitempty"`      // messages that the kernel could not deliver: the window is not to be trusted
	Doubts    []string      `json:"doubts,omitempty"`    // traffic that cannot be attributed while something was blocked: the device may have got round the block
	Home      []string      `json:"home,omitempty"`      // who in the home network the device called and was kept from, as "tcp/3128/192.168.1.9", sorted
	Sinkholes []Sinkhole    `json:"sinkholes,omitempty"` // names that the home's resolver blocks, sorted
	Untested  []Untested    `json:"untested,omitempty"`  // what the device sent that no block tests, sorted; the first twenty
	StoodIn   []StoodIn     `json:"stood_in,omitempty"`  // what stand-ins answered, sorted by destination
	AsksTime  bool          `json:"asks_time,omitempty"` // the device has asked by DHCP who gives the time (option 42), in this window or before; in a result only if a block may be held until it renews its lease
	Renewal   time.Duration `json:"renewal,omitempty"`   // with AsksTime, the longest that the device takes to renew its lease
	Disturbed string        `json:"disturbed,omitempty"` // what happened to the gateway's network that the gateway did not do, e.g. "its routes changed"; "" if nothing did
	Late      []string      `json:"late,omitempty"`      // names that the home's resolver answered for too late, though it was in time before, sorted
	Silent    []string      `json:"silent,omitempty"`    // names that it did not answer for at all, though it did before, sorted
	Broken    string        `json:"broken,omitempty"`    // what is wrong with the block itself, as "rule removed from outside"; "" when it held
}

// Sinkhole is a name that was answered with addresses that no host on the internet
// can have, for example 0.0.0.0 or an address in the home network. A resolver that
// blocks names answers like that.
type Sinkhole struct {
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses"` // sorted
}

// Untested is what a device sent that is not a destination: neither TCP nor UDP nor
// an ICMP echo, or with a source address that is not the device's, or to one
// destination too many.
type Untested struct {
	What    string     `json:"what"` // e.g. "GRE", "UDP from 192.168.1.5", or "UDP beyond 512 destinations"
	To      netip.Addr `json:"to"`
	Packets int        `json:"packets"`
	Dropped bool       `json:"dropped,omitempty"` // it did not leave
}

// SumUntested adds up what several windows saw, sorted.
func SumUntested(windows []Untested) []Untested {
	packets := map[Untested]int{}
	for _, u := range windows {
		count := u.Packets
		u.Packets = 0
		packets[u] += count
	}
	var sum []Untested
	for u, count := range packets {
		u.Packets = count
		sum = append(sum, u)
	}
	slices.SortFunc(sum, func(a, b Untested) int {
		return cmp.Or(cmp.Compare(a.What, b.What), a.To.Compare(b.To))
	})
	return sum
}

// Contact finds what was seen of one destination in the window, by itself or, if
// it was not seen by itself, as one of those that another stands for. ok is false
// if it was not seen.
func (o Observation) Contact(d Destination) (contact Contact, ok bool) {
	for _, seen := range o.Contacts {
		if seen.Destination == d {
			return seen, true
		}
		if seen.Destination.Covers(d) {
			contact, ok = seen, true
		}
	}
	return contact, ok
}
