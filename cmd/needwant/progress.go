package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clipperhouse/displaywidth"
	"golang.org/x/term"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/reports"
)

// progress tells people where a run is: two lines for each trial, and on a terminal what is
// happening now below them. On a terminal, lines that are too long for it are broken.
type progress struct {
	out       io.Writer
	waiting   *waiting // what is happening now; nil where that is not shown
	scenarios []harness.ScenarioInfo
	replicas  []harness.Replica

	mu     sync.Mutex // of what follows: steps come from the lanes
	seen   map[harness.Destination]bool
	rows   map[harness.Destination]bool // seen, or blocked because other data has them
	failed []harness.Result             // that count
}

func newProgress(out io.Writer, run harness.Run) *progress {
	p := &progress{out: out, scenarios: run.Scenarios, replicas: run.Settings.Replicas, seen: map[harness.Destination]bool{}, rows: map[harness.Destination]bool{}}
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
	p.say("%s", device)
	p.say("%s (%s), judged %s after each block", blockedHow(run.Settings.Faults), run.Settings.Driver, span.Words(run.Settings.Settle))
	for _, result := range run.Results {
		p.remember(result)
	}
	if len(run.Results) > 0 {
		p.say("going on after %s", done(run))
	}
}

// ahead says how long a run takes that begins with an observation, if that is worth a word.
func (p *progress) ahead(run harness.Run, observe time.Duration) {
	if observe < time.Minute {
		return
	}
	p.say("observes the device for %s; then, with %d destinations, about %d trials of about %s: about %s in all",
		span.Words(observe), usualDestinations, usualTrials, span.Words(run.Settings.UsualTrial()), span.Words(usualTime(run.Settings, observe)))
}

func blockedHow(faults []harness.Fault) string {
	words := make([]string, len(faults))
	for i, fault := range faults {
		words[i] = string(fault)
	}
	return "blocked by " + strings.Join(words, " and ")
}

// inset is before every line about a trial, except its first.
const inset = "      "

// say writes one line, whatever is in its arguments.
func (p *progress) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	line := strings.TrimLeft(text, " ")
	margin := len(text) - len(line)
	hanging(p.out, text[:margin], line, max(margin, len(inset)))
}

// live shows on a terminal what is happening now, until the run is over.
func (p *progress) live(screen *screen) {
	if screen.live() {
		p.waiting = &waiting{trials: map[int]doing{}, at: time.Now()}
		p.waiting.stop = screen.show(p.waiting.lines)
	}
}

// show tells of a trial that began or ended.
func (p *progress) show(event harness.Event) {
	if event.Kind == harness.Ordered {
		order := string(event.Order.Do)
		if event.Order.Do == harness.Keep {
			order += " " + event.Order.Destination.String() + " reachable"
		}
		p.say("      a person's order: %s", order)
		return
	}
	p.follow(event)
	if event.Kind == harness.Left {
		p.say("      %s is asked nothing more, and the other devices continue: %s", p.replicas[event.Lane-1].Name, event.Why)
	}
	if event.Kind != harness.Ended {
		return
	}
	where := ""
	if p.waiting == nil {
		where = left(event.Progress)
	}
	p.tell(*event.Result, where)
}

// follow keeps what is shown of the present.
func (p *progress) follow(event harness.Event) {
	if p.waiting == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if event.Kind == harness.Began {
		p.blocks(*event.Trial)
		p.waiting.begin(event, p.what(*event.Trial))
		return
	}
	p.waiting.end(event)
}

// step tells of what a lane does within a trial.
func (p *progress) step(step harness.Step) {
	if p.waiting != nil {
		p.waiting.step(step)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sees(p.fresh(step.Fresh))
}

// sees tells of destinations.
func (p *progress) sees(destinations []harness.Destination) {
	for _, destination := range destinations {
		p.say("      sees %s", destination)
	}
}

// tell writes the line of a trial, and where the run is after it.
func (p *progress) tell(result harness.Result, where string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sees(p.remember(result))
	what, answers := fmt.Sprintf("%4d  %s", result.Trial.Number, p.what(result.Trial)), p.answers(result)
	line := fmt.Sprintf("%-*s %s", len(inset)+whatColumns, what, answers)
	if most := screenOf(p.out).columns(); most > 0 && displaywidth.String(line) > most {
		p.say("%s", what)
		line = inset + answers
	}
	p.say("%s", line)
	if result.Suspect != "" {
		p.say("      not counted: %s", result.Suspect)
	}
	if p.expected(result) {
		where = strings.TrimSuffix("as expected; "+where, "; ")
	}
	if where != "" {
		p.say("      %s", where)
	}
	if result.Suspect == "" && len(p.failures(result)) > 0 {
		p.failed = append(p.failed, result)
	}
}

// whatColumns is how much of a line says what is blocked.
const whatColumns = 44

// leastHost is how much of a host's name is shown at least, if it is.
const leastHost = 12

// failures are the scenarios that failed in a trial.
func (p *progress) failures(result harness.Result) (names []string) {
	for _, scenario := range p.scenarios {
		if result.Outcomes[scenario.Name].Answer == harness.Fail {
			names = append(names, scenario.Name)
		}
	}
	return names
}

// expected reports whether a trial blocked what had broken each of the scenarios that
// failed in it before, so that its failure is no news. That of a control always is.
func (p *progress) expected(result harness.Result) bool {
	if result.Trial.Control() {
		return false
	}
	names := p.failures(result)
	for _, name := range names {
		if !slices.ContainsFunc(p.failed, func(earlier harness.Result) bool {
			same := earlier.Trial.Fault == result.Trial.Fault && earlier.Trial.Regime == result.Trial.Regime
			return same && earlier.Outcomes[name].Answer == harness.Fail && subset(earlier.Trial.Block, result.Trial.Block)
		}) {
			return false
		}
	}
	return len(names) > 0
}

// subset reports whether all of some destinations are among others.
func subset(some, others []harness.Destination) bool {
	return !slices.ContainsFunc(some, func(d harness.Destination) bool { return !slices.Contains(others, d) })
}

// remember lists the destinations of a trial that are seen for the first time.
func (p *progress) remember(result harness.Result) []harness.Destination {
	p.blocks(result.Trial)
	var contacted []harness.Destination
	for _, contact := range result.Seen.Contacts {
		contacted = append(contacted, contact.Destination)
	}
	return p.fresh(contacted)
}

// blocks counts what a trial blocks among the rows.
func (p *progress) blocks(trial harness.Trial) {
	for _, destination := range trial.Block {
		p.rows[destination] = true
	}
}

// fresh lists those of some destinations that are seen for the first time.
func (p *progress) fresh(destinations []harness.Destination) (fresh []harness.Destination) {
	for _, destination := range destinations {
		if !p.seen[destination] {
			p.seen[destination], p.rows[destination] = true, true
			fresh = append(fresh, destination)
		}
	}
	return fresh
}

// what says what a trial blocks.
func (p *progress) what(trial harness.Trial) string {
	switch len(trial.Block) {
	case 0:
		return "control: " + map[harness.Provoker]string{
			"": "nothing blocked", harness.ByLease: "it gets a new lease", harness.ByLink: "its link is taken down and up", harness.ByStart: "it is restarted",
		}[trial.Provoke]
	case 1:
		host := trial.Block[0].Name
		head := trial.Why() + ": " + strings.TrimSuffix(trial.Block[0].String(), host)
		if short := reports.Shorten(host, max(leastHost, whatColumns-displaywidth.String(head))); displaywidth.String(head+short) <= whatColumns {
			return head + short
		}
	}
	return fmt.Sprintf("%s: %d of %d blocked", trial.Why(), len(trial.Block), len(p.rows))
}

func (p *progress) answers(result harness.Result) string {
	if result.Skipped {
		return "skipped by a person"
	}
	if result.Abandoned {
		return "given up"
	}
	words := map[harness.Answer]string{harness.Pass: "works", harness.Fail: "fails", harness.Inconclusive: "unclear"}
	var parts []string
	for _, scenario := range p.scenarios {
		if word, checked := words[result.Outcomes[scenario.Name].Answer]; checked {
			parts = append(parts, fmt.Sprintf("%s%s%-5s", scenario.Name, span.Joint, word))
		}
	}
	return strings.TrimRight(strings.Join(parts, "  "), " ")
}

// terminal reports whether a file is a terminal in which the cursor can be moved.
func terminal(file *os.File) bool {
	return term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
}
