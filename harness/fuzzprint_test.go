package harness_test

import (
	"fmt"
	"strings"

	"github.com/needwant/needwant/harness"
)

// String is what a person needs to look into a run.
func (f *fuzzed) String() string {
	var text strings.Builder
	var has []string
	for _, dimension := range dimensions {
		if f.has[dimension] {
			has = append(has, dimension)
		}
	}
	fmt.Fprintf(&text, "%s=%d, dimensions %s\n%s", fuzzSeeds, f.seed, strings.Join(has, ","), f.device)
	fmt.Fprintf(&text, "  settle %s, longest %s, first control %s, horizon %s, order %s, %d lanes\n", shown(f.timing.Settle), shown(f.timing.Longest), shown(f.first), shown(f.run.Horizon()), f.run.Settings.Order, f.run.Settings.Lanes)
	fmt.Fprintf(&text, "  %s after %d trials, %s: %s\n", f.run.Status, len(f.run.Results), shown(f.run.Duration), f.run.Why)
	for i, r := range f.run.Results {
		if i == 120 {
			fmt.Fprintf(&text, "  … %d more\n", len(f.run.Results)-i)
			break
		}
		fmt.Fprintf(&text, "  %3d lane %d at %s %-24s %v", r.Trial.Number, r.Lane, shown(r.Started.Sub(f.run.Results[0].Started)), r.Trial.Reason, words(r.Trial.Block))
		for _, function := range f.device.functions {
			outcome := r.Outcomes[function.name]
			fmt.Fprintf(&text, " %s %s", function.name, outcome.Answer)
			if broke := outcome.Broke; broke != nil {
				fmt.Fprintf(&text, " (worked at %s, failed at %s with %v)", shown(broke.Worked), shown(broke.After), words(broke.Touched))
			}
		}
		var tried []string
		for _, c := range r.Seen.Contacts {
			if c.Attempts > 0 {
				tried = append(tried, fmt.Sprintf("%s@%s", words([]harness.Destination{c.Destination})[0], shown(c.Attempted.Sub(r.Started))))
			}
		}
		fmt.Fprintf(&text, " held %s of %s, tried %v, recovered %v %s\n", shown(r.Held), shown(r.Trial.Hold), tried, r.Recovered, r.Suspect)
	}
	for _, column := range f.judged.Columns {
		fmt.Fprintf(&text, "  %s, certified %s:", column.Column.ID, column.Certified)
		for _, row := range f.judged.Rows {
			cell := column.Cells[row.Contact.Destination]
			fmt.Fprintf(&text, " %s %s (%s, held %s)", words([]harness.Destination{row.Contact.Destination})[0], cell.Verdict, shown(row.Clock.Every), shown(cell.Held))
		}
		text.WriteString("\n")
	}
	return text.String()
}
