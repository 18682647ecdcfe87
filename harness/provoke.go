package harness

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/needwant/needwant/harness/search"
)

// Provoker is something that makes a device contact what it contacts seldom.
type Provoker string

// The provokers. A use needs none: each check is one.
const (
	ByStart Provoker = "start" // the device is restarted
	ByLink  Provoker = "link"  // its link is taken down and up
)

// Words says what was done, as "a restart".
func (p Provoker) Words() string {
	if p == ByLink {
		return "its link was taken down and up"
	}
	return "a restart"
}

// EachWords are the words of several.
func EachWords(all []Provoker) string {
	var words []string
	for _, p := range all {
		words = append(words, p.Words())
	}
	return strings.Join(words, " or ")
}

// Provoked is what a bench did during a trial to make the device contact what it contacts seldom.
type Provoked struct {
	By        Provoker      `json:"by"`
	After     time.Duration `json:"after"`               // when that was done, since the trial began
	Contacted []Destination `json:"contacted,omitempty"` // where the device began something from then on until the trial was judged
}

// provokeReason is that of a control which shows what the device contacts when it is provoked, and of the trial that
// blocks what it did not try otherwise.
const provokeReason = "provoke"

// worthProvoking is how many times Settle a trial must wait at least for what can be provoked. A control that
// shows what that is lasts for about three.
const worthProvoking = 8

// provokeTries is how many controls may look for what can be provoked.
const provokeTries = 2

// provokes reports whether the device is to be provoked now, with everything checked once: if it has not tried all that
// is blocked.
func (b *Bench) provokes(result *Result) bool {
	trial := result.Trial
	return trial.Provoke == ByLink && b.Link != nil && result.Provoked == nil && (trial.Control() || len(attempted(result.Seen, trial.Block)) < len(trial.Block))
}

// provoke takes the device's link down and up.
func (b *Bench) provoke(ctx context.Context, result *Result) error {
	b.tell(Step{Phase: Provoking})
	if err := b.Link(ctx); err != nil {
		return fmt.Errorf("taking the device's link down and up in trial %d: %w", result.Trial.Number, err)
	}
	result.Provoked = &Provoked{By: ByLink, After: time.Since(result.Started)}
	b.before = result.Seen
	return nil
}

// noteProvoked notes where the device has begun something since it was provoked.
func (b *Bench) noteProvoked(result *Result) {
	if result.Provoked == nil {
		return
	}
	for _, contact := range result.Seen.Contacts {
		if before, _ := b.before.Contact(contact.Destination); contact.Tries > before.Tries {
			result.Provoked.Contacted = append(result.Provoked.Contacted, contact.Destination)
		}
	}
}

// afterwards reports whether a scenario failed only once the device had been provoked. That says nothing of
// a device that is left alone: its start over takes more.
func (p *Provoked) afterwards(outcome Outcome) bool {
	return p != nil && outcome.Answer == Fail && (outcome.Broke == nil || outcome.Broke.After > p.After)
}

// byItself are the contacts of a trial but those that began when the device had been provoked: they say nothing of its
// own clock.
func (r Result) byItself() []Contact {
	if r.Provoked == nil {
		return r.Seen.Contacts
	}
	return slices.DeleteFunc(slices.Clone(r.Seen.Contacts), func(c Contact) bool { return !c.First.Before(r.Started.Add(r.Provoked.After)) })
}

// mayProvoke reports whether trials are provoked at all. Replicas are compared by what they answer to the same block, which a
// provocation may change.
func (h history) mayProvoke() bool {
	settings := h.run.Settings
	return settings.plansBySilence() && !settings.First && len(settings.Replicas) < 2 && slices.Contains(settings.Provoke, ByLink) &&
		!slices.ContainsFunc(h.run.Scenarios, func(s ScenarioInfo) bool { return s.Person })
}

// provoked are the rows that the device contacted when its link was taken down and up, by the last control that looked
// for these and in which everything worked. sought is how many controls did.
func (h history) provoked() (rows search.Set, sought int) {
	for _, f := range h.facts {
		if f.Trial.Reason != provokeReason || !f.Trial.Control() {
			continue
		}
		sought++
		if f.Provoked != nil && f.usable && !f.answered(Fail) && !f.answered(Inconclusive) {
			unknown := func(d Destination) bool { _, known := h.index[d]; return !known }
			rows, sought = h.set(slices.DeleteFunc(slices.Clone(f.Provoked.Contacted), unknown)), provokeTries
		}
	}
	return rows, sought
}

// noteByLink notes in the clocks which of the rows that are contacted seldom can be provoked.
func (h history) noteByLink() {
	rows, _ := h.provoked()
	for _, i := range rows.Members() {
		h.clocks[i].ByLink = h.wait(h.clocks[i]) > 0
	}
}

// seeks reports whether a control shall first show what can be provoked, since a trial waits for long.
func (p plan) seeks(trial Trial) bool {
	_, sought := p.provoked()
	if slices.ContainsFunc(p.inflight, func(t Trial) bool { return t.Reason == provokeReason }) {
		return false
	}
	block := p.set(trial.Block)
	return sought < provokeTries && len(trial.StandIns) == 0 && p.shortens(trial.Regime, block, trial.Hold, block)
}

// seeker is that control.
func (p plan) seeker() Trial {
	return Trial{Number: p.number(), Block: []Destination{}, Fault: p.run.Settings.Faults[0], Regime: Steady, Reason: provokeReason, Provoke: ByLink}
}

// untilProvoked asks for the safe list together with what was not tried while it was blocked and can be provoked, or first
// for a control that shows what can. How often the device contacts that by itself may not be known.
func (p plan) untilProvoked() (trial Trial, ok bool) {
	if !p.mayProvoke() || len(p.inflight) > 0 || !slices.Contains(p.run.Settings.Regimes, Steady) {
		return Trial{}, false
	}
	rows, sought := p.provoked()
	for _, fault := range p.run.Settings.Faults {
		untried := p.untriedSeldom(fault)
		if !untried.IsEmpty() && sought < provokeTries {
			return p.seeker(), true
		}
		if again := untried.Intersect(rows).Minus(p.doubted()); !again.IsEmpty() {
			block := again.Union(search.JointSafe(p.explanations(p.columns(Steady, fault))...))
			return Trial{Number: p.number(), Block: p.destinations(block), Fault: fault, Regime: Steady, Reason: provokeReason, Provoke: ByLink}, true
		}
	}
	return Trial{}, false
}

// untriedSeldom is what is contacted seldom, was not tried while it was blocked by a fault, and was not blocked while the
// device was provoked, or so often without an answer that it is not asked again.
func (h history) untriedSeldom(fault Fault) (rows search.Set) {
	for _, column := range h.columns(Steady, fault) {
		for _, i := range h.explain(column).NotExercised.Members() {
			if !h.provokedOn(i, column) && h.wait(h.clocks[i]) >= worthProvoking*h.run.Settings.Settle {
				rows = rows.With(i)
			}
		}
	}
	return rows
}

// provokedOn reports whether row i was blocked in a trial that was to be provoked, with an answer or often enough.
func (h history) provokedOn(i int, column Column) bool {
	tries := 0
	for _, f := range h.facts {
		if f.Trial.Provoke == "" || f.Trial.Control() || !column.hears(f.Trial) || !f.whole.Has(i) {
			continue
		}
		if tries++; f.usable {
			return true
		}
	}
	return tries >= horizonTries
}

// provoker is what a trial that blocks this set, and is held for so long, is to be provoked by; "" leaves the device
// alone.
func (h history) provoker(regime Regime, block search.Set, hold time.Duration) Provoker {
	if rows, _ := h.provoked(); h.shortens(regime, block, hold, rows) {
		return ByLink
	}
	return ""
}

// shortens reports whether a trial takes less time, by enough, if some rows can be provoked. A trial that is
// held for what comes late is not provoked, nor one that is known to fail, or blocks what is doubted.
func (h history) shortens(regime Regime, block search.Set, hold time.Duration, rows search.Set) bool {
	if hold > 0 || regime != Steady || rows.IsEmpty() || !h.mayProvoke() {
		return false
	}
	slow := block.Minus(h.waitedOnce())
	return h.seldom(slow)-h.seldom(slow.Minus(rows)) >= worthProvoking*h.run.Settings.Settle && !h.fails(block) && !block.Intersects(h.doubted())
}

// fails reports whether a set has all that the device had run into when some scenario failed.
func (h history) fails(set search.Set) bool {
	return slices.ContainsFunc(h.facts, func(f fact) bool {
		return !f.Trial.Control() && f.answered(Fail) && f.touched.SubsetOf(set)
	})
}

// onlyProvoked are the rows that the device tried in a trial for the first time after it had been provoked.
func (h history) onlyProvoked(f fact) (rows search.Set) {
	if f.Provoked == nil {
		return rows
	}
	rows = f.attempted
	for _, c := range f.Seen.Contacts {
		if c.Attempts > 0 && c.Attempted.Before(f.Started.Add(f.Provoked.After)) {
			rows = rows.Without(h.index[c.Destination])
		}
	}
	return rows
}

// unprove takes from passes what was tried only because the device was provoked and is doubted.
func (h history) unprove() {
	doubted := h.doubted()
	for n := range h.facts {
		f := &h.facts[n]
		f.missed = f.missed.Union(h.onlyProvoked(*f).Intersect(doubted))
	}
}

// doubted are the rows that can be provoked and that the device ran into, left alone, when a scenario failed, unless a
// part of what it had run into fails without any of them. A device may bear to miss them only when it is provoked.
func (h history) doubted() (rows search.Set) {
	provoked, _ := h.provoked()
	var failed []fact
	for _, f := range h.facts {
		if f.usable && f.Provoked == nil && !f.Trial.Control() && f.answered(Fail) {
			failed = append(failed, f)
		}
	}
	for _, f := range failed {
		explained := slices.ContainsFunc(failed, func(part fact) bool {
			return part.Trial.Fault == f.Trial.Fault && part.Trial.Regime == f.Trial.Regime &&
				!part.touched.Intersects(provoked) && part.touched.SubsetOf(f.touched)
		})
		if !explained {
			rows = rows.Union(f.touched.Intersect(provoked))
		}
	}
	return rows
}
