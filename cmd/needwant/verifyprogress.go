package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/reports/policy"
)

// verifying tells a person how a verification goes: a line when the answers change, and on
// a terminal a status with what is blocked, what is waited for, and how long that was held.
type verifying struct {
	out  io.Writer
	page *soakPage // nil if there is none
	soak harness.Soak

	mu     sync.Mutex // of what follows: the screen draws in a goroutine of its own
	holds  string     // the policy, and how much it blocks; "" before
	step   harness.Step
	began  time.Time // the control, and later the hold
	rounds int       // of checks with the policy
	last   string    // what the last round came to
}

// said is how many rounds go by without a word as long as nothing changes.
const said = 20

func (v *verifying) say(format string, args ...any) { laid(v.out, fmt.Sprintf(format, args...)) }

// hold begins with a policy, by this trial.
func (v *verifying) hold(kind policy.Kind, trial harness.Trial) {
	v.page.hold(kind, trial)
	v.say("all works with nothing blocked; applying %s for %s, with checks every %s", kind, span.Words(v.soak.For), span.Words(v.soak.Every))
	what := fmt.Sprintf("%s: %d blocked", kind, len(trial.Block))
	if kind == policy.AllowRequired {
		what += ", and what was never seen"
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.holds, v.step, v.began = what, harness.Step{}, time.Now()
}

// takes notes what the bench does now.
func (v *verifying) takes(step harness.Step) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.step = step
}

// round notes a round of checks, and tells of it if it differs from the last, or if there
// was no word for long.
func (v *verifying) round(round harness.Round) {
	now := answers(round.Outcomes)
	v.page.round(round.Number, now)
	v.mu.Lock()
	news := now != v.last
	v.rounds, v.last = round.Number, now
	v.mu.Unlock() // the screen draws when it is written to
	if news || round.Number%said == 0 {
		hanging(v.out, fmt.Sprintf("%10s  ", span.Words(round.After.Round(100*time.Millisecond))), now, 12)
	}
}

// interrupted says what an interrupted verification came to; "" before the policy was applied.
func (v *verifying) interrupted() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.holds == "" {
		return ""
	}
	text := fmt.Sprintf("UNDECIDED: interrupted after %s of %s", span.Words(time.Since(v.began).Truncate(time.Second)), span.Words(v.soak.For))
	if v.rounds > 0 {
		text += fmt.Sprintf("; in round %d of checks: %s", v.rounds, v.last)
	}
	return text + "."
}

// lines are what the screen shows.
func (v *verifying) lines(int, int) []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	what, since := "control: nothing blocked", time.Since(v.began).Truncate(time.Second)
	whole := fmt.Sprintf("%s so far; then the policy is held for %s", span.Words(since), span.Words(v.soak.For))
	if v.holds != "" {
		what, whole = v.holds, fmt.Sprintf("%s of %s", span.Words(since), span.Words(v.soak.For))
		if v.rounds > 0 {
			whole += fmt.Sprintf("; round %d of checks: %s", v.rounds, v.last)
		}
	}
	return []string{"      " + what, "      " + waitsFor(v.step), "      " + whole}
}
