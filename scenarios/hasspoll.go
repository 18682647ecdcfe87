package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/scenarios/hass"
)

// poll is the proof that an entity's state is that of a poll that began after it
// was asked for. Home Assistant's own word is none: if the integration's own poll
// hangs, or another one was asked for shortly before, update_entity returns at
// once, writes the old state again, and last_reported is now. What counts:
//
//   - Packets. The device answered its controller after the request, the two
//     have finished, and the state was written since.
//   - Renewal. The two never rest, for example since the device is polled every
//     second: between several looks in a row the device answered, and the state was
//     written. Polls follow one another, so the last of these began after the first.
//   - Silence. The controller asked, the device has not answered for as long as
//     a poll may hang, and the state is unavailable. If the device talks to its
//     cloud, and Home Assistant took that long to say that the poll is over, any
//     poll that was under way is over, too, and the state came by the cloud.
//   - Time. The integration polls by itself: after its interval and the longest
//     that a poll hangs, the state is that of a later poll. Two reads that far
//     apart must agree on whether the device is available.
//
// If the gateway sees all packets between the two, and there were none, there
// was no poll, and nothing is proved.
type poll struct {
	home    *hass.Client
	entity  string
	polling Polling
	begin   func(ctx context.Context) (Watch, error)

	began time.Time  // when the poll was asked for
	ended time.Time  // when Home Assistant said that it was over
	first hass.State // read before that
	base  hass.State // read before the packets that count were sent
	watch Watch      // counts these packets
	last  Traffic    // at the look before
	asked bool       // the controller sent the device something since began

	restless bool       // the two did not rest before began
	renewed  hass.State // the last state that was written again
	answers  uint64     // of the device, when it was read
	renewals int        // looks in a row at which it was
}

// Looks in a row at which the device had answered the controller again.
const (
	restlessLooks = 8 // after so many, the two are not waited for to rest
	renewedLooks  = 3 // after so many, each with a new state, the last is of a poll that began after the first
)

// open begins to watch, and reads the state before the poll.
func (p *poll) open(ctx context.Context) (err error) {
	if p.first, err = p.home.State(ctx, p.entity); err != nil {
		return err
	}
	p.base = p.first
	return p.rewatch(ctx)
}

func (p *poll) rewatch(ctx context.Context) (err error) {
	p.last = Traffic{}
	if p.watch, err = p.begin(ctx); err != nil {
		return fmt.Errorf("watching how the state comes: %w", err)
	}
	return nil
}

// join makes it the poll that all who share it asked for. The state was read before
// that.
func (p *poll) join(f *flight) error {
	p.began, p.ended, p.watch, p.last, p.restless = f.began, f.ended, f.watch, Traffic{}, f.restless
	return f.err
}

// settle waits until the controller and the device exchange nothing, so that the
// packets of a poll that is under way are not taken for those of the one that is
// asked for next. Two that never rest are not waited for.
func (p *poll) settle(ctx context.Context) error {
	p.restless = false
	for last, talking, end := (Traffic{Path: unknown}), 0, time.Now().Add(p.polling.Hangs); ; {
		if !pauseUntil(ctx, time.Now().Add(p.polling.glance())) {
			return ctx.Err()
		}
		traffic, err := p.watch.Since(ctx)
		if err != nil {
			return fmt.Errorf("watching how the state comes: %w", err)
		}
		if talking++; traffic.Answered <= last.Answered {
			talking = 0
		}
		p.restless = talking == restlessLooks
		if traffic != last && !p.restless && time.Now().Before(end) {
			last = traffic
			continue
		}
		if traffic == (Traffic{Path: traffic.Path}) {
			return nil
		}
		return p.rewatch(ctx)
	}
}

// request asks Home Assistant for the poll, and returns when it says that this is
// over. Made reports whether a poll may have been made.
func (p *poll) request(ctx context.Context, entities []string) (made bool, err error) {
	// The integration may fail because of the device: the state shows that.
	err = p.home.Refresh(ctx, entities...)
	if _, server := errors.AsType[*hass.ServerError](err); err != nil && !server {
		return true, err
	}
	traffic, err := p.watch.Since(ctx)
	return !p.watch.Sees || traffic.Asked > 0, err
}

// prove waits until it is certain that the state is of after the poll. The error
// says why that cannot be proved.
func (p *poll) prove(ctx context.Context) (state hass.State, path string, err error) {
	earlier, due := p.first, p.began.Add(p.polling.certain())
	for {
		traffic, err := p.watch.Since(ctx)
		if err != nil {
			return state, "", fmt.Errorf("watching how the state came: %w", err)
		}
		if proved, err := p.answered(ctx, state, traffic); proved || err != nil {
			return state, traffic.Path, err
		}
		if state, err = p.home.State(ctx, p.entity); err != nil {
			return state, "", p.unproved(ctx, err)
		}
		if traffic.Answered == 0 {
			p.base = state
		}
		if p.renewal(state, traffic) {
			return state, traffic.Path, nil
		}
		switch late := !time.Now().Before(due); {
		case p.silent(state, traffic):
			return state, traffic.Path, nil
		case late && p.watch.Sees && !p.asked:
			return state, "", p.deferred()
		case late && state.Available() == earlier.Available():
			return state, traffic.Path, nil
		case late:
			earlier, due = state, time.Now().Add(p.polling.certain())
		}
		if !pauseUntil(ctx, time.Now().Add(p.polling.glance())) {
			return state, "", p.unproved(ctx, ctx.Err())
		}
	}
}

// answered reports whether packets prove the state, which was read after the look
// before this one.
func (p *poll) answered(ctx context.Context, state hass.State, traffic Traffic) (proved bool, err error) {
	finished := traffic.Path == "lan" && traffic == p.last
	p.last = traffic
	p.asked = p.asked || traffic.Asked > 0
	switch {
	case finished && (traffic.Open || p.restless && time.Since(p.began) < p.polling.Hangs):
		// A poll hangs in its midst, a datagram was lost, or it is one that was under way
		// before: only the next poll tells.
		p.base, p.restless = state, false
		return false, p.rewatch(ctx)
	case finished:
		return state.NewerThan(p.base) || !state.Dated(), nil
	}
	return false, nil
}

// renewal reports whether the states that were written while the device kept
// answering prove this one, which was read after the look.
func (p *poll) renewal(state hass.State, traffic Traffic) bool {
	if !state.Dated() || traffic.Path != "lan" {
		return false
	}
	if p.renewals++; traffic.Answered <= p.answers || !state.NewerThan(p.renewed) {
		p.renewals = 0
	}
	p.renewed, p.answers = state, traffic.Answered
	return p.renewals > renewedLooks
}

// silent reports whether silence proves the state: the device was available
// before, or owes an answer for as long as a poll may hang.
func (p *poll) silent(state hass.State, traffic Traffic) bool {
	hangs := p.polling.Hangs
	owes := p.asked && traffic.Path != "lan" && time.Since(p.began) >= hangs
	if !state.Available() {
		return p.first.Available() || owes
	}
	// The state may be written a moment after the answer.
	return owes && traffic.Path == "cloud" && p.ended.Sub(p.began) >= hangs && time.Since(p.ended) >= hangs/10
}

// deferred says that Home Assistant did not poll the device.
func (p *poll) deferred() error {
	return fmt.Errorf("%s was not polled: the gateway saw no packet from Home Assistant to the device within %s. If Home Assistant is on another machine, it needs a route to the device, or forward in the spec (docs/placement.md). If the device reports by itself, leave refresh out; if it is polled less often, write interval; if the url is a proxy's, write Home Assistant's own",
		p.entity, span.Words(p.polling.Every+p.polling.Hangs))
}

// unproved says of an error whether the step's own time was too short.
func (p *poll) unproved(ctx context.Context, err error) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("no poll of %s was proved in time: if packets do not prove one, that takes interval and poll_timeout together, %s, so give the step a longer timeout", p.entity, span.Words(p.polling.Every+p.polling.Hangs))
}
