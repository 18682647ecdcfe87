package harness

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/needwant/needwant/internal/span"
)

// Bench is the lane on this machine: one device, its gateway, and the
// scenarios to check. It carries out one trial at a time.
type Bench struct {
	Number    int // of the lane, from 1
	Gateway   Gateway
	Scenarios []Scenario
	Restart   func(ctx context.Context) error // power-cycles the device; nil where nothing can
	Timing    Timing

	Provoke Means

	// Periods is how often destinations are contacted by what was known before this bench
	// was opened, or by what [Bench.Learn] told it since; see [Run.Periods].
	Periods map[Destination]time.Duration

	// First is how long the first control lasts at least, to see what the device
	// contacts seldom. The bench clears it when that control begins.
	First time.Duration

	// Wake, where it is set, starts the device when the window of the first trial
	// is open, so that it shows what the device contacts only at its start.
	Wake func(ctx context.Context) error

	// Doubt says why a block that was held since then must not be trusted, for
	// reasons that no gateway sees; "" when it may. nil never doubts. After a doubt the next
	// trial waits, for a while, until there is none.
	Doubt func(since time.Time) string

	// Tell is called at each step of a trial, from the goroutine of Run, and must return at
	// once. nil tells nobody.
	Tell func(Step)

	lifting sync.Mutex
	release context.CancelFunc // ends what holds the block; nil if there is none
	lifted  int                // the trial that was to be given up last; it may not have begun then

	asked     []Scenario // in the trial
	making    sync.Once
	abandon   chan struct{}        // full when the trial is to be given up; made once
	unasked   Observation          // what the device contacted before it was asked for anything
	provoked  bool                 // the trial did what it is to be provoked by
	before    Observation          // what it had contacted when that began
	live      map[Destination]bool // answered, unasked, in the last control: to be reached again before the next trial
	failing   int                  // controls in a row that failed
	doubted   int                  // trials in a row that Doubt spoke against
	window    time.Duration        // for how long the last of them held its block
	clock     clock
	waited    map[destinationIn]time.Duration // for how long each was waited for without success while blocked, if it was not tried since
	took      map[destinationIn]time.Duration // how long each took at most, after a block began, to be tried
	starting  map[Destination]time.Duration   // how long after a start each was contacted first, at most
	slow      map[string]bool                 // names whose answers were late while every scenario passed
	mute      map[string]bool                 // names without an answer while every scenario passed
	shown     map[Destination]bool            // told of as fresh
	observing bool                            // the first control, which lasts for First, is under way
	offered   bool                            // the device's leases name the gateway as the time server
	renews    bool                            // its lease may be from before that changed
}

// Run carries out one trial: block, settle, check, observe, unblock, and wait
// until the device works again. The network is unblocked on every way out.
func (b *Bench) Run(ctx context.Context, trial Trial) (result Result, err error) {
	lifted, err := b.prepare(ctx, trial)
	result = Result{Trial: trial, Lane: b.Number, Started: time.Now()}
	if err != nil || lifted {
		result.Abandoned, result.Outcomes = lifted, map[string]Outcome{}
		return result, err
	}
	b.asked, b.provoked = trial.asked(b.Scenarios), false
	usual := b.Timing.Settle
	if first := b.First; trial.Control() && first > 0 {
		b.Timing.Settle, b.First, b.observing = max(usual, first), 0, true
		defer func() {
			b.observing = false
			if b.Timing.Settle = usual; result.Abandoned {
				b.First = first
			}
		}()
	}
	defer func() {
		if err != nil {
			b.unblock(ctx)
		}
	}()
	stalls, stop := stalled()
	defer stop()
	result.Restarted = b.Wake != nil || trial.Regime == ColdBoot
	if err := b.begin(ctx, trial); err != nil {
		return result, err
	}
	b.resume()
	if lifted, err = b.holdUnlessLifted(ctx, &result); err != nil || lifted {
		return result, err
	}
	result.Held = time.Since(result.Started)
	b.noteProvoked(&result)
	b.noteLease(&result.Seen)
	result.Suspect = cmp.Or(suspicion(result.Seen), b.silence(&result, result.Seen))
	if result.Suspect == "" {
		result.Suspect = b.doubt(result)
	}
	if err := b.withdrawTime(ctx, trial); err != nil {
		return result, err
	}
	if err := b.Gateway.Block(ctx, nil, trial.Fault); err != nil {
		return result, fmt.Errorf("unblocking after trial %d: %w", trial.Number, err)
	}
	if err := b.recover(ctx, &result); err != nil {
		return result, err
	}
	if result.Suspect == "" && stalls() > b.Timing.Settle/2 {
		result.Suspect = fmt.Sprintf("this program stood still for %v", span.Words(stalls().Round(time.Millisecond)))
	}
	result.Duration = time.Since(result.Started)
	b.clock.settle = usual
	b.clock.result(result)
	return result, nil
}

// prepare waits until the block of a trial may begin. lifted reports whether the trial was
// given up before that.
func (b *Bench) prepare(ctx context.Context, trial Trial) (lifted bool, err error) {
	waiting, release := context.WithCancel(ctx)
	defer release()
	b.holdUntil(release, trial)
	if err = b.calm(waiting); err == nil {
		err = b.offerTime(waiting, trial.OffersTime(), trial.Regime != ColdBoot)
	}
	b.holdUntil(nil, Trial{})
	if waiting.Err() == nil || ctx.Err() != nil {
		return false, err
	}
	return true, b.offerNoTime(ctx)
}

// Learn replaces Periods. It must not be called while Run carries out a trial.
func (b *Bench) Learn(periods map[Destination]time.Duration) { b.Periods = periods }

// unblock opens the gateway though the run is being given up.
func (b *Bench) unblock(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	// The error that ends the run is the one worth telling.
	_ = b.offerTime(ctx, false, false)
	_ = b.Gateway.Block(ctx, nil, Reject)
}

func (b *Bench) begin(ctx context.Context, trial Trial) error {
	if err := trial.BlockOn(ctx, b.Gateway); err != nil {
		return fmt.Errorf("blocking for trial %d: %w", trial.Number, err)
	}
	if wake := b.Wake; wake != nil {
		b.Wake = nil
		if err := wake(ctx); err != nil {
			return fmt.Errorf("starting the device for trial %d: %w", trial.Number, err)
		}
	}
	if trial.Regime != ColdBoot {
		return nil
	}
	return b.restart(ctx, trial)
}

func (b *Bench) restart(ctx context.Context, trial Trial) error {
	if b.Restart == nil {
		return fmt.Errorf("trial %d wants a cold boot, and nothing can restart the device: give the regime a power step", trial.Number)
	}
	b.tell(Step{Phase: Restarting})
	if err := b.Restart(ctx); err != nil {
		return fmt.Errorf("restarting the device for trial %d: %w", trial.Number, err)
	}
	return nil
}

func (b *Bench) observe(ctx context.Context, trial Trial) (Observation, error) {
	seen, err := b.Gateway.Observe(ctx)
	if err != nil {
		return seen, fmt.Errorf("observing trial %d: %w", trial.Number, err)
	}
	return seen, ctx.Err()
}

// check runs scenarios side by side.
func (b *Bench) check(ctx context.Context, scenarios []Scenario) map[string]Outcome {
	outcomes := make([]Outcome, len(scenarios))
	var all sync.WaitGroup
	for i, scenario := range scenarios {
		all.Go(func() {
			started := time.Now()
			outcomes[i] = scenario.Check(ctx)
			outcomes[i].Duration = cmp.Or(outcomes[i].Duration, time.Since(started))
		})
	}
	all.Wait()
	named := map[string]Outcome{}
	for i, scenario := range scenarios {
		named[scenario.Name] = outcomes[i]
	}
	return named
}

// unless lists the scenarios of the trial that have not come to this answer.
func (b *Bench) unless(answer Answer, outcomes map[string]Outcome) []Scenario {
	return slices.DeleteFunc(slices.Clone(b.asked), func(s Scenario) bool {
		return outcomes[s.Name].Answer == answer
	})
}

// unwatched leaves out the scenarios that are judged over the whole trial.
func unwatched(scenarios []Scenario) []Scenario {
	return slices.DeleteFunc(slices.Clone(scenarios), func(s Scenario) bool { return s.Watch != nil })
}

// withoutPerson leaves out the scenarios that a person judges.
func withoutPerson(scenarios []Scenario) []Scenario {
	return slices.DeleteFunc(slices.Clone(scenarios), func(s Scenario) bool { return s.Person })
}

// attempted lists which of the blocked destinations the device tried afresh.
func attempted(seen Observation, block []Destination) []Destination {
	var tried []Destination
	for _, contact := range seen.Contacts {
		if contact.Attempts > 0 && slices.Contains(block, contact.Destination) {
			tried = append(tried, contact.Destination)
		}
	}
	return tried
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
