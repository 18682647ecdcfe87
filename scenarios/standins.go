package scenarios

import (
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/yamlfile"
)

// CanStandIn reports whether a gateway of this placement can answer instead of what it
// blocks: what crosses it is the device's alone.
func (g Gateway) CanStandIn() bool { return g.Placement != "host" && g.Placement != ByDNS }

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
	byAddress := func(fault string) bool { return !harness.Fault(fault).ByName() }
	switch {
	case len(f.Block.StandIns) == 0:
		return nil
	case !f.Gateway.CanStandIn():
		return yamlfile.FlawAt(at, "leave it out, or take a placement with a gateway of the device's own, such as nic", "placement %s has no stand-ins", f.Gateway.Placement)
	case f.Block.Only != nil || len(f.Block.Faults) > 0 && !slices.ContainsFunc(f.Block.Faults, byAddress):
		return yamlfile.FlawAt(at, "add the fault reject, or leave it out", "stand-ins answer from addresses, and the faults of this spec withhold names")
	}
	return words(at, f.Block.StandIns, "stand-in", all...)
}
