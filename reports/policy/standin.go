package policy

import (
	"errors"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// standIn blocks what the run blocked at last with all of its stand-ins, and lets those
// answer. The error says what the run does not prove.
func (p *Policy) standIn(m reports.Matrix, wanted bool) error {
	if !wanted {
		return nil
	}
	i := slices.IndexFunc(m.Outside, func(o reports.Outside) bool { return containsAll(o.Columns, p.Columns) })
	switch {
	case p.Kind != BlockOptional:
		return errors.New("stand-ins go with block-optional: allow-required blocks what the run has never seen, which they cannot answer for")
	case i < 0:
		return errors.New("the run does not prove what stand-ins can replace all at once: make the experiment with --stand-ins")
	}
	outside := m.Outside[i]
	left := func(d harness.Destination) bool { return slices.Contains(outside.Left, d) }
	var blocked, open []Destination
	for _, d := range slices.Concat(p.Blocked, p.Open) {
		if left(d.ID) {
			open = append(open, d)
		} else {
			blocked = append(blocked, d)
		}
	}
	p.Blocked, p.Open = blocked, open
	var replaced []harness.Destination
	for _, cut := range m.Cuts {
		if len(cut.Replaceable) > 0 && slices.Contains(outside.Columns, cut.Column) {
			replaced = append(replaced, cut.Destinations...)
		}
	}
	p.StandIns = harness.StandInsFor(slices.DeleteFunc(replaced, left), outside.StandIns)
	p.prove("Trial %d blocked all of this at once, with stand-ins that answered for %s, and all worked.", outside.Trial, counted(len(p.StandIns)))
	return nil
}
