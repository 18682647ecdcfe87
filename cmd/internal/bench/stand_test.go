package bench_test

import (
	"context"
	"errors"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
)

var errGone = errors.New("the Wi-Fi is gone")

// way is one that goes when it is told to.
type way struct {
	over chan struct{}
	once sync.Once
}

func (w *way) Over() <-chan struct{} { return w.over }

func (w *way) Err() error {
	select {
	case <-w.over:
		return errGone
	default:
		return nil
	}
}

func (w *way) leave() { w.once.Do(func() { close(w.over) }) }

// idle is a gateway that sees nothing.
type idle struct{}

func (idle) Block(ctx context.Context, _ []harness.Destination, _ harness.Fault) error {
	return ctx.Err()
}

func (idle) Observe(context.Context) (harness.Observation, error) {
	return harness.Observation{Since: time.Now()}, nil
}

// gone is a stand whose device is away from the given check on, since the way to
// it is.
func gone(check int) *bench.Stand {
	leaving, checks := &way{over: make(chan struct{})}, 0
	return bench.NewStand(&harness.Bench{
		Number: 1, Gateway: idle{}, Timing: harness.Timing{Look: time.Millisecond, Recover: time.Second},
		Scenarios: []harness.Scenario{{Name: "app", Check: func(context.Context) harness.Outcome {
			if checks++; checks < check {
				return harness.Outcome{Answer: harness.Pass}
			}
			leaving.leave()
			return harness.Outcome{Answer: harness.Fail, Why: "no answer"}
		}}},
	}, leaving)
}

var _ = Describe("a device whose way is gone", func() {
	trial := harness.Trial{Number: 1, Fault: harness.Reject, Regime: harness.Steady}

	It("has not failed a trial", func(ctx SpecContext) {
		stand := gone(1)
		_, err := stand.Run(ctx, trial)
		Expect(err).To(MatchError(errGone))
		_, err = stand.Run(ctx, trial)
		Expect(err).To(MatchError(errGone), "nor is the next one interrupted")
		Expect(stand.Close()).To(Succeed(), "the reason is told once")
	}, SpecTimeout(20*time.Second))

	It("has not failed a soak", func(ctx SpecContext) {
		stand := gone(3)
		_, err := stand.Soak(ctx, trial, harness.Soak{For: time.Minute, Every: time.Millisecond})
		Expect(err).To(MatchError(errGone))
		Expect(stand.Close()).To(Succeed())
	}, SpecTimeout(20*time.Second))

	It("is told of where nobody has", func() {
		leaving := &way{over: make(chan struct{})}
		stand := bench.NewStand(nil, leaving)
		leaving.leave()
		Expect(stand.Close()).To(MatchError(errGone))
	})
})
