package scenarios

import (
	"path/filepath"
	"slices"
	"strconv"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/yamlfile"
)

// Patterns are what [Block.Always] names. The spec was checked.
func (b Block) Patterns() (patterns []harness.Pattern) {
	for _, text := range b.Always {
		if pattern, err := harness.ParsePattern(text); err == nil {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

func (b Block) checkAlways() *yamlfile.Flaw {
	for i, text := range b.Always {
		at := keys("block", "always", strconv.Itoa(i))
		pattern, err := harness.ParsePattern(text)
		switch {
		case err != nil:
			return yamlfile.FlawAt(at, "write it like cloud.example.com, *.example.com, 203.0.113.5 or udp/123/203.0.113.5", "%v", err)
		case len(pattern.Destinations()) == 0:
			return yamlfile.FlawAt(at, "name a host, *.domain or an address", "%q names every host", text)
		case slices.Contains(b.Always[:i], text):
			return yamlfile.FlawAt(at, "leave one out", "%s is given twice", text)
		}
	}
	return nil
}

// checkOnly refuses a blocklist without a file, and faults that block more than the
// names on it: other names may have the same addresses.
func (b Block) checkOnly() *yamlfile.Flaw {
	if b.Only == nil {
		return nil
	}
	if b.Only.List == "" {
		return yamlfile.FlawAt(keys("block", "only"), "write only: {list: blocklist.txt}", "there is no blocklist")
	}
	for i, fault := range b.Faults {
		if fault == "reject" || fault == "drop" {
			return yamlfile.FlawAt(keys("block", "faults", strconv.Itoa(i)), "write nxdomain, or delete the line",
				"a blocklist blocks names, and %s blocks addresses, which other names may have, too", fault)
		}
	}
	return nil
}

// OnlyList is the path of the blocklist whose names alone are tested; "" if there is
// none.
func (f File) OnlyList() string {
	if f.Block.Only == nil {
		return ""
	}
	if filepath.IsAbs(f.Block.Only.List) {
		return f.Block.Only.List
	}
	return filepath.Join(f.folder, f.Block.Only.List)
}

// CanStandIn reports whether a gateway of this placement can answer instead of what it
// blocks: the device's packets cross it.
func (g Gateway) CanStandIn() bool { return g.Placement != ByDNS }

// Kinds are the stand-ins of a block. The spec was checked.
func (b Block) Kinds() (kinds []harness.StandIn) {
	for _, kind := range b.StandIns {
		kinds = append(kinds, harness.StandIn(kind))
	}
	return kinds
}

// checkStandIns rejects stand-ins that would never answer.
func (f File) checkStandIns() *yamlfile.Flaw {
	at := keys("block", "stand_ins")
	var all []string
	for _, kind := range harness.AllStandIns() {
		all = append(all, string(kind))
	}
	switch {
	case len(f.Block.StandIns) == 0:
		return nil
	case !f.Gateway.CanStandIn():
		return yamlfile.FlawAt(at, "leave it out, or take a placement with a gateway, such as nic or host", "placement %s has no stand-ins: it sees names without ports, and so not which kind of server would do", f.Gateway.Placement)
	case f.Block.Only != nil:
		return yamlfile.FlawAt(at, "leave one of the two out", "with block.only a blocklist is tested, which has no stand-ins")
	}
	return words(at, f.Block.StandIns, "stand-in", all...)
}
