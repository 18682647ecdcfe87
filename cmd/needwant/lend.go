package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/cmd/internal/hub"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/scenarios"
)

// An agent lends its devices: they are lanes of an experiment on another machine, see borrow.go.

// offer is what a borrower is told of a device before it decides.
type offer struct {
	Traits []trait `json:"traits"`
}

// terms are what an experiment asks of each of its lanes.
type terms struct {
	Number    int                                   `json:"number"` // of the lane
	Timing    harness.Timing                        `json:"timing"`
	Scenarios []harness.ScenarioInfo                `json:"scenarios"`
	Periods   map[harness.Destination]time.Duration `json:"periods,omitempty"`
	Known     []harness.Contact                     `json:"known,omitempty"`   // what the run saw of the devices before
	Observe   bool                                  `json:"observe,omitempty"` // whether the first control lasts as long as the spec says
}

// check reports what no experiment asks for.
func (t terms) check() error {
	for _, span := range []time.Duration{t.Timing.Settle, t.Timing.Patience, t.Timing.Longest, t.Timing.Memory, t.Timing.Persist, t.Timing.Recover} {
		if span < 0 || span > harness.LongestPeriod {
			return errors.New("a time of the experiment is negative, or longer than ten years")
		}
	}
	return t.result(harness.Result{Seen: harness.Observation{Contacts: t.Known}})
}

// result reports what no result of the experiment can have.
func (t terms) result(result harness.Result) error {
	if len(result.Trial.Block) > harness.MostDestinations {
		return fmt.Errorf("a trial blocks %d destinations, and at most %d are possible", len(result.Trial.Block), harness.MostDestinations)
	}
	return runfile.CheckResult(harness.Run{Scenarios: t.Scenarios}, result)
}

// adopt readies a stand for a lane of an experiment.
func (s *stand) adopt(t terms) {
	t.Timing.Look = s.bench.Timing.Look
	s.bench.Number, s.bench.Timing = t.Number, t.Timing
	s.bench.Scenarios = harness.Together(t.Scenarios, s.bench.Scenarios)
	s.bench.Periods = t.Periods
}

// lendAll lends the devices until ctx ends. The error is that a network could not be restored, or that a device
// could not be lent at all.
func (a *agent) lendAll(ctx context.Context, up *uplink) error {
	var all sync.WaitGroup
	for _, m := range a.members {
		all.Go(func() {
			if m.err = m.lend(ctx, up); m.err != nil {
				m.err = fmt.Errorf("%s: %w", m.spec, m.err)
			}
			m.line.end("it is not lent any more")
		})
	}
	all.Wait()
	var errs []error
	for _, m := range a.members {
		errs = append(errs, m.err)
	}
	return unfit(errors.Join(errs...))
}

// lend lends the device until ctx ends, once it belongs to this agent.
func (m *member) lend(ctx context.Context, up *uplink) error {
	list, err := m.file.Chosen(m.flags.tags)
	if err == nil {
		list, err = m.file.Expand(ctx, list)
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(offer{traitsOf(m.file, list)})
	if err != nil {
		return err
	}
	held, err := up.hold(ctx, m)
	if err != nil {
		if ctx.Err() != nil {
			return nil // nothing was done with it
		}
		return err
	}
	defer up.giveBack(m)
	fmt.Fprintln(m.line, "waits for an experiment that borrows it")
	var unrestored error
	up.link.Lend(held, m.name, hub.Loan{
		Offer: text,
		Tell:  func(text string) { fmt.Fprintln(m.line, text) },
		Open: func(ctx context.Context, _ string, text json.RawMessage) (hub.LentLane, error) {
			return m.openLent(ctx, list, text, &unrestored)
		},
	})
	if lost, ok := errors.AsType[*hub.LostError](context.Cause(held)); ok {
		return errors.Join(lost, unrestored)
	}
	return unrestored
}

// openLent puts the device behind its gateway, on a borrower's terms.
func (m *member) openLent(ctx context.Context, list scenarios.List, text json.RawMessage, unrestored *error) (hub.LentLane, error) {
	var t terms
	if err := json.Unmarshal(text, &t); err != nil {
		return nil, fmt.Errorf("what the experiment asks for cannot be read: %w", err)
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	s, err := openStand(ctx, m.line, m.file, list, standOptions{
		standFlags: m.flags.standFlags, driver: m.flags.settings.Driver, observe: t.Observe, known: t.Known, among: true,
	})
	if err != nil {
		return nil, err
	}
	s.adopt(t)
	over, abort, err := bench.Heed(ctx, m.file, s.lane)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return &lentLane{expendable{abort, over, s.close}, t, unrestored}, nil
}

// lentLane is the lane of a device that is lent.
type lentLane struct {
	expendable
	terms      terms
	unrestored *error // that the network could not be restored
}

// Run carries out one trial, if it is one.
func (l *lentLane) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	if err := l.terms.result(harness.Result{Trial: trial}); err != nil {
		return harness.Result{}, err
	}
	return l.expendable.Run(ctx, trial)
}

// Close restores the network.
func (l *lentLane) Close() error {
	l.Stop()
	*l.unrestored = errors.Join(*l.unrestored, l.back())
	return *l.unrestored
}
