package reports

import (
	"slices"
	"strings"
)

// heads are the column heads that come first in every table. With the titles of
// the two scenarios of a vacuum cleaner they are, word for word, those of the
// forum table that this project set out to fill.
func heads() []string {
	return []string{"Destination IP", "Destination URL/Location", "Protocol", "Port", "Service"}
}

// facts are a row's cells under the heads.
func facts(d Destination) []string {
	return []string{
		strings.Join(d.Addresses, ", "),
		location(d),
		strings.ToUpper(d.Protocol),
		d.ID.PortText(),
		d.Service,
	}
}

// location is the host, the names that cannot be told from it, and what is known of
// its owner. Without a name it is the owner alone.
func location(d Destination) string {
	host, facts := HostName(d.Host), d.Owner.about()
	if len(d.Collateral) > 0 {
		facts = append([]string{"also " + strings.Join(d.Collateral, ", ")}, facts...)
	}
	text := strings.Join(facts, "; ")
	switch {
	case text == "":
		return host
	case host == "" && len(d.Collateral) == 0:
		return text
	}
	return strings.TrimSpace(host + " (" + text + ")")
}

// evidence lists the trials that a row's verdicts rest on.
func evidence(row Row) string {
	var trials []int
	for _, cell := range row.Cells {
		trials = append(trials, cell.Trials...)
	}
	slices.Sort(trials)
	return inTrials(slices.Compact(trials))
}
