package reports

import (
	"maps"
	"math"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
)

// New makes the matrix of a run and of what was judged of it.
func New(run harness.Run, judgement harness.Judgement) Matrix {
	m := Matrix{
		APIVersion: "needwant/v1",
		Kind:       "Matrix",
		Device:     Device(run.Device),
		Run:        summary(run),
		Columns:    each(judgement.Columns, column),
		Rows:       each(judgement.Rows, func(r harness.Row) Row { return row(r, judgement.Columns, run.Device.Maker) }),
		Cuts:       []Cut{},
		Safe:       each(judgement.Safe, func(s harness.SafeList) Safe { return safe(s, judgement.Columns) }),
		Unknown:    []Unknown{},
		Allow:      allow(judgement.Allow),
	}
	for _, c := range judgement.Columns {
		for _, cut := range c.Cuts {
			m.Cuts = append(m.Cuts, Cut{cut.ID, c.Column.ID, list(cut.Destinations), list(cut.Trials), cut.Replaceable, reached(cut.Ways)})
		}
		for _, unknown := range c.Unknown {
			m.Unknown = append(m.Unknown, Unknown{c.Column.ID, unknown.Why, list(unknown.Destinations)})
		}
	}
	for _, o := range judgement.Outside {
		m.Outside = append(m.Outside, Outside{list(o.Columns), list(o.Left), list(o.Replaced), list(o.StandIns), o.Trial, seconds(o.Held)})
	}
	for _, u := range judgement.Unverified {
		m.Unverified = append(m.Unverified, Unverified{u.Destination, list(u.Trials)})
	}
	if len(judgement.Replicas) > 0 {
		m.Run.Replicas = each(judgement.Replicas, replica)
	}
	m.Needs, m.Unwaited = m.needs(), m.unwaited()
	if known := run.Settings.Known; known != nil {
		m.Run.Recheck = recheck(*known, m)
	}
	m.Summary = m.Sentence()
	return m
}

func summary(run harness.Run) Run {
	s := Run{
		ID:        run.ID,
		Started:   run.Started.UTC().Truncate(time.Millisecond),
		Duration:  seconds(run.Duration),
		Status:    run.Status,
		Why:       run.Why,
		Lanes:     run.Settings.Lanes,
		Faults:    list(run.Settings.Faults),
		Settle:    seconds(run.Settings.Settle),
		Kept:      list(run.Settings.Kept),
		Confirm:   run.Settings.Confirm,
		Reachable: run.Reachable(),

		Always:      run.Settings.Always,
		Simulated:   run.Settings.Simulated,
		Isolated:    run.Settings.Isolated,
		ByName:      run.Settings.ByName,
		Controllers: run.Settings.Controllers,
	}
	if only := run.Settings.Only; only != nil {
		s.Only = &Only{List: filepath.Base(only.List), Entries: only.Entries, Ignored: only.Ignored}
	}
	var horizon time.Duration
	sinkholes := map[string][]netip.Addr{}
	for _, result := range run.Results {
		counts := result.Suspect == "" && !result.Abandoned // others prove nothing
		s.Worked = s.Worked || counts && result.Recovered
		for _, sinkhole := range result.Seen.Sinkholes {
			sinkholes[sinkhole.Name] = append(sinkholes[sinkhole.Name], sinkhole.Addresses...)
		}
		s.Refused = append(s.Refused, result.Seen.Home...)
		s.Untested = append(s.Untested, result.Seen.Untested...)
		if s.Only != nil {
			s.Only.Free = max(s.Only.Free, result.Seen.Free)
		}
		if result.Trial.Control() {
			s.Controls++
			continue
		}
		s.Trials++
		if counts {
			if result.Held >= horizon {
				horizon, s.Longest = result.Held, result.Trial.Number
			}
		}
	}
	s.Horizon = seconds(horizon)
	slices.Sort(s.Refused)
	s.Refused = slices.Compact(s.Refused)
	for _, name := range slices.Sorted(maps.Keys(sinkholes)) {
		addresses := sinkholes[name]
		slices.SortFunc(addresses, netip.Addr.Compare)
		s.Sinkholes = append(s.Sinkholes, harness.Sinkhole{Name: name, Addresses: slices.Compact(addresses)})
	}
	s.Untested = harness.SumUntested(s.Untested)
	return s
}

func column(c harness.ColumnVerdict) Column {
	scenario := c.Column.Scenario
	return Column{
		ID:       c.Column.ID,
		Scenario: scenario.Name,
		Title:    scenario.Title,
		Regime:   c.Column.Regime,
		Fault:    c.Column.Fault,
		Vantage:  scenario.Vantage,
		Checks:   scenario.Checks,
		Person:   scenario.Person,

		Controller: scenario.Controller,

		Certified: c.Certified,
		FalseFail: round(c.FalseFail, 4),
		FalsePass: round(c.FalsePass, 4),
	}
}

func row(r harness.Row, columns []harness.ColumnVerdict, makers []string) Row {
	cells := map[string]Cell{}
	for _, c := range columns {
		cells[c.Column.ID] = cell(c.Cells[r.Contact.Destination])
	}
	return Row{destination(r, makers), cells}
}

func destination(r harness.Row, makers []string) Destination {
	d := r.Contact.Destination
	addresses := each(r.Contact.Addresses, netip.Addr.String)
	if address, bare := d.Address(); bare && len(addresses) == 0 {
		addresses = []string{address.String()}
	}
	return Destination{
		ID:         d,
		Host:       d.Host(),
		Addresses:  addresses,
		Protocol:   d.Protocol,
		Port:       d.Port,
		Service:    d.Service(),
		FirstSeen:  r.FirstSeen,
		Every:      seconds(r.Clock.Every),
		Last:       r.Clock.Last.UTC().Truncate(time.Millisecond),
		Once:       r.Clock.Tries == 1,
		Provoked:   r.Clock.ProvokedBy(),
		Collateral: list(r.Contact.Collateral),
		Listed:     r.Contact.Listed,
		Aliases:    r.Contact.Aliases,
		Named:      r.Contact.Named,
		Owner:      ownerOf(d.Host(), makers),
		Private:    r.Contact.Private,
	}
}

// cell copies a verdict. The zero cell is that of a destination which was never
// judged for the column.
func cell(c harness.Cell) Cell {
	if c.Verdict == "" {
		c.Verdict, c.Why = harness.Undecided, "It was not judged."
	}
	return Cell{
		Verdict:   c.Verdict,
		Cuts:      list(c.Cuts),
		OnlyWhile: c.OnlyWhile,
		Why:       c.Why,
		Trials:    list(c.Trials),
		Attempts:  c.Attempts,

		Held: seconds(c.Held), HeldAttempts: c.HeldAttempts, ExercisedBy: c.ExercisedBy,

		Replaceable: c.Replaceable, Reached: reached(c.Ways),

		Confidence: math.Floor(c.Confidence*1e4+1e-6) / 1e4,
	}
}

func reached(ways []harness.Way) (r Reached) {
	if len(ways) > 0 {
		r = Reached{ways[0], ways}
	}
	return r
}

// safe copies a safe list, without what only came along: that it was blocked and
// everything worked proves nothing of a destination that the device never tried, and
// one that it works worse without is not safe to block.
func safe(s harness.SafeList, columns []harness.ColumnVerdict) Safe {
	proved := func(d harness.Destination) bool {
		return !slices.ContainsFunc(columns, func(c harness.ColumnVerdict) bool {
			cell := c.Cells[d]
			tried := cell.Verdict == harness.Optional && len(cell.OnlyWhile) == 0 || cell.Verdict == harness.Alternative
			return slices.Contains(s.Columns, c.Column.ID) && !tried
		})
	}
	return Safe{list(s.Columns), slices.DeleteFunc(list(s.Destinations), func(d harness.Destination) bool { return !proved(d) }), s.Trial, seconds(s.Held)}
}

// each maps a list to one that is never nil, as null is no list in JSON.
func each[A, B any](from []A, f func(A) B) []B {
	to := make([]B, len(from))
	for i, a := range from {
		to[i] = f(a)
	}
	return to
}

func list[A any](from []A) []A {
	return each(from, func(a A) A { return a })
}

// seconds rounds to milliseconds; a scheduler does not keep more.
func seconds(d time.Duration) float64 { return round(d.Seconds(), 3) }

func round(x float64, places int) float64 {
	unit := math.Pow10(places)
	return math.Round(x*unit) / unit
}
