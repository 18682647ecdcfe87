package policy

import (
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// faults are those that some columns were judged under.
func faults(m reports.Matrix, columns []string) []harness.Fault {
	var used []harness.Fault
	for _, column := range m.Columns {
		if slices.Contains(columns, column.ID) && !slices.Contains(used, column.Fault) {
			used = append(used, column.Fault)
		}
	}
	return used
}

// Fault is how a gateway applies the policy: as the run did. If the run blocked in
// several ways the policy holds under each, and the plainest is used.
func (p Policy) Fault() harness.Fault {
	for _, fault := range harness.Faults() {
		if slices.Contains(p.Faults, fault) {
			return fault
		}
	}
	return harness.Reject
}

// rules is how firewall rules block. They cannot block names.
func (p Policy) rules() harness.Fault {
	if p.Fault() == harness.Drop {
		return harness.Drop
	}
	return harness.Reject
}

// loseFault says if rules block in another way than the run did.
func (d *draft) loseFault(p Policy) {
	if p.Fault() == harness.NXDomain {
		d.lose("The run blocked names in DNS, and these rules reject connections: a device may react to that in another way.")
	}
}

// loseByName says if the run did not block names in DNS, as a list of names does.
func (d *draft) loseByName(p Policy) {
	if !slices.ContainsFunc(p.Faults, harness.Fault.ByName) {
		d.lose("The run blocked by %s: a device may react to a missing name in another way.", p.Fault())
	}
}
