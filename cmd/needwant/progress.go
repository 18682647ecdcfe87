package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/reports"
)

// progress tells people where a run is, one line a trial.
type progress struct {
	out       io.Writer
	scenarios []harness.ScenarioInfo
	seen      map[harness.Destination]bool
	rows      map[harness.Destination]bool // seen, or blocked because other data has them
}

func newProgress(out io.Writer, run harness.Run) *progress {
	p := &progress{out: out, scenarios: run.Scenarios, seen: map[harness.Destination]bool{}, rows: map[harness.Destination]bool{}}
	p.open(run)
	return p
}

// open says what begins, or what is gone on with.
func (p *progress) open(run harness.Run) {
	device := run.Device.Name
	if run.Device.Model != "" {
		device += " (" + run.Device.Model + ")"
	}
	if run.Settings.Simulated {
		device = "simulated device " + device
	}
	p.say("%s, %s by %s, judged %s after each block", device,
		blockedHow(run.Settings.Faults), run.Settings.Driver, span.Words(run.Settings.Settle))
	for _, result := range run.Results {
		p.remember(result)
	}
	if len(run.Results) > 0 {
		p.say("going on after %d trials", len(run.Results))
	}
}

func blockedHow(faults []harness.Fault) string {
	words := make([]string, len(faults))
	for i, fault := range faults {
		words[i] = string(fault)
	}
	return "blocked by " + strings.Join(words, " and ")
}

// say writes one line, whatever is in its arguments.
func (p *progress) say(format string, args ...any) {
	fmt.Fprintln(p.out, reports.Clean(fmt.Sprintf(format, args...)))
}

// show tells of a trial that ended.
func (p *progress) show(event harness.Event) {
	if event.Kind == harness.Ended {
		p.tell(*event.Result, left(event.Progress))
	}
}

// tell writes the line of a trial, and where the run is after it.
func (p *progress) tell(result harness.Result, where string) {
	for _, destination := range p.remember(result) {
		p.say("      sees %s", destination)
	}
	p.say("%4d  %-52s %s %s", result.Trial.Number, p.what(result.Trial), p.answers(result), where)
	if result.Suspect != "" {
		p.say("      not counted: %s", result.Suspect)
	}
}

// remember lists the destinations that are seen for the first time.
func (p *progress) remember(result harness.Result) []harness.Destination {
	var fresh []harness.Destination
	for _, destination := range result.Trial.Block {
		p.rows[destination] = true
	}
	for _, contact := range result.Seen.Contacts {
		if !p.seen[contact.Destination] {
			p.seen[contact.Destination], p.rows[contact.Destination] = true, true
			fresh = append(fresh, contact.Destination)
		}
	}
	return fresh
}

// what says what a trial blocks, in 52 columns where it can.
func (p *progress) what(trial harness.Trial) string {
	switch len(trial.Block) {
	case 0:
		return "control: nothing blocked"
	case 1:
		return shorten(fmt.Sprintf("%s: %s", trial.Reason, trial.Block[0]), 52)
	}
	return fmt.Sprintf("%s: %d of %d blocked", trial.Reason, len(trial.Block), len(p.rows))
}

func (p *progress) answers(result harness.Result) string {
	if result.Abandoned {
		return "given up: other trials told its answer"
	}
	words := map[harness.Answer]string{harness.Pass: "works", harness.Fail: "fails", harness.Inconclusive: "unclear"}
	var parts []string
	for _, scenario := range p.scenarios {
		parts = append(parts, fmt.Sprintf("%s %-5s", scenario.Name, words[result.Outcomes[scenario.Name].Answer]))
	}
	return strings.Join(parts, "  ")
}

// left says how long the run lasted, how much of the matrix is open, and how
// many trials are to come.
func left(now harness.Progress) string {
	return fmt.Sprintf("  %5.1f s, %d of %d cells open, about %d to go", now.Elapsed.Seconds(), now.Open, now.Cells, now.Left)
}

func shorten(text string, width int) string {
	if runes := []rune(text); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return text
}

// terminal tells whether a file is a terminal that may be coloured.
func terminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == ""
}
