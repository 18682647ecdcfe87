package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
)

// waiting is what a person who waits for an experiment wants to know: what is blocked
// now, what is waited for and how much longer, and how long the whole takes.
type waiting struct {
	stop func() // takes it off the screen

	mu     sync.Mutex
	trials map[int]doing // under way, by lane
	now    harness.Progress
	at     time.Time // when that was
}

// doing is one lane's trial.
type doing struct {
	number int
	what   string // is blocked
	step   harness.Step
}

// begin notes a trial that began, and what it blocks.
func (w *waiting) begin(event harness.Event, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now, w.at = event.Progress, event.At
	w.trials[event.Lane] = doing{number: event.Trial.Number, what: what}
}

// end notes a trial that ended, or the run.
func (w *waiting) end(event harness.Event) {
	w.mu.Lock()
	w.now, w.at = event.Progress, event.At
	delete(w.trials, event.Lane)
	w.mu.Unlock()
	if event.Kind == harness.Finished {
		w.stop()
	}
}

// step notes what a lane does within its trial.
func (w *waiting) step(step harness.Step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if trial, under := w.trials[step.Lane]; under {
		trial.step = step
		w.trials[step.Lane] = trial
	}
}

// lines are what the screen shows: a line for the trial, one for what it waits for, and
// one for the whole run.
func (w *waiting) lines(int, int) (lines []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lanes := slices.Sorted(maps.Keys(w.trials))
	if len(lanes) > 0 {
		trial := w.trials[lanes[0]]
		what := fmt.Sprintf("%4d  %s", trial.number, trial.what)
		if more := len(lanes) - 1; more > 0 {
			what += fmt.Sprintf(" (and %d more at the same time)", more)
		}
		lines = append(lines, what, "      "+waitsFor(trial.step))
	}
	return append(lines, "      "+left(w.progress()))
}

// line is all of that in one line, for one device among several; "" between trials.
func (w *waiting) line() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lanes := slices.Sorted(maps.Keys(w.trials))
	if len(lanes) == 0 {
		return ""
	}
	trial := w.trials[lanes[0]]
	said := fmt.Sprintf("trial %d", trial.number)
	if more := toGo(w.progress()); more != "" {
		said += "; " + more
	}
	return said + ": " + waitsFor(trial.step)
}

// progress is where the run is by now.
func (w *waiting) progress() harness.Progress {
	since := time.Since(w.at)
	now := w.now
	now.Elapsed += since
	if now.Remaining > 0 { // the last trial is not over before it is over
		now.Remaining = max(now.Remaining-since, now.Remaining/time.Duration(2*max(1, now.Left)), 1)
	}
	now.Elapsed = now.Elapsed.Truncate(time.Second)
	return now
}

// waitsFor says what a trial waits for, and how much longer.
func waitsFor(step harness.Step) string {
	more := ""
	if left := time.Until(step.Until); !step.Until.IsZero() && left >= time.Second {
		more = span.Words(left.Truncate(time.Second))
	}
	switch step.Phase {
	case harness.Calming:
		return joinWords("nothing is blocked; waits until this machine is less busy", prefixed("at most ", more))
	case harness.Observing:
		return joinWords("observes what the device contacts", more)
	case harness.Settling:
		return settling(step.Untried, more)
	case harness.Checking:
		return "checks " + strings.Join(step.Scenarios, ", ")
	case harness.Persisting:
		return joinWords("checks again whether it still fails: "+strings.Join(step.Scenarios, ", "), more)
	case harness.Holding:
		return joinWords("waits for the next round of checks", more)
	case harness.Recovering:
		return joinWords("nothing is blocked; waits until everything works again", prefixed("at most ", more))
	case harness.Restarting:
		return "restarts the device"
	case harness.Provoking:
		return "takes the device's link down and up"
	case harness.Renewing:
		return joinWords("waits until the device renews its DHCP lease", prefixed("at most ", more))
	}
	return "begins"
}

func settling(untried []harness.Destination, more string) string {
	switch len(untried) {
	case 0:
		return joinWords("gives the device time", more)
	case 1:
		return joinWords("waits until the device tries "+untried[0].Host(), prefixed("at most ", more))
	}
	return joinWords(fmt.Sprintf("waits until the device tries %d destinations", len(untried)), prefixed("at most ", more))
}

// joinWords puts a length of time after a text, if there is one.
func joinWords(text, more string) string {
	if more == "" {
		return text
	}
	return text + ", " + more + " more"
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
