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
	ByLease Provoker = "lease" // it is given a new lease
	ByLink  Provoker = "link"  // its link is taken down and up
	ByStart Provoker = "start" // the device is restarted
)

// Provokers are all of them, the gentlest first.
func Provokers() []Provoker { return []Provoker{ByLease, ByLink, ByStart} }

// Words says what was done, e.g. "a restart".
func (p Provoker) Words() string {
	switch p {
	case ByLease:
		return "a new lease"
	case ByLink:
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

// Means are what makes a device contact what it contacts seldom, as far as there is anything. Each returns when it is over, also
// after an error or the end of ctx: when it began, or zero if the device did not take part.
type Means map[Provoker]func(ctx context.Context) (began time.Time, err error)

// AtOnce is a means that begins when it is called.
func AtOnce(act func(context.Context) error) func(context.Context) (time.Time, error) {
	return func(ctx context.Context) (time.Time, error) {
		began := time.Now()
		return began, act(ctx)
	}
}

// Provoked is what a bench did during a trial to make the device contact what it contacts seldom.
type Provoked struct {
	By        Provoker      `json:"by"`
	After     time.Duration `json:"after"`               // when that began, since the trial began
	Took      time.Duration `json:"took,omitempty"`      // until the link was up, the lease given, or the device started
	Contacted []Destination `json:"contacted,omitempty"` // where the device began something from then on until the trial was judged
}

// provokeReason is that of a control which shows what the device contacts when it is provoked, and of the trial that
// blocks what it did not try otherwise.
const provokeReason = "provoke"

// phases are what a bench does meanwhile.
var phases = map[Provoker]Phase{ByLease: Renewing, ByLink: Provoking, ByStart: Restarting}

// worthwhile is how many times Settle a trial must save at least by some means. A control that shows what the link is good for
// lasts for about three. A device asks for a lease within minutes, and a restart takes some, twice in a trial.
var worthwhile = map[Provoker]time.Duration{ByLease: 12, ByLink: 8, ByStart: 16}

// provokeTries is how many controls may look for what can be provoked.
const provokeTries = 2

// provokes reports whether the device is to be provoked now, with everything checked once: if it has not tried all that
// is blocked.
func (b *Bench) provokes(result *Result) bool {
	trial := result.Trial
	return b.Provoke[trial.Provoke] != nil && !b.provoked && (trial.Control() || len(attempted(result.Seen, trial.Block)) < len(trial.Block))
}

// provoke does what the trial is to be provoked by.
func (b *Bench) provoke(ctx context.Context, result *Result) error {
	by := result.Trial.Provoke
	b.tell(Step{Phase: phases[by]})
	b.provoked, b.before = true, result.Seen
	began, err := b.Provoke[by](ctx)
	if err != nil {
		return fmt.Errorf("provoking a contact in trial %d (%s): %w", result.Trial.Number, by.Words(), err)
	}
	if !began.IsZero() {
		result.Provoked = &Provoked{By: by, After: began.Sub(result.Started), Took: time.Since(began)}
	}
	return nil
}

// noteProvoked notes where the device has begun something since it was provoked.
func (b *Bench) noteProvoked(result *Result) {
	if result.Provoked == nil {
		return
	}
	began := result.Started.Add(result.Provoked.After)
	for _, contact := range result.Seen.Contacts {
		if before, _ := b.before.Contact(contact.Destination); contact.Tries > before.Tries && !contact.Last.Before(began) {
			result.Provoked.Contacted = append(result.Provoked.Contacted, contact.Destination)
		}
	}
}

// over is when it was done, since the trial began; 0 if nothing was.
func (p *Provoked) over() time.Duration {
	if p == nil {
		return 0
	}
	return p.After + p.Took
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

// means are what trials may be provoked by, the gentlest first. Replicas are compared by what they answer to the same block,
// which a provocation may change.
func (h history) means() (all []Provoker) {
	settings := h.run.Settings
	if !settings.plansBySilence() || settings.First || len(settings.Replicas) > 1 ||
		slices.ContainsFunc(h.run.Scenarios, func(s ScenarioInfo) bool { return s.Person }) {
		return nil
	}
	return slices.DeleteFunc(Provokers(), func(by Provoker) bool { return !slices.Contains(settings.Provoke, by) })
}

// provokedBy are the rows that the device contacted when it was provoked by some means, by the last control that looked
// for these and in which everything worked. sought is how many controls did.
func (h history) provokedBy(by Provoker) (rows search.Set, sought int) {
	for _, f := range h.facts {
		if f.Trial.Reason != provokeReason || f.Trial.Provoke != by || !f.Trial.Control() {
			continue
		}
		if sought++; f.Provoked == nil && f.usable { // the device did not take part, e.g. since it has a fixed address
			sought = provokeTries
		}
		if f.Provoked != nil && f.usable && !f.answered(Fail) && !f.answered(Inconclusive) {
			unknown := func(d Destination) bool { _, known := h.index[d]; return !known }
			rows, sought = h.set(slices.DeleteFunc(slices.Clone(f.Provoked.Contacted), unknown)), provokeTries
		}
	}
	return rows, sought
}

// provoked are the rows that the device contacted when it was provoked by any means.
func (h history) provoked() (rows search.Set) {
	for _, by := range Provokers() {
		some, _ := h.provokedBy(by)
		rows = rows.Union(some)
	}
	return rows
}

// noteProvoked notes in the clocks which of the rows that are contacted seldom can be provoked.
func (h history) noteProvoked() {
	lease, _ := h.provokedBy(ByLease)
	link, _ := h.provokedBy(ByLink)
	for i := range h.clocks {
		k := &h.clocks[i]
		seldom := h.wait(*k) > 0
		k.ByLease, k.ByLink = seldom && lease.Has(i), seldom && link.Has(i)
	}
}

// mayBe are those of some rows that may be provoked by some means, as far as that is known. What the device contacts only
// at its start is left to the regime cold_boot: a device that runs does not contact it.
func (h history) mayBe(by Provoker, rows search.Set) search.Set {
	for _, i := range rows.Members() {
		if by == ByStart && (!h.clocks[i].AtStart || h.clocks[i].Every == 0) {
			rows = rows.Without(i)
		}
	}
	return rows
}

// seeks reports whether a control shall first show what can be provoked, and by what, since a trial waits for long.
func (p plan) seeks(trial Trial) (by Provoker, ok bool) {
	if len(trial.StandIns) > 0 || slices.ContainsFunc(p.inflight, func(t Trial) bool { return t.Reason == provokeReason }) {
		return "", false
	}
	if !p.provokable(trial.Regime, p.set(trial.Block), trial.Hold) {
		return "", false
	}
	unknown := p.set(trial.Block).Minus(p.provoked())
	for _, by := range p.means() {
		_, sought := p.provokedBy(by)
		if sought < provokeTries && p.saved(unknown, p.mayBe(by, unknown)) >= p.worth(by) {
			return by, true
		}
	}
	return "", false
}

// seeker is that control.
func (p plan) seeker(by Provoker) Trial {
	return Trial{Number: p.number(), Block: []Destination{}, Fault: p.run.Settings.Faults[0], Regime: Steady, Reason: provokeReason, Provoke: by}
}

// untilProvoked asks for the safe list together with what was not tried while it was blocked and can be provoked, or first
// for a control that shows what can. How often the device contacts that by itself may not be known.
func (p plan) untilProvoked() (trial Trial, ok bool) {
	if len(p.inflight) > 0 || !slices.Contains(p.run.Settings.Regimes, Steady) {
		return Trial{}, false
	}
	for _, by := range p.means() {
		rows, sought := p.provokedBy(by)
		for _, fault := range p.run.Settings.Faults {
			untried := p.mayBe(by, p.untriedSeldom(fault, by))
			if !untried.IsEmpty() && sought < provokeTries {
				return p.seeker(by), true
			}
			if again := untried.Intersect(rows).Minus(p.doubted()); !again.IsEmpty() {
				block := again.Union(search.JointSafe(p.explanations(p.columns(Steady, fault))...))
				return Trial{Number: p.number(), Block: p.destinations(block), Fault: fault, Regime: Steady, Reason: provokeReason, Provoke: by}, true
			}
		}
	}
	return Trial{}, false
}

// untriedSeldom is what is contacted so seldom that a means is worth it, was not tried while it was blocked by a fault, and was not
// blocked while the device was provoked by that, or so often without an answer that it is not asked again.
func (h history) untriedSeldom(fault Fault, by Provoker) (rows search.Set) {
	for _, column := range h.columns(Steady, fault) {
		for _, i := range h.explain(column).NotExercised.Members() {
			if !h.provokedOn(i, column, by) && h.wait(h.clocks[i]) >= h.worth(by) {
				rows = rows.With(i)
			}
		}
	}
	return rows
}

// provokedOn reports whether row i was blocked in a trial that was to be provoked by some means, with an answer or often enough.
func (h history) provokedOn(i int, column Column, by Provoker) bool {
	tries := 0
	for _, f := range h.facts {
		if f.Trial.Provoke != by || f.Trial.Control() || !column.hears(f.Trial) || !f.whole.Has(i) {
			continue
		}
		if tries++; f.usable {
			return true
		}
	}
	return tries >= horizonTries
}

// provoker is what a trial that blocks this set, and is held for so long, is to be provoked by; "" leaves the device
// alone. It is the gentlest means, unless another one saves so much more that it is worth it.
func (h history) provoker(regime Regime, block search.Set, hold time.Duration) (gentlest Provoker) {
	if h.provoked().IsEmpty() || !h.provokable(regime, block, hold) {
		return ""
	}
	var most time.Duration
	for _, by := range h.means() {
		rows, _ := h.provokedBy(by)
		if saved := h.saved(block, h.mayBe(by, rows)); saved-most >= h.worth(by) {
			gentlest, most = by, saved
		}
	}
	return gentlest
}

// provokable reports whether a trial may be provoked at all: not one that is held for what comes late, that is known to
// fail, or that blocks what is doubted.
func (h history) provokable(regime Regime, block search.Set, hold time.Duration) bool {
	return hold == 0 && regime == Steady && len(h.means()) > 0 && !h.fails(block) && !block.Intersects(h.doubted())
}

// saved is how much less a trial waits that blocks a set if it need not wait for some rows.
func (h history) saved(block, rows search.Set) time.Duration {
	slow := block.Minus(h.waitedOnce())
	return h.seldom(slow) - h.seldom(slow.Minus(rows))
}

// worth is how much a trial must save at least by some means.
func (h history) worth(by Provoker) time.Duration { return worthwhile[by] * h.run.Settings.Settle }

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
// part of what it had run into fails without them. A device may bear to miss them only when it is provoked.
func (h history) doubted() (rows search.Set) {
	provoked := h.provoked()
	for _, f := range h.facts {
		for _, i := range f.touched.Intersect(provoked).Members() {
			if slices.ContainsFunc(f.failedAlone(), func(scenario string) bool { return !h.failsWithout(i, f, scenario) }) {
				rows = rows.With(i)
			}
		}
	}
	return rows
}

// failsWithout reports whether a scenario failed, with the device left alone, when it had run into a part of what it ran into in a trial,
// and not into row i.
func (h history) failsWithout(i int, f fact, scenario string) bool {
	return slices.ContainsFunc(h.facts, func(part fact) bool {
		return part.Trial.Fault == f.Trial.Fault && part.Trial.Regime == f.Trial.Regime &&
			!part.touched.Has(i) && part.touched.SubsetOf(f.touched) && slices.Contains(part.failedAlone(), scenario)
	})
}

// failedAlone are the scenarios that failed in a trial that may be used and in which the device was not provoked.
func (f fact) failedAlone() (scenarios []string) {
	if !f.usable || f.Provoked != nil || f.Trial.Control() {
		return nil
	}
	for name, outcome := range f.Outcomes {
		if outcome.Answer == Fail {
			scenarios = append(scenarios, name)
		}
	}
	return scenarios
}
