package block

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// sets is the driver that keeps entries in ipsets, one for each fault and
// family, and fills a spare one to swap it in.
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

func setName(use string, family chains.Family) string {
	return fmt.Sprintf("needwant-%s-%d", use, int(family))
}

func openSets(namespace *netns.Namespace, tables *chains.Tables, layout chains.Layout) (*sets, error) {
	s := &sets{namespace: namespace, tables: tables, fault: harness.Reject}
	for _, family := range chains.Families() {
		for _, use := range []string{string(harness.Reject), string(harness.Drop), spare} {
			if err := s.create(use, family); err != nil {
				return nil, err
			}
		}
	}
	return s, install(tables, layout, func(family chains.Family) []chains.Rule { return setRules(layout, family) })
}

func (s *sets) create(use string, family chains.Family) error {
	err := guarded(func() error {
		return s.namespace.Netlink().IpsetCreate(setName(use, family), "hash:ip,port",
			netlink.IpsetCreateOptions{Family: number(family), MaxElements: capacity})
	})
	if err != nil {
		return fmt.Errorf("creating ipset %s (a kernel without ipset needs the driver iptables): %w", setName(use, family), err)
	}
	return nil
}

// setRules match the sets: by destination what the device sends, by source what
// comes back.
func setRules(layout chains.Layout, family chains.Family) (rules []chains.Rule) {
	for _, fault := range faults {
		name := setName(string(fault), family)
		rules = append(rules,
			chains.Rulef("-i %s -m set --match-set %s dst,dst -j %s", layout.Inside, name, Target(fault)),
			chains.Rulef("-i %s -m set --match-set %s src,src -j %s", layout.Uplink, name, drop))
	}
	return rules
}

// Replace fills the spare set and swaps it in; only then is the other fault's
// set emptied.
func (s *sets) Replace(entries []Entry, fault harness.Fault) error {
	if err := supported(fault); err != nil {
		return err
	}
	s.fault, s.held = fault, map[Entry]bool{}
	for _, entry := range entries {
		s.held[entry] = true
	}
	for _, family := range chains.Families() {
		if err := s.replace(family, fault); err != nil {
			return fmt.Errorf("blocking %d addresses (%s): %w", len(entries), family, err)
		}
	}
	return nil
}

func (s *sets) replace(family chains.Family, fault harness.Fault) error {
	handle := s.namespace.Netlink()
	other := harness.Drop
	if fault == harness.Drop {
		other = harness.Reject
	}
	return guarded(func() error {
		if err := handle.IpsetFlush(setName(spare, family)); err != nil {
			return err
		}
		if err := addBatch(s.namespace, setName(spare, family), s.of(family)); err != nil {
			return err
		}
		if err := handle.IpsetSwap(setName(spare, family), setName(string(fault), family)); err != nil {
			return err
		}
		return handle.IpsetFlush(setName(string(other), family))
	})
}

func (s *sets) of(family chains.Family) (entries []Entry) {
	for entry := range s.held {
		if chains.FamilyOf(entry.Address) == family {
			entries = append(entries, entry)
		}
	}
	return entries
}

func (s *sets) Add(entries []Entry) error {
	byFamily := map[chains.Family][]Entry{}
	for _, entry := range entries {
		family := chains.FamilyOf(entry.Address)
		byFamily[family] = append(byFamily[family], entry)
	}
	for family, entries := range byFamily {
		if err := addBatch(s.namespace, setName(string(s.fault), family), entries); err != nil {
			return fmt.Errorf("blocking %d more addresses (%s): %w", len(entries), family, err)
		}
	}
	for _, entry := range entries {
		s.held[entry] = true
	}
	return nil
}

// Check compares what the kernel's sets hold with what they were given.
func (s *sets) Check() (problem string, err error) {
	if problem, err := s.tables.Check(); problem != "" || err != nil {
		return problem, err
	}
	for _, family := range chains.Families() {
		wanted := map[harness.Fault][]Entry{s.fault: s.of(family)}
		for _, fault := range faults {
			if problem := s.compare(setName(string(fault), family), wanted[fault]); problem != "" {
				return problem, nil
			}
		}
	}
	return "", nil
}

func (s *sets) compare(name string, wanted []Entry) string {
	found, err := s.list(name)
	if err != nil {
		return fmt.Sprintf("the set %s cannot be read: %v", name, err)
	}
	return difference("the set "+name, wanted, found)
}

func (s *sets) list(name string) (entries []Entry, err error) {
	var listing *netlink.IPSetResult
	err = guarded(func() error {
		listing, err = s.namespace.Netlink().IpsetList(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, member := range listing.Entries {
		entries = append(entries, entryOf(member))
	}
	return entries, nil
}

func entryOf(member netlink.IPSetEntry) (entry Entry) {
	if address, ok := netip.AddrFromSlice(member.IP); ok {
		entry.Address = address.Unmap()
	}
	if member.Protocol != nil {
		entry.Protocol = map[uint8]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp"}[*member.Protocol]
	}
	if member.Port != nil {
		entry.Port = *member.Port
	}
	return entry
}

// difference says how the found entries differ from the wanted, in words.
func difference(where string, wanted, found []Entry) string {
	present := make(map[Entry]bool, len(found))
	for _, entry := range found {
		present[entry] = true
	}
	var missing []Entry
	for _, entry := range wanted {
		if !present[entry] {
			missing = append(missing, entry)
		}
		delete(present, entry)
	}
	if len(missing) > 0 {
		return fmt.Sprintf("%s lacks %d of its %d entries, as %s", where, len(missing), len(wanted), missing[0])
	}
	for entry := range present {
		return fmt.Sprintf("%s has an entry that nobody asked for: %s", where, entry)
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
