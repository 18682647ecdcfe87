package policy

import (
	"cmp"
	"errors"
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
	BlockOptional Kind = "block-optional" // blocks what was proved to be optional, all at once; leaves all else open
	AllowRequired Kind = "allow-required" // allows what is needed, and what is degraded; blocks all else
)

// Kinds lists what there is.
func Kinds() []Kind { return []Kind{BlockOptional, AllowRequired} }

// Options are the choices about a policy.
type Options struct {
	Kind     Kind
	Scenario string // a scenario's name or a column's id; "" takes all together

	// Minimal leaves only as many of each group of alternatives open as are needed.
	// That is always so for BlockOptional, whose list the run proved as a whole.
	Minimal bool
	// WholeGroups leaves all alternatives open under BlockOptional too.
	WholeGroups bool

	// TimeServers and Resolvers are the owner's, at most one of each for each family: rules
	// lead the device to them, if the run proves that they would do.
	TimeServers, Resolvers []netip.Addr

	// StandIns blocks also what the run proved to be replaceable, for a gateway that
	// answers in its place. It is for BlockOptional alone.
	StandIns bool

	Device Device
}

// Policy says what becomes of everything that the device contacts. Blocked, Open,
// Served and Always hold each known destination once. Exports, verifications and a
// standing gateway all apply this value.
type Policy struct {
	Kind      Kind
	Device    Device
	Run       string          // id of the run that it rests on
	Started   time.Time       // of the run
	Simulated bool            // the run was made on a simulated device: no product is like that
	ByName    bool            // the run blocked names alone: its destinations have no ports
	Columns   []string        // ids of the columns for which it holds
	Faults    []harness.Fault // how the run blocked: the policy holds under each
	Blocked   []Destination
	Open      []Destination
	Served    []Destination // in whose place the owner's servers answer; on no other list
	Own       []netip.Addr  // the owner's time servers
	OwnDNS    []netip.Addr  // the owner's DNS servers, for resolvers that are built in as an address

	// ways are how the device is known to come to a stand-in for one of Served.
	ways map[harness.Destination][]harness.Way

	// StandIns answer for some of Blocked, on a gateway of ours: no export has them.
	StandIns map[harness.Destination]harness.StandIn

	Always   []Destination     // what the run blocked in every trial, in the controls too
	Patterns []harness.Pattern // the same, as the spec had it
	Proof    []string          // what stands behind it, in sentences
	Doubts   []string          // what does not, in sentences
}

// Destination is one thing that the device contacts, with what rules need to
// know of it.
type Destination struct {
	ID        harness.Destination // its name is as the device wrote it: not harmless
	Host      string              // its name, "*.DOMAIN" for every name below one; "" if there is none that is well-formed
	Aliases   []string            // the names that must resolve for it to resolve (CNAME), well-formed
	Addresses []netip.Addr        // those seen during the run, sorted
	Resolver  bool                // the resolver that the gateway itself offers
	Fallback  bool                // optional, but contacted only while what is needed is blocked
	Why       string              // it is where it is, in a few words
}

// IDs are the destinations as a gateway takes them, sorted.
func IDs(list []Destination) []harness.Destination {
	var ids []harness.Destination
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	slices.SortFunc(ids, harness.Destination.Compare)
	return ids
}

// resolverName is the name of the gateway's own resolver as a destination.
const resolverName = "resolver"

// New makes the policy of a matrix. The error says which scenario, or which
// proof, is missing.
func New(m reports.Matrix, options Options) (Policy, error) {
	if !slices.Contains(Kinds(), options.Kind) {
		return Policy{}, fmt.Errorf("there is no policy %q: choose block-optional or allow-required", options.Kind)
	}
	if m.Run.Only != nil && options.Kind == AllowRequired {
		return Policy{}, errors.New("the run tested only the names of a blocklist, so that nothing is known of the others: choose exceptions or block-optional")
	}
	if options.Kind == AllowRequired && !m.Decides() {
		return Policy{}, fmt.Errorf("the run proves nothing, since no cell is decided: allow-required would block all that the run did not see (it is %s)", harmless(string(m.Run.Status)))
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
		ByName:    m.Run.ByName,
		Columns:   columns,
		Faults:    faults(m, columns),
		Patterns:  m.Run.Always,
	}
	p.sort(m, options, safe)
	p.Own, p.OwnDNS = unmapped(options.TimeServers), unmapped(options.Resolvers)
	for _, s := range p.ownServices() {
		if err := p.serve(m, s); err != nil {
			return Policy{}, err
		}
	}
	if err := p.standIn(m, options.StandIns); err != nil {
		return Policy{}, err
	}
	p.explain(m)
	p.reason(m, safe)
	return p, nil
}

func destination(row reports.Destination) Destination {
	d := Destination{ID: row.ID}
	switch {
	case row.Host == resolverName:
		d.Resolver = true
	case wellFormed(row.Host):
		d.Host = row.Host
	}
	for _, alias := range row.Aliases {
		if wellFormed(alias) {
			d.Aliases = append(d.Aliases, alias)
		}
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

// plainHost is the name that a language without wildcards can follow; "" if there
// is none.
func (d Destination) plainHost() string {
	if d.wild() {
		return ""
	}
	return d.Host
}

// name is the destination's name, or its address.
func (d Destination) name() string { return cmp.Or(d.Host, d.ID.Name) }

// wild reports whether the destination stands for every name below a domain.
func (d Destination) wild() bool {
	_, wild := d.ID.Domain()
	return wild
}

// label is how rules and comments call the destination: harmless, on one line.
func (d Destination) label() string {
	return short(harmless(d.ID.Protocol+"/"+d.ID.PortText()+"/"+d.name()), 100)
}

// listed are the destinations that the policy's rules name.
func (p Policy) listed() []Destination {
	if p.Kind == AllowRequired {
		return p.Open
	}
	return slices.Concat(p.Blocked, p.Always)
}

// unlisted are the destinations that the policy's rules do not name.
func (p Policy) unlisted() []Destination {
	if p.Kind == AllowRequired {
		return slices.Concat(p.Blocked, p.Always)
	}
	return p.Open
}
