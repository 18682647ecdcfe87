package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// Kind is what a policy is after.
type Kind string

const (
	BlockOptional Kind = "block-optional" // refuses the joint safe list but for what is degraded, leaves all else open
	AllowRequired Kind = "allow-required" // allows what is needed, and what is degraded; refuses all else
)

// Kinds lists what there is.
func Kinds() []Kind { return []Kind{BlockOptional, AllowRequired} }

// Options are the choices about a policy.
type Options struct {
	Kind     Kind
	Scenario string // a scenario's name or a column's id; "" takes all together

	// Minimal leaves only one of each group of alternatives open. That is always
	// so for BlockOptional, whose list the run proved as a whole.
	Minimal bool
	// WholeGroups leaves all alternatives open under BlockOptional too.
	WholeGroups bool

	Device Device
}

// Policy says what becomes of everything that the device contacts. The two
// lists hold each known destination once.
type Policy struct {
	Kind      Kind
	Device    Device
	Run       string        // id of the run that it rests on
	Started   time.Time     // of the run
	Simulated bool          // the run was made on a simulated device: no product is like that
	Columns   []string      // ids of the columns for which it holds
	Fault     harness.Fault // how the run blocked: reject or drop
	Blocked   []Destination
	Open      []Destination
	Proof     []string // what stands behind it, in sentences
	Doubts    []string // what does not, in sentences
}

// Destination is one thing that the device contacts.
type Destination struct {
	ID        string       // protocol/port/name, as the device wrote it: not harmless
	Host      string       // "" where there is no name, or none that is well-formed
	Addresses []netip.Addr // those seen during the run, sorted
	Protocol  string       // "tcp" or "udp"
	Port      uint16
	Service   string
	Resolver  bool   // the resolver that the gateway itself offers
	Why       string // it is where it is, in a few words
}

// resolverName stands for the gateway's own resolver in the name of a destination.
const resolverName = "resolver"

// New makes the policy of a matrix. The error says which scenario, or which
// proof, is missing.
func New(m reports.Matrix, options Options) (Policy, error) {
	if !slices.Contains(Kinds(), options.Kind) {
		return Policy{}, fmt.Errorf("there is no policy %q: choose block-optional or allow-required", options.Kind)
	}
	columns, err := chosen(m, options.Scenario)
	if err != nil {
		return Policy{}, err
	}
	safe, err := provedFor(m, columns)
	if err != nil {
		return Policy{}, err
	}
	device, err := options.Device.of(m.Device)
	if err != nil {
		return Policy{}, err
	}
	p := Policy{
		Kind:      options.Kind,
		Device:    device,
		Run:       m.Run.ID,
		Started:   m.Run.Started,
		Simulated: m.Run.Simulated,
		Columns:   columns,
		Fault:     fault(m, columns),
	}
	p.sort(m, options, safe)
	p.reason(m, options, safe)
	return p, nil
}

// sort puts each destination on one of the lists.
func (p *Policy) sort(m reports.Matrix, options Options, safe reports.Safe) {
	whole := options.WholeGroups || p.Kind == AllowRequired && !options.Minimal
	for _, row := range m.Rows {
		d := destination(row.Destination)
		roles := roleOf(m, p.Columns, row)
		d.Why = roles.why
		blocked := slices.Contains(safe.Destinations, d.ID) && !(whole && roles.alternative)
		switch d.Why {
		case string(harness.Degraded):
			blocked = false // it could be, at a price that nobody asked to pay
		case string(harness.NotExercised): // that it was at the block proves nothing: the device never came
			blocked = blocked && p.Kind != BlockOptional
		}
		if blocked {
			p.Blocked = append(p.Blocked, d)
			continue
		}
		p.Open = append(p.Open, d)
	}
}

func destination(row reports.Destination) Destination {
	d := Destination{ID: row.ID, Protocol: row.Protocol, Port: row.Port, Service: row.Service}
	switch {
	case row.Host == resolverName:
		d.Resolver = true
	case wellFormed(row.Host):
		d.Host = row.Host
	}
	for _, text := range row.Addresses {
		if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
			d.Addresses = append(d.Addresses, address.Unmap())
		}
	}
	slices.SortFunc(d.Addresses, netip.Addr.Compare)
	d.Addresses = slices.Compact(d.Addresses)
	return d
}

// v4 and v6 are the destination's addresses of one family.
func (d Destination) v4() []netip.Addr { return d.only(netip.Addr.Is4) }
func (d Destination) v6() []netip.Addr { return d.only(netip.Addr.Is6) }

func (d Destination) only(family func(netip.Addr) bool) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(d.Addresses), func(a netip.Addr) bool { return !family(a) })
}

// label is how rules and comments call the destination: harmless, on one line.
func (d Destination) label() string {
	name := cmp.Or(d.Host, harmless(d.ID))
	if d.Host != "" {
		name = fmt.Sprintf("%s/%d/%s", d.Protocol, d.Port, d.Host)
	}
	return short(name, 100)
}
