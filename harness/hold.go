package harness

import (
	"context"
	"maps"
	"slices"
	"time"
)

// hold keeps the block until every scenario is judged.
//
// Invariant: a failure is judged no sooner than Settle after the block, a pass
// no sooner than Settle after the last blocked destination was first tried, or was
// overdue without being tried. A check can itself make the device try one for the
// first time, so passes are judged again until nothing new was tried.
func (b *Bench) hold(ctx context.Context, result *Result) error {
	result.Outcomes = map[string]Outcome{}
	watched := b.watch(ctx, result.Trial)
	err := b.holdAndCheck(ctx, result, watched)
	outcomes := watched.conclude()
	if err != nil || len(outcomes) == 0 {
		return err
	}
	maps.Copy(result.Outcomes, outcomes)
	if result.Seen, err = b.observe(ctx, result.Trial); err != nil {
		return err
	}
	for _, outcome := range outcomes {
		if outcome.Broke != nil {
			outcome.Broke.Touched = touchedUntil(result.Started.Add(outcome.Broke.After), result.Seen)
		}
	}
	return nil
}

// holdAndCheck settles and checks until every scenario that is not watched is judged. It does
// not wait for what the device contacts seldom before it has checked what it tries often:
// a scenario that fails by then needs no more time.
func (b *Bench) holdAndCheck(ctx context.Context, result *Result, watched *watches) error {
	var checked []Destination // those tried when the scenarios were last checked
	worked := map[string]time.Duration{}
	for round := 1; ; round++ {
		before, err := b.settle(ctx, result, round > 1, checked)
		if err != nil || result.Abandoned {
			result.Seen = before
			return err
		}
		if round == 1 {
			b.unasked = before
		}
		asked := unwatched(b.unless(Fail, result.Outcomes))
		if round > 1 && b.lingers(result) {
			asked = withoutPerson(asked)
		}
		b.tell(Step{Phase: Checking, Scenarios: namesOf(asked)})
		for name, outcome := range b.check(ctx, asked) {
			outcome.Transient = result.Outcomes[name].Transient
			result.Outcomes[name] = outcome
		}
		if err := b.persist(ctx, result, asked, worked); err != nil || result.Abandoned {
			result.Seen = before
			return err
		}
		if result.Seen, err = b.observe(ctx, result.Trial); err != nil {
			return err
		}
		b.noteBroken(result, asked, worked)
		checked = attempted(before, result.Trial.Block)
		news := len(attempted(result.Seen, result.Trial.Block)) - len(checked)
		_, due, _ := b.settled(result, result.Seen)
		over := len(b.unless(Fail, watched.sofar(result.Outcomes))) == 0
		if news == 0 && !over && b.provokes(result) {
			if err := b.provoke(ctx, result); err != nil {
				return err
			}
			continue
		}
		if over || news == 0 && due.IsZero() && !b.lingers(result) {
			b.note(result)
			return nil
		}
	}
}

// holdChecks is how often the scenarios are checked, about, while a block is held for as
// long as the trial says, so that a failure is dated.
const holdChecks = 24

// between is the time from one check to the next while a trial is held on.
func (b *Bench) between(trial Trial) time.Duration {
	return max(b.Timing.Settle, trial.Hold/holdChecks)
}

// lingers reports whether the trial is to be held on.
func (b *Bench) lingers(result *Result) bool { return time.Since(result.Started) < result.Trial.Hold }

// noteBroken records when scenarios failed that were just checked, and what the device
// had run into by then: the block may be held on for the others. worked is when each was last
// seen to work in this trial, and is kept up to date.
func (b *Bench) noteBroken(result *Result, asked []Scenario, worked map[string]time.Duration) {
	for _, scenario := range asked {
		outcome := result.Outcomes[scenario.Name]
		switch outcome.Answer {
		case Pass:
			worked[scenario.Name] = time.Since(result.Started)
		case Fail:
			outcome.Broke, outcome.Transient = broke(result.Started, worked[scenario.Name], result.Seen), nil
			result.Outcomes[scenario.Name] = outcome
		case Inconclusive:
		}
	}
}

// broke is a failure that was just seen, in a trial that has begun then.
func broke(started time.Time, worked time.Duration, seen Observation) *Broke {
	return &Broke{After: time.Since(started), Worked: worked, Touched: touchedUntil(time.Now(), seen)}
}

// touchedUntil is what the device had run into at the block by then. What it ran into with
// old connections alone is taken to be that.
func touchedUntil(then time.Time, seen Observation) []Destination {
	touched := []Destination{}
	for _, contact := range seen.Contacts {
		if contact.Touched+contact.Attempts > 0 && !contact.Attempted.After(then) {
			touched = append(touched, contact.Destination)
		}
	}
	return touched
}

// settle waits until Settle after the block and after the first try of each
// blocked destination, and no longer than Patience for those not tried. Then the
// scenarios may be checked. Once they were, with no more tried than checked says, it waits
// for what the device contacts seldom, too: until one of these was tried, or all are
// overdue. A trial that is to be held for some time is checked again and again until then.
// It returns the last look at the gateway.
func (b *Bench) settle(ctx context.Context, result *Result, again bool, checked []Destination) (Observation, error) {
	began := time.Now()
	for {
		seen, err := b.observe(ctx, result.Trial)
		if err != nil {
			return seen, err
		}
		settled, due, untried := b.settled(result, seen)
		if again && len(attempted(seen, result.Trial.Block)) <= len(checked) {
			over := latest(due, result.Started.Add(result.Trial.Hold))
			if b.lingers(result) {
				over = earliest(over, began.Add(b.between(result.Trial)))
			}
			settled = latest(settled, over)
		}
		phase := Settling
		if b.observing {
			phase = Observing
		}
		b.tell(Step{Phase: phase, Until: settled, Untried: untried, Fresh: b.fresh(seen)})
		left := time.Until(settled)
		if left <= 0 {
			return seen, nil
		}
		if len(untried) > 0 {
			left = min(left, max(b.Timing.Look, b.Timing.Settle/8))
		}
		if b.Tell != nil {
			left = min(left, max(b.Timing.Look, longestSilence))
		}
		if result.Abandoned, err = b.pause(ctx, left); err != nil || result.Abandoned {
			return seen, err
		}
	}
}

// settled is when the scenarios may be checked, by what was tried so far and by Patience,
// and until when what is contacted seldom may still be tried; zero if that is over.
// untried are the destinations whose first try may change that.
func (b *Bench) settled(result *Result, seen Observation) (when, due time.Time, untried []Destination) {
	tried := attempted(seen, result.Trial.Block)
	patience := b.patience(result.Trial.Fault)
	when = result.Started.Add(result.Provoked.over() + b.Timing.Settle + b.memory(result.Trial))
	for _, destination := range result.Trial.Block {
		wait := b.expected(destination, result.Trial)
		switch {
		case result.Trial.Ways[destination] == WayOption: // the device contacts the gateway instead
		case slices.Contains(tried, destination):
			contact, _ := seen.Contact(destination)
			when = latest(when, latest(contact.First, contact.Attempted).Add(b.Timing.Settle+b.retries(contact)))
		case result.Trial.Awaited[destination] == 0 && late(b.waited[destinationIn{destination, result.Trial.Regime}]) >= wait:
		case wait > patience && time.Since(result.Started) < wait:
			untried, due = append(untried, destination), latest(due, result.Started.Add(wait))
			when = latest(when, result.Started.Add(patience))
		default:
			untried, when = append(untried, destination), latest(when, result.Started.Add(patience))
		}
	}
	return when, due, untried
}

// retries is how long the device takes, after the first try of a blocked destination, for
// as many as there shall be: a device does not give up before it has failed a few times.
// What it contacts less often than once in Settle is not waited for again.
func (b *Bench) retries(contact Contact) time.Duration {
	every := b.clock.of(contact.Destination, b.Periods[contact.Destination]).Every
	if contact.Tries > 1 { // of several addresses, the times between two contacts are longer
		every = contact.Last.Sub(contact.First) / time.Duration(contact.Tries-1)
	}
	if every > b.Timing.Settle {
		return 0
	}
	return min(time.Duration(max(b.Timing.Tries-1, 0))*every, b.Timing.Settle)
}

// patience is how long to wait for a first try of what is contacted often. If only names
// are blocked, a device does not try before the last answer has expired.
func (b *Bench) patience(fault Fault) time.Duration {
	if fault.ByName() {
		return b.Timing.Memory + b.Timing.Patience
	}
	return b.Timing.Patience
}

// memory is how long a device may go on by answers to its DNS queries from before the block of
// a trial. That it has tried what is blocked does not end this: each name has its own answer.
func (b *Bench) memory(trial Trial) time.Duration {
	byName := trial.Fault.ByName() && !trial.Control()
	if byName || trial.answersNames() || slices.ContainsFunc(trial.Block, Destination.resolves) {
		return b.Timing.Memory
	}
	return 0
}

// destinationIn is a destination in a regime: a device that has just started contacts it at other times.
type destinationIn struct {
	destination Destination
	regime      Regime
}

// note remembers for how long blocked destinations were waited for without success: they
// are not waited for again for as long until they have been tried.
func (b *Bench) note(result *Result) {
	if b.waited == nil {
		b.waited, b.took = map[destinationIn]time.Duration{}, map[destinationIn]time.Duration{}
	}
	b.noteStart(result)
	tried := attempted(result.Seen, result.Trial.Block)
	for _, destination := range result.Trial.Block {
		here := destinationIn{destination, result.Trial.Regime}
		if slices.Contains(tried, destination) {
			delete(b.waited, here)
			if contact, _ := result.Seen.Contact(destination); !contact.Attempted.IsZero() {
				b.took[here] = max(b.took[here], contact.Attempted.Sub(result.Started))
			}
			continue
		}
		if result.Trial.Ways[destination] == WayOption {
			continue
		}
		if wait := b.expected(destination, result.Trial); time.Since(result.Started) >= wait {
			b.waited[here] = max(b.waited[here], wait)
		}
	}
}
