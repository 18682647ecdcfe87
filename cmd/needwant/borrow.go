package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/needwant/needwant/cmd/internal/hub"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// Devices that other agents lend are lanes of an experiment here.

// lentPrefix begins the name of a device that another agent lends: hub:AGENT/DEVICE.
const lentPrefix = "hub:"

// lentReplica is the device that the user named, if another agent lends it.
func lentReplica(source string) (r replica, lent bool, err error) {
	rest, lent := strings.CutPrefix(source, lentPrefix)
	if !lent {
		return r, false, nil
	}
	agent, device, _ := strings.Cut(rest, "/")
	if hub.CheckName(agent) != nil || device == "" {
		return r, true, fmt.Errorf("%s does not name a device of an agent: write %sAGENT/DEVICE, e.g. %sattic/plug3", source, lentPrefix, lentPrefix)
	}
	return replica{source: source, lender: agent, device: device}, true, nil
}

// membersOf are the devices of this machine in an experiment, which the hub gives to no other agent.
func membersOf(all []replica, notes io.Writer) (members []*member) {
	for _, r := range all {
		if r.lender == "" {
			members = append(members, &member{name: r.name(), file: r.file, line: &deviceLine{out: screenOf(notes), name: r.name()}, sent: func() {}})
		}
	}
	return members
}

// claim waits until the devices of this machine belong to its agent. The context ends if one is given to another agent. Release
// returns them, once nothing is done with them any more.
func (u *uplink) claim(ctx context.Context, members []*member) (held context.Context, release func(), err error) {
	var had []*member
	release = func() {
		for _, m := range had {
			u.giveBack(m)
		}
	}
	held = ctx
	for _, m := range members {
		if held, err = u.hold(held, m); err != nil {
			release()
			return nil, nil, err
		}
		had = append(had, m)
	}
	return held, release, nil
}

// borrow borrows the devices that other agents lend for a run, all at the same time.
func (s stands) borrow(ctx context.Context, up *uplink, notes io.Writer, run harness.Run, all []replica) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(all))
	var opening sync.WaitGroup
	for i, r := range all {
		if r.lender == "" {
			continue
		}
		opening.Go(func() {
			t := s.terms(run, i)
			lane, err := up.link.Borrow(ctx, r.lender, r.device, func(text json.RawMessage) (json.RawMessage, error) {
				var o offer
				if err := json.Unmarshal(text, &o); err != nil {
					return nil, fmt.Errorf("what its agent says of it cannot be read: %w", err)
				}
				if err := sameTraits(all[0].source, traitsOf(all[0].file, all[0].list), r.source, o.Traits); err != nil {
					return nil, err
				}
				return json.Marshal(t)
			}, func(why string) { laid(notes, reports.Clean(why)) })
			if err != nil {
				errs[i] = err
				cancel()
				return
			}
			s[i].lent, s[i].back = &borrowed{lane, t}, func() error { lane.Close(); return nil }
		})
	}
	opening.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return unfit(errors.New(reports.Clean(err.Error())))
		}
	}
	return errors.Join(errs...)
}

// borrowed is the lane of a device that another agent lends.
type borrowed struct {
	*hub.Lane
	terms terms
}

// Run has the lender carry out one trial. A result that no run can have is the end of the lane.
func (l *borrowed) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	result, err := l.Lane.Run(ctx, trial)
	if err == nil {
		if flaw := l.terms.result(result); flaw != nil {
			err = &harness.LostError{Err: fmt.Errorf("the result is not used: %w", flaw)}
		}
	}
	return result, err
}
