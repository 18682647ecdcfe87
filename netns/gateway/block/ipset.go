package block

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// sets is the driver that keeps entries in ipsets, and fills a spare one to swap
// it in. For each fault and family there is a set of addresses with ports, which
// holds the ICMP echoes too, and for each protocol with ports a set of the
// addresses of which every port is blocked.
type sets struct {
	namespace *netns.Namespace
	tables    *chains.Tables
	fault     harness.Fault
	held      map[Entry]bool
}

// capacity is the most entries of a set. The kernel's own default of 65,536 is
// less than one large provider's addresses may need.
const capacity = 1 << 20

const spare = "spare"

// kind is a kind of set: addresses with ports, or the addresses of which every
// port of one protocol is blocked.
type kind struct{ protocol string } // "" for addresses with ports

func kinds() []kind { return []kind{{}, {harness.TCP}, {harness.UDP}} }

func kindOf(e Entry) kind {
	if e.EveryPort() {
		return kind{e.Protocol}
	}
	return kind{}
}

// typeName is the kernel's name for the type of set.
func (k kind) typeName() string {
	if k.protocol == "" {
		return "hash:ip,port"
	}
	return "hash:ip"
}

// set names the set of a fault.
func (k kind) set(fault harness.Fault, family chains.Family) string {
	if k.protocol == "" {
		return setName(string(fault), family)
	}
	return setName(string(fault)+"-"+k.protocol, family)
}

// spare names the set to swap with. The kernel swaps only sets of one type.
func (k kind) spare(family chains.Family) string {
	if k.protocol == "" {
		return setName(spare, family)
	}
	return setName(spare+"-ip", family)
}

func setName(use string, family chains.Family) string {
	return fmt.Sprintf("needwant-%s-%d", use, int(family))
}

func openSets(namespace *netns.Namespace, tables *chains.Tables, layout chains.Layout) (*sets, error) {
	s := &sets{namespace: namespace, tables: tables, fault: harness.Reject}
	for _, family := range chains.Families() {
		for name, typeName := range all(family) {
			if err := s.create(name, typeName, family); err != nil {
				return nil, err
			}
		}
	}
	return s, install(tables, layout, func(family chains.Family) []chains.Rule { return setRules(layout, family) })
}

// all are the sets of a family, by name, with their types.
func all(family chains.Family) map[string]string {
	sets := map[string]string{}
	for _, k := range kinds() {
		sets[k.spare(family)] = k.typeName()
		for _, fault := range faults() {
			sets[k.set(fault, family)] = k.typeName()
		}
	}
	return sets
}

func (s *sets) create(name, typeName string, family chains.Family) error {
	err := guarded(func() error {
		return s.namespace.Netlink().IpsetCreate(name, typeName,
			netlink.IpsetCreateOptions{Family: number(family), MaxElements: capacity})
	})
	if err != nil {
		return fmt.Errorf("creating ipset %s (a kernel without ipset needs the driver iptables): %w", name, err)
	}
	return nil
}

// setRules match the sets: by destination what the device sends, and behind these
// rules, which most packets leave at their end, by source what comes back.
func setRules(layout chains.Layout, family chains.Family) []chains.Rule {
	var there, back []chains.Rule
	for _, fault := range faults() {
		for _, k := range kinds() {
			protocol, destination, source := "", "dst,dst", "src,src"
			if k.protocol != "" {
				protocol, destination, source = "-p "+k.protocol, "dst", "src"
			}
			name := k.set(fault, family)
			there = append(there, chains.Rulef("-i %s %s -m set --match-set %s %s -j %s", layout.Inside, protocol, name, destination, Target(fault)))
			back = append(back, chains.Rulef("-i %s %s -m set --match-set %s %s -j %s", layout.Uplink, protocol, name, source, drop))
		}
	}
	if layout.Inside != layout.Uplink {
		there = append(there, chains.Rulef("-i %s -j RETURN", layout.Inside))
	}
	return slices.Concat(there, back)
}

// Replace fills the spare sets and swaps them in; only then are the sets of other
// faults emptied. If an address changes between one port and every port, it moves
// from one set to another: for a moment it is in both. The sets for every port are
// left alone if they are empty and stay empty.
func (s *sets) Replace(entries []Entry, fault harness.Fault) error {
	if err := supported(fault); err != nil {
		return err
	}
	before := s.held
	s.fault, s.held = fault, map[Entry]bool{}
	for _, entry := range entries {
		s.held[entry] = true
	}
	if everyPort(before) != everyPort(s.held) {
		if err := s.write(entries); err != nil {
			return err
		}
	}
	changing := kinds()
	if everyPort(before) == 0 && everyPort(s.held) == 0 {
		changing = []kind{{}}
	}
	members := s.members()
	for _, family := range chains.Families() {
		if err := s.replace(family, changing, members, fault); err != nil {
			return fmt.Errorf("blocking %d addresses (%s): %w", len(entries), family, err)
		}
	}
	return nil
}

// everyPort counts the entries that stand for every port.
func everyPort(held map[Entry]bool) (count int) {
	for entry := range held {
		if entry.EveryPort() {
			count++
		}
	}
	return count
}

func (s *sets) replace(family chains.Family, changing []kind, members map[part][]member, fault harness.Fault) error {
	handle := s.namespace.Netlink()
	others := slices.DeleteFunc(faults(), func(f harness.Fault) bool { return f == fault })
	return guarded(func() error {
		for _, k := range changing {
			if err := handle.IpsetFlush(k.spare(family)); err != nil {
				return err
			}
			if err := addBatch(s.namespace, k.spare(family), members[part{k, family}]); err != nil {
				return err
			}
			if err := handle.IpsetSwap(k.spare(family), k.set(fault, family)); err != nil {
				return err
			}
		}
		for _, other := range others {
			for _, k := range changing {
				if err := handle.IpsetFlush(k.set(other, family)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// part is what one set holds of the block: entries of one kind and family.
type part struct {
	kind
	chains.Family
}

// members sorts the entries that are held by the set that they belong to.
func (s *sets) members() map[part][]member {
	members := map[part][]member{}
	for entry := range s.held {
		to := part{kindOf(entry), chains.FamilyOf(entry.Address)}
		members[to] = append(members[to], membersOf(entry)...)
	}
	return members
}

func (s *sets) Add(entries []Entry) error {
	if err := s.write(entries); err != nil {
		return err
	}
	for _, entry := range entries {
		s.held[entry] = true
	}
	return nil
}

// write adds entries to the sets of the fault that is in force.
func (s *sets) write(entries []Entry) error {
	bySet := map[string][]member{}
	for _, entry := range entries {
		name := kindOf(entry).set(s.fault, chains.FamilyOf(entry.Address))
		bySet[name] = append(bySet[name], membersOf(entry)...)
	}
	for name, members := range bySet {
		if err := addBatch(s.namespace, name, members); err != nil {
			return fmt.Errorf("blocking %d more addresses: %w", len(members), err)
		}
	}
	return nil
}

// Check compares what the kernel's sets hold with what they were given.
func (s *sets) Check() (problem string, err error) {
	if problem, err := s.tables.Check(); problem != "" || err != nil {
		return problem, err
	}
	members := s.members()
	for _, family := range chains.Families() {
		for _, k := range kinds() {
			wanted := map[harness.Fault][]member{s.fault: members[part{k, family}]}
			for _, fault := range faults() {
				if problem := s.compare(k.set(fault, family), wanted[fault]); problem != "" {
					return problem, nil
				}
			}
		}
	}
	return "", nil
}

func (s *sets) compare(name string, wanted []member) string {
	found, err := s.list(name)
	if err != nil {
		return fmt.Sprintf("the set %s cannot be read: %v", name, err)
	}
	return difference("the set "+name, wanted, found)
}

func (s *sets) list(name string) (members []member, err error) {
	var listing *netlink.IPSetResult
	err = guarded(func() error {
		listing, err = s.namespace.Netlink().IpsetList(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, listed := range listing.Entries {
		members = append(members, memberOf(listed))
	}
	return members, nil
}

// member is what a set holds. In a set of addresses alone the rest is zero.
type member struct {
	address  netip.Addr
	protocol uint8  // number in the IP header
	port     uint16 // of ICMP: type and code
}

// membersOf are what a set holds for an entry. For ICMP these are two, since the
// kernel takes the type of the packet that it looks at: a request on the way there,
// a reply on the way back.
func membersOf(e Entry) []member {
	m := member{address: e.Address, protocol: numberOf(e), port: e.Port}
	switch {
	case e.EveryPort():
		return []member{{address: e.Address}}
	case e.Protocol == harness.ICMP:
		echo, reply := chains.EchoOf(chains.FamilyOf(e.Address)), m
		m.port, reply.port = uint16(echo.Asks)<<8, uint16(echo.Answers)<<8
		return []member{m, reply}
	}
	return []member{m}
}

func memberOf(listed netlink.IPSetEntry) (m member) {
	if address, ok := netip.AddrFromSlice(listed.IP); ok {
		m.address = address.Unmap()
	}
	if listed.Protocol != nil {
		m.protocol = *listed.Protocol
	}
	if listed.Port != nil {
		m.port = *listed.Port
	}
	return m
}

func (m member) String() string {
	if m.protocol == 0 {
		return m.address.String()
	}
	return fmt.Sprintf("%s/%d/%s", protocolOf(m.protocol), m.port, m.address)
}

// difference says how the found members differ from the wanted, in words.
func difference(where string, wanted, found []member) string {
	present := make(map[member]bool, len(found))
	for _, m := range found {
		present[m] = true
	}
	var missing []member
	for _, m := range wanted {
		if !present[m] {
			missing = append(missing, m)
		}
		delete(present, m)
	}
	if len(missing) > 0 {
		return fmt.Sprintf("%s lacks %d of its %d entries, e.g. %s", where, len(missing), len(wanted), missing[0])
	}
	for m := range present {
		return fmt.Sprintf("%s has an entry that nobody asked for: %s", where, m)
	}
	return ""
}

// guarded turns a panic of the netlink library into an error: its ipset calls
// panic when the socket fails in another way than with an error number.
func guarded(act func() error) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("netlink: %v", panicked)
		}
	}()
	return act()
}
