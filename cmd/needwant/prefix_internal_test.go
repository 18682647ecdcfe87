package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/catalog"
	"github.com/needwant/needwant/reports/policy"
)

// script is a device by its truth, and what goes wrong in a run on it.
type script struct {
	contacts []string                                        // tried all the time
	spare    map[string]string                               // tried only while another one is blocked
	silent   []string                                        // never tried while blocked
	works    map[string]func(reached func(string) bool) bool // by scenario
	settings func(*harness.Settings)                         // nil for the usual ones
	spoil    func(result *harness.Result)                    // nil if nothing goes wrong
	listed   func(name string) []string                      // of a blocklist
}

// Run is a lane of a script.
func (s script) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	blocked := func(name string) bool {
		return slices.ContainsFunc(trial.Block, func(d harness.Destination) bool { return d.Name == name })
	}
	began := time.Date(2026, 5, 6, 7, 0, 0, 0, time.UTC).Add(time.Duration(trial.Number) * time.Minute)
	result := harness.Result{Trial: trial, Started: began, Held: time.Second, Duration: 2 * time.Second, Recovered: true, Outcomes: map[string]harness.Outcome{}}
	tried := slices.Clone(s.contacts)
	for spare, main := range s.spare {
		if blocked(main) {
			tried = append(tried, spare)
		}
	}
	for _, name := range tried {
		contact := harness.Contact{Destination: web(name), First: began, Last: began, Tries: 1, Answered: !blocked(name)}
		switch {
		case blocked(name) && slices.Contains(s.silent, name):
			continue
		case blocked(name):
			contact.Attempts, contact.Touched = 1, 1
		}
		if s.listed != nil {
			contact.Listed = s.listed(name)
		}
		result.Seen.Contacts = append(result.Seen.Contacts, contact)
	}
	for name, works := range s.works {
		result.Outcomes[name] = harness.Outcome{Answer: harness.Pass}
		if !works(func(host string) bool { return !blocked(host) }) {
			result.Outcomes[name] = harness.Outcome{Answer: harness.Fail, Why: "no answer"}
		}
	}
	if s.spoil != nil {
		s.spoil(&result)
	}
	return result, ctx.Err()
}

func web(name string) harness.Destination {
	return harness.Destination{Protocol: "tcp", Port: 443, Name: name}
}

type forgets struct{}

func (forgets) Append(harness.Result) error { return nil }

// told is the run of a script to its end.
func (s script) told() harness.Run {
	GinkgoHelper()
	run := harness.Run{
		ID: "01STORY", Started: time.Date(2026, 5, 6, 7, 0, 0, 0, time.UTC), Device: harness.Device{Name: "fan", Model: "fan.v1", Firmware: "1"},
		Settings: harness.Settings{
			Source: "fan.yaml", Driver: "ipset", Order: "exact", Lanes: 1,
			Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady}, Kept: []string{"dhcp"}, Settle: time.Second,
		},
	}
	for _, name := range slices.Sorted(maps.Keys(s.works)) {
		run.Scenarios = append(run.Scenarios, harness.ScenarioInfo{Name: name, Title: "Does " + name + " work?", Vantage: "gateway"})
	}
	if s.settings != nil {
		s.settings(&run.Settings)
	}
	experiment := harness.Experiment{Run: run, Journal: forgets{}}
	for range run.Settings.Lanes {
		experiment.Lanes = append(experiment.Lanes, s)
	}
	Expect(experiment.Do(context.Background())).To(Succeed())
	return experiment.Run
}

func scripts() map[string]script {
	hosts := strings.Fields("a.example b.example c.example d.example e.example f.example")
	anyOf := func(names ...string) func(func(string) bool) bool {
		return func(reached func(string) bool) bool { return slices.ContainsFunc(names, reached) }
	}
	needs := func(r func(string) bool) bool { return r("a.example") && anyOf("b.example", "c.example")(r) }
	nothing := func(func(string) bool) bool { return true }
	onList := func(s *harness.Settings) { s.Only = &harness.OnlyList{List: "list.txt", Entries: 40} }
	listed := func(name string) []string { return []string{name} }
	return map[string]script{
		"needs one and a group": {contacts: hosts, works: map[string]func(func(string) bool) bool{"app": needs, "hass": nothing}},
		"needs nothing":         {contacts: hosts, works: map[string]func(func(string) bool) bool{"app": nothing}},
		"needs everything":      {contacts: hosts[:2], works: map[string]func(func(string) bool) bool{"app": func(r func(string) bool) bool { return r("a.example") && r("b.example") }}},
		"contacts nothing":      {works: map[string]func(func(string) bool) bool{"app": nothing}},
		"has a spare": {contacts: hosts, spare: map[string]string{"spare.example": "a.example"},
			works: map[string]func(func(string) bool) bool{"app": anyOf("a.example", "spare.example"), "hass": anyOf("b.example")}},
		"never tries one again": {contacts: hosts, silent: hosts[3:4], works: map[string]func(func(string) bool) bool{"app": needs}},
		"two regimes and two faults": {contacts: hosts[:4], works: map[string]func(func(string) bool) bool{"app": needs}, settings: func(s *harness.Settings) {
			s.Regimes = []harness.Regime{harness.Steady, harness.ColdBoot}
			s.Faults = []harness.Fault{harness.Reject, harness.Drop}
		}},
		"trials that do not count": {contacts: hosts, works: map[string]func(func(string) bool) bool{"app": needs}, spoil: func(r *harness.Result) {
			if r.Trial.Number%3 == 0 {
				r.Suspect = "messages lost"
			}
		}},
		"breaks for good": {contacts: hosts, works: map[string]func(func(string) bool) bool{"app": needs}, spoil: func(r *harness.Result) {
			if r.Trial.Number > 6 {
				r.Outcomes["app"], r.Recovered = harness.Outcome{Answer: harness.Fail, Why: "no answer"}, false
			}
		}},
		"never works": {contacts: hosts, works: map[string]func(func(string) bool) bool{"app": func(func(string) bool) bool { return false }}, spoil: func(r *harness.Result) {
			r.Recovered = false
		}},
		"a column that cannot be judged": {contacts: hosts, works: map[string]func(func(string) bool) bool{"app": needs, "asked": nothing}, spoil: func(r *harness.Result) {
			if r.Trial.Number > 4 {
				r.Outcomes["asked"] = harness.Outcome{Answer: harness.Inconclusive, Why: "nobody answered"}
			}
		}},
		"two lanes": {contacts: hosts, works: map[string]func(func(string) bool) bool{"app": needs, "hass": nothing}, settings: func(s *harness.Settings) { s.Lanes = 2 }},
		"contacts one late": {contacts: hosts[:5], works: map[string]func(func(string) bool) bool{"app": func(r func(string) bool) bool { return needs(r) && r("late.example") }}, spoil: func(r *harness.Result) {
			blocked := slices.Contains(r.Trial.Block, web("late.example"))
			contact := harness.Contact{Destination: web("late.example"), Tries: 1, Answered: !blocked}
			if blocked {
				contact.Attempts, contact.Touched = 1, 1
			}
			if r.Trial.Number > 6 {
				r.Seen.Contacts = append(r.Seen.Contacts, contact)
			}
		}},
		"noise":                        {contacts: hosts, works: map[string]func(func(string) bool) bool{"app": needs}, settings: func(s *harness.Settings) { s.MaxNoise = 0.05 }},
		"a blocklist":                  {contacts: hosts, settings: onList, listed: listed, works: map[string]func(func(string) bool) bool{"play": needs}},
		"a blocklist that is innocent": {contacts: hosts, settings: onList, listed: listed, works: map[string]func(func(string) bool) bool{"play": nothing}},
		"a blocklist, first answer": {contacts: hosts, listed: listed, works: map[string]func(func(string) bool) bool{"play": needs}, settings: func(s *harness.Settings) {
			onList(s)
			s.First = true
		}},
		"a blocklist, and it breaks for good": {contacts: hosts, settings: onList, listed: listed, works: map[string]func(func(string) bool) bool{"play": needs}, spoil: func(r *harness.Result) {
			if r.Trial.Number > 4 {
				r.Outcomes["play"], r.Recovered = harness.Outcome{Answer: harness.Fail, Why: "no answer"}, false
			}
		}},
	}
}

// part is the beginning of a run, and what it really shows.
type part struct {
	harness.Run
	works map[string]func(func(string) bool) bool
	which string
	shown bool // each format is written, even if it may make every claim
}

// counts reports whether a result may be used, at the most.
func counts(r harness.Result) bool { return r.Suspect == "" && !r.Abandoned }

// base reports whether the device was seen to work with nothing blocked, in a control
// or after a trial.
func (p part) base() bool {
	return slices.ContainsFunc(p.Results, func(r harness.Result) bool { return counts(r) && r.Recovered })
}

// proved reports whether some destinations were all blocked in a trial that passed in
// each of some columns, and whether that is true of the device.
func (p part) proved(columns []string, blocked ...harness.Destination) bool {
	for _, column := range p.Columns() {
		if !slices.Contains(columns, column.ID) {
			continue
		}
		passed := slices.ContainsFunc(p.Results, func(r harness.Result) bool {
			return counts(r) && r.Outcomes[column.Scenario.Name].Answer == harness.Pass && r.Trial.Regime == column.Regime &&
				(r.Trial.Control() || r.Trial.Fault == column.Fault) && subset(blocked, r.Trial.Block)
		})
		works := p.works[column.Scenario.Name](func(name string) bool { return !slices.Contains(blocked, web(name)) })
		if !passed || !works {
			return false
		}
	}
	return true
}

func (p part) columns() (ids []string) {
	for _, column := range p.Columns() {
		ids = append(ids, column.ID)
	}
	return ids
}

// parts are all beginnings of a run in all the ways in which it may have ended there.
func parts(name string, s script) (all []part) {
	GinkgoHelper()
	run := s.told()
	ends := []harness.Run{
		{Status: harness.Running}, {Status: harness.Interrupted}, {Status: harness.Interrupted, Why: "the gateway's resolver ended"},
		{Status: harness.OverBudget, Why: "60 trials"}, {Status: run.Status, Why: run.Why},
	}
	for length := range len(run.Results) + 1 {
		for i, end := range ends {
			if length < len(run.Results) && (end.Status == harness.Complete || end.Status == harness.Failed) {
				continue
			}
			cut := run
			cut.Results, cut.Status, cut.Why = run.Results[:length:length], end.Status, end.Why
			which := fmt.Sprintf("%s: %d of %d trials, %s", name, length, len(run.Results), cmp.Or(end.Why, string(end.Status)))
			all = append(all, part{cut, s.works, which, length == len(run.Results) || i == length%len(ends)})
			if end.Status != harness.Running {
				continue
			}
			cut.Results = slices.Clone(cut.Results)
			for i := range cut.Results { // no control counts, and the device was never seen to recover
				cut.Results[i].Recovered = false
				if cut.Results[i].Trial.Control() {
					cut.Results[i].Suspect = "messages lost"
				}
			}
			all = append(all, part{cut, s.works, fmt.Sprintf("%s: %d of %d trials, no control counts", name, length, len(run.Results)), false})
		}
	}
	return all
}

var _ = Describe("a run that ended at any trial", Label("norace"), func() {
	all := scripts()
	for _, name := range slices.Sorted(maps.Keys(all)) { // in the same order in each process
		script := all[name]
		It("claims only what it proved: "+name, func() {
			run := script.told()
			whole := reports.New(run, harness.Judge(run))
			for _, part := range parts(name, script) {
				judgement := harness.Judge(part.Run)
				m := reports.New(part.Run, judgement)
				expectProvedMatrix(part, m)
				expectProvedPolicies(part, m)
				expectProvedSentence(part, m)
				expectProvedFormats(part, reports.NewReport(part.Run, judgement))
				expectProvedComparison(part, whole, m)
				expectProvedCatalog(part, m)
				if codeOf(part.Run, judgement) == codeDone {
					Expect(part.base()).To(BeTrue(), part.which+": exit code 0")
					Expect(part.Settings.First || decided(m)).To(BeTrue(), part.which+": exit code 0")
				}
			}
		})
	}
})

// decided reports whether every cell has a verdict.
func decided(m reports.Matrix) bool { return !anyCell(m, true) }

// anyDecided reports whether a cell has a verdict.
func anyDecided(m reports.Matrix) bool { return anyCell(m, false) }

// anyCell reports whether a cell is open, or decided.
func anyCell(m reports.Matrix, open bool) bool {
	return slices.ContainsFunc(m.Rows, func(row reports.Row) bool {
		for _, cell := range row.Cells {
			if cell.Open() == open {
				return true
			}
		}
		return false
	})
}

func expectProvedMatrix(p part, m reports.Matrix) {
	GinkgoHelper()
	for _, safe := range m.Safe {
		Expect(len(safe.Destinations) == 0 || p.proved(safe.Columns, safe.Destinations...)).To(BeTrue(), "%s: safe list %v", p.which, safe)
	}
	for _, column := range m.Columns {
		if column.Certified != "none" {
			Expect(p.base() && len(m.Rows) > 0).To(BeTrue(), p.which+": certified "+column.Certified)
		}
		works := p.works[column.Scenario]
		for _, row := range m.Rows {
			id := row.Destination.ID
			cell := row.Cells[column.ID]
			which := fmt.Sprintf("%s: %s of %s is %s: %s", p.which, id, column.ID, cell.Verdict, cell.Why)
			Expect(cell.Open() || p.base()).To(BeTrue(), which)
			switch {
			case cell.Verdict == harness.Optional && len(cell.OnlyWhile) == 0:
				Expect(p.proved([]string{column.ID}, id)).To(BeTrue(), which)
			case cell.Verdict == harness.Required:
				Expect(works(func(name string) bool { return name != id.Name })).To(BeFalse(), which)
			}
		}
	}
	if !p.base() {
		Expect(m.Cuts).To(BeEmpty(), p.which)
		Expect(m.Needs).To(BeEmpty(), p.which)
	}
}

// ids are the destinations of a part of a policy that only rests on passing trials.
func ids(list []policy.Destination) (ids []harness.Destination) {
	for _, d := range list {
		if !d.Fallback {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

func expectProvedPolicies(p part, m reports.Matrix) {
	GinkgoHelper()
	for _, kind := range policy.Kinds() {
		for _, minimal := range []bool{false, true} {
			made, err := policy.New(m, policy.Options{Kind: kind, Minimal: minimal})
			if err != nil {
				continue
			}
			which := fmt.Sprintf("%s: %s, minimal %v", p.which, kind, minimal)
			Expect(len(ids(made.Blocked)) == 0 || p.proved(p.columns(), ids(made.Blocked)...)).To(BeTrue(), which)
			if kind == policy.AllowRequired {
				Expect(p.base() && anyDecided(m)).To(BeTrue(), which+" blocks what it never saw")
			}
			if p.Status != harness.Complete {
				Expect(made.Doubts).To(ContainElement(ContainSubstring("not complete")), which)
			}
		}
	}
	if exceptions, err := policy.NewExceptions(m, policy.Device{}); err == nil {
		var blocked []harness.Destination
		for _, row := range m.Rows {
			if !slices.Contains(exceptions.Names, row.Destination.ID.Name) {
				blocked = append(blocked, row.Destination.ID)
			}
		}
		Expect(p.proved(p.columns(), blocked...)).To(BeTrue(), "%s: allow %v", p.which, exceptions.Names)
	}
}

var canBlock = regexp.MustCompile(`You can block (\d+) of`)

func expectProvedSentence(p part, m reports.Matrix) {
	GinkgoHelper()
	text, which := m.Summary, p.which+": "+m.Summary
	var all []harness.Destination
	for _, row := range m.Rows {
		all = append(all, row.Destination.ID)
	}
	if found := canBlock.FindStringSubmatch(text); found != nil {
		Expect(found[1]).To(Equal(fmt.Sprint(len(m.Safe[len(m.Safe)-1].Destinations))), which)
	}
	if strings.Contains(text, "needs none") {
		Expect(anyDecided(m) && p.base()).To(BeTrue(), which)
	}
	if strings.Contains(text, "not the cause") {
		if p.Status == harness.Failed {
			Expect(p.base()).To(BeFalse(), which)
		} else {
			Expect(p.base() && p.proved(p.columns(), all...)).To(BeTrue(), which)
		}
	}
	if strings.Contains(text, "everything work") {
		Expect(p.base()).To(BeTrue(), which)
	}
}

// claims are what no format may say without a control that counts.
var claims = []string{
	"You can block", "eeds none of", "eeds none;", "eeds none.", "is required", "Certified", "Everything", "everything that", "everything works",
	"not the cause", "works without it", "Nothing that was seen is needed", "every cell is decided",
}

func expectProvedFormats(p part, report reports.Report) {
	GinkgoHelper()
	mayClaim := p.base() || p.Status == harness.Failed && p.Settings.Only != nil
	for _, format := range reports.Formats() {
		var out bytes.Buffer
		if p.shown || !mayClaim {
			Expect(format.Render(&out, report)).To(Succeed())
		}
		if mayClaim {
			continue
		}
		text := out.String()
		claimed := slices.DeleteFunc(slices.Clone(claims), func(claim string) bool { return !strings.Contains(text, claim) })
		Expect(claimed).To(BeEmpty(), "%s: %s:\n%s", p.which, format.Name, text)
	}
	var out bytes.Buffer
	Expect(reports.JUnit(&out, report.Matrix)).To(Succeed())
	var counted struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	Expect(xml.Unmarshal(out.Bytes(), &counted)).To(Succeed())
	optional := 0
	for _, row := range report.Rows {
		for _, cell := range row.Cells {
			if cell.Verdict == harness.Optional {
				optional++
			}
		}
	}
	Expect(counted.Tests-counted.Failures-counted.Errors-counted.Skipped).To(Equal(optional), p.which+": green tests")
	Expect(counted.Tests).To(BeNumerically(">", 0), p.which+": a build server takes no tests for success")
}

func expectProvedComparison(p part, whole, m reports.Matrix) {
	GinkgoHelper()
	later := reports.Compare(whole, m)
	text := func(c reports.Comparison) string {
		var out bytes.Buffer
		Expect(c.Text(&out, 0)).To(Succeed())
		return out.String()
	}
	Expect(later.Worse()).To(BeFalse(), p.which+": it is the same device")
	if !decided(m) || p.Status != harness.Complete {
		Expect(text(later)).NotTo(HavePrefix("Nothing became required."), p.which+": this is not known")
		Expect(text(reports.Compare(m, m))).NotTo(ContainSubstring("Nothing changed"), p.which)
	}
	earlier := reports.Compare(m, whole)
	Expect(earlier.Worse()).To(BeFalse(), p.which+": it is the same device")
	Expect(text(earlier)).NotTo(HavePrefix("Something became required."), p.which)
}

func expectProvedCatalog(p part, m reports.Matrix) {
	GinkgoHelper()
	_, err := catalog.New(p.Run, m, "nz")
	if !p.base() || !anyDecided(m) {
		Expect(err).To(HaveOccurred(), p.which+": evidence of nothing")
	}
}
