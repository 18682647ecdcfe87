package harness

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/needwant/needwant/internal/span"
)

// recover waits until all that worked in the last control works again: the
// destinations that answered then have answered since the block was lifted,
// and every scenario passes. Otherwise the device's back-off would spoil the
// next trial. A device that stays broken is told by Recovered, not by an error.
// One that fails twice in a row with nothing blocked is restarted, if it can be,
// before it is asked for the last time. A scenario that could not be judged is no
// reason to restart the device. A person is asked when everything else works again, and
// then once more at the end.
func (b *Bench) recover(ctx context.Context, result *Result) error {
	broken := b.unless(Pass, result.Outcomes)
	if result.Trial.Control() && result.Provoked == nil {
		result.Recovered = len(broken) == 0
		b.remember(*result)
		switch {
		case result.Recovered:
			b.failing = 0
		case result.answered(Fail):
			b.failing++
		default:
			return nil
		}
		if b.failing == giveUpAfter-1 && b.Restart != nil {
			return b.restart(ctx, result.Trial)
		}
		return nil
	}
	var started time.Time // the device was restarted
	failed := false
	if result.restartedAfter() { // what it missed at its start is missing until the next
		started = time.Now()
		if err := b.restart(ctx, result.Trial); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(b.Timing.Recover)
	for asked := false; ; {
		seen, err := b.Gateway.Observe(ctx)
		if err != nil {
			return fmt.Errorf("observing the recovery from trial %d: %w", result.Trial.Number, err)
		}
		if result.Suspect == "" && result.answered(Fail) { // it may have begun before
			result.Suspect = cmp.Or(suspicion(Observation{Disturbed: seen.Disturbed}), b.silence(result, seen))
		}
		b.tell(Step{Phase: Recovering, Until: deadline, Scenarios: namesOf(broken)})
		reached, late := b.reached(seen) && b.hasStarted(seen, started), time.Now().After(deadline)
		if reached || late {
			var answered bool
			broken, failed, answered = b.stillBroken(ctx, broken, late || !asked)
			asked = asked || answered
			late = late || answered && time.Now().After(deadline)
		}
		result.Recovered = len(broken) == 0
		if late && failed && started.IsZero() && b.Restart != nil {
			started, deadline = time.Now(), time.Now().Add(b.Timing.Recover)
			if err := b.restart(ctx, result.Trial); err != nil {
				return err
			}
			continue
		}
		if late || reached && result.Recovered {
			b.forget(seen)
			seen, err := b.observe(ctx, result.Trial) // with what the checks took
			result.Later = begunIn(seen.Contacts)
			return err
		}
		if err := span.Wait(ctx, b.Timing.Look); err != nil {
			return err
		}
	}
}

// restartedAfter reports whether the device is restarted when the block is over.
func (r Result) restartedAfter() bool {
	return !r.Trial.Control() && (r.Trial.Regime == ColdBoot || r.Provoked != nil && r.Provoked.By == ByStart)
}

// noteStart notes what the device contacted soon after it was started, and how soon.
func (b *Bench) noteStart(result *Result) {
	if !result.Restarted {
		return
	}
	if b.starting == nil {
		b.starting = map[Destination]time.Duration{}
	}
	for _, contact := range result.Seen.Contacts {
		if took := contact.First.Sub(result.Started); took <= b.Timing.Recover {
			b.starting[contact.Destination] = max(b.starting[contact.Destination], took)
		}
	}
}

// hasStarted reports whether the device has contacted, since it was restarted, what it contacts soon after each start, or should have.
// The next trial would meet it at its start otherwise.
func (b *Bench) hasStarted(seen Observation, restarted time.Time) bool {
	if restarted.IsZero() {
		return true
	}
	for destination, took := range b.starting {
		contact, _ := seen.Contact(destination)
		if contact.Last.Before(restarted) && time.Since(restarted) < late(took)+b.Timing.Settle {
			return false
		}
	}
	return true
}

// remember takes a good control as the picture of a device that works; one
// without a restart is better, since a start has contacts of its own.
func (b *Bench) remember(control Result) {
	worse := control.Trial.Regime == ColdBoot && b.live != nil
	if control.Suspect != "" || !control.Recovered || worse {
		return
	}
	before := b.live
	b.live = map[Destination]bool{}
	for destination, live := range before {
		b.live[destination] = live && (!b.awaits(destination) || late(b.every(destination)) > control.Held) // it need not be contacted in each control
	}
	for _, contact := range b.unasked.Contacts {
		b.live[contact.Destination] = contact.Answered
	}
}

// forget stops waiting for destinations that the device no longer tries.
func (b *Bench) forget(seen Observation) {
	for destination := range b.live {
		if contact, _ := seen.Contact(destination); contact.Tries == 0 && !contact.Answered && b.awaits(destination) {
			delete(b.live, destination)
		}
	}
}

// reached reports whether every live destination has answered that is waited for.
func (b *Bench) reached(seen Observation) bool {
	for destination, live := range b.live {
		if contact, _ := seen.Contact(destination); live && !contact.Answered && b.awaits(destination) {
			return false
		}
	}
	return true
}

// awaits reports whether a recovery waits for a destination: not for what is contacted seldom as long as it is reached. If the
// device tries it again only after a while once it has failed, it would begin the next trial without it.
func (b *Bench) awaits(destination Destination) bool {
	return b.every(destination) <= b.Timing.Settle
}

// every is how often a destination is contacted as long as it is reached, as far as that is known.
func (b *Bench) every(destination Destination) time.Duration {
	if usual := b.clock.usual(destination); usual > 0 {
		return usual
	}
	return b.clock.of(destination, 0).Every
}

// stillBroken checks scenarios again and returns those that do not pass, and whether one of
// them failed. A person is asked only if everything else passes, and only if they may be; asked
// reports whether a person was.
func (b *Bench) stillBroken(ctx context.Context, broken []Scenario, mayAsk bool) (still []Scenario, failed, asked bool) {
	people := slices.DeleteFunc(slices.Clone(broken), func(s Scenario) bool { return !s.Person })
	still, failed = b.notPassing(ctx, withoutPerson(broken))
	if len(people) == 0 || len(still) > 0 || !mayAsk {
		return append(still, people...), failed, false
	}
	still, failed = b.notPassing(ctx, people)
	return still, failed, true
}

// notPassing checks scenarios and returns those that do not pass, and whether one of them
// failed.
func (b *Bench) notPassing(ctx context.Context, scenarios []Scenario) (still []Scenario, failed bool) {
	outcomes := b.check(ctx, scenarios)
	for _, scenario := range scenarios {
		answer := outcomes[scenario.Name].Answer
		if answer != Pass {
			still = append(still, scenario)
		}
		failed = failed || answer == Fail
	}
	return still, failed
}
