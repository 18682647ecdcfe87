package catalog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
)

// Known makes a hypothesis of evidence, which was read from the source. Destinations whose
// names are hidden are left out, and so are the groups that they belong to, and columns that
// are not decided. The error says that nothing is left to test.
func (e Evidence) Known(source string) (*harness.Known, error) {
	k := &harness.Known{Source: source, Run: e.Run, Trials: e.Trials, Firmware: e.Firmware}
	k.Started, _ = time.Parse("2006-01-02", e.Date) // which Check has seen
	hidden := func(d harness.Destination) bool { return strings.Contains(d.Name, "*") }
	for _, c := range e.Columns {
		open := false
		known := harness.KnownColumn{Scenario: c.Scenario, Regime: c.Regime, Fault: c.Fault, Verdicts: map[harness.Destination]harness.Verdict{}}
		for _, d := range e.Destinations {
			verdict := d.Verdicts[c.ID]
			if hidden(d.ID) || verdict == "" {
				continue
			}
			known.Verdicts[d.ID] = verdict
			open = open || verdict == harness.Undecided
			if verdict == harness.Required {
				known.Cuts = append(known.Cuts, []harness.Destination{d.ID})
			}
		}
		for _, g := range e.Groups {
			if g.Column == c.ID && !slices.ContainsFunc(g.Destinations, hidden) {
				known.Cuts = append(known.Cuts, g.Destinations)
			}
		}
		if !open && len(known.Verdicts) > 0 {
			k.Columns = append(k.Columns, known)
		}
	}
	if len(k.Columns) == 0 {
		return nil, fmt.Errorf("%s decides no scenario, so there is nothing to test again: run needwant bisect instead", source)
	}
	return k, nil
}
