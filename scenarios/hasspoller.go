package scenarios

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/needwant/needwant/scenarios/hass"
)

// homes are the Home Assistants of a run, by their URLs.
type homes struct {
	mutex sync.Mutex
	known map[string]*poller
}

// at returns the one poller of a Home Assistant, which from now on polls an
// entity, too; "" adds none.
func (h *homes) at(url, entity string) *poller {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.known == nil {
		h.known = map[string]*poller{}
	}
	p := h.known[url]
	if p == nil {
		p = &poller{}
		h.known[url] = p
	}
	if entity != "" && !slices.Contains(p.entities, entity) {
		p.entities = append(p.entities, entity)
	}
	return p
}

// poller asks one Home Assistant for polls. Checks that want one at the same time
// share it, since Home Assistant defers a second poll of the same device. A poll
// is never shared across a change of the block: every check of a trial is over
// before that.
type poller struct {
	entities []string // of all steps that want polls; complete before the first

	mutex  sync.Mutex
	seen   bool // it has been there
	next   time.Time
	flight *flight // under way; nil if none is
}

// flight is a poll under way.
type flight struct {
	over  chan struct{} // closed when it is
	watch Watch         // from just before it was asked for
	began time.Time     // when Home Assistant was asked for it; zero before
	ended time.Time     // when it said that it was over
	err   error
	left  bool // the one that led it gave up

	restless bool // the controller and the device did not rest before it
}

// present notes that Home Assistant is there.
func (p *poller) present() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.seen = true
}

// absent reports whether an error says that Home Assistant, which was there
// before, is not there now.
func (p *poller) absent(err error) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	_, gone := errors.AsType[*hass.AbsentError](err)
	setup, mistaken := errors.AsType[*hass.SetupError](err)
	return p.seen && (gone || mistaken && setup.Starting)
}

// refresh has the entities polled, or joins others who are about to, and returns
// when Home Assistant says that the poll is over, and when it was asked for.
// Polls are asked for as far apart as apart says, and twice as far after one that
// was not made: Home Assistant makes it later, and defers the next one after that.
func (p *poller) refresh(ctx context.Context, apart time.Duration, poll *poll) error {
	for {
		p.mutex.Lock()
		f := p.flight
		if f == nil {
			f = &flight{over: make(chan struct{})}
			p.flight = f
			p.mutex.Unlock()
			p.lead(ctx, f, apart, poll)
			return poll.join(f)
		}
		late := !f.began.IsZero()
		p.mutex.Unlock()
		select {
		case <-f.over:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !f.left && !late {
			return poll.join(f)
		}
	}
}

// lead has a poll made for all who join before it is asked for.
func (p *poller) lead(ctx context.Context, f *flight, apart time.Duration, poll *poll) {
	made := true
	defer func() {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		p.next = time.Now().Add(apart)
		if !made {
			p.next = p.next.Add(apart)
		}
		p.flight = nil
		close(f.over)
	}()
	p.mutex.Lock()
	next := p.next
	p.mutex.Unlock()
	if !pauseUntil(ctx, next) {
		f.left, f.err = true, ctx.Err()
		return
	}
	if f.err = poll.settle(ctx); f.err != nil {
		f.left = ctx.Err() != nil
		return
	}
	f.restless = poll.restless
	p.mutex.Lock()
	f.began = time.Now()
	p.mutex.Unlock()
	made, f.err = poll.request(ctx, p.entities)
	f.watch, f.ended, f.left = poll.watch, time.Now(), ctx.Err() != nil
}
