package hub

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
)

// Lane is a device that another agent lends. Make one with [Link.Borrow].
type Lane struct {
	link   *Link
	agent  string
	device string
	name   string // of the session, as this side calls it
	agree  func(offer json.RawMessage) (terms json.RawMessage, err error)
	wake   chan struct{} // has room for one
	stop   context.CancelFunc
	asking sync.WaitGroup

	mu       sync.Mutex
	number   uint64    // of the newest ask
	answered uint64    // the newest ask that was answered
	heard    time.Time // when that answer came
	ticket   string
	terms    json.RawMessage // none before the first answer
	begun    bool            // the lender has begun the session
	isOpen   bool
	busy     string // why the device is not to be had yet; "" if it is
	periods  map[harness.Destination]time.Duration
	task     *task
	result   harness.Result // of the task, if its Have is true
	over     bool           // this side has ended the session
	lost     error          // why the lender has ended it, or is not there; nil if it is
	changed  chan struct{}  // closed when something has changed
}

// longestBusy is how long a borrower waits for a device that another one has. A lender takes
// a device back from a borrower that was killed before.
const longestBusy = time.Minute

// Borrow borrows a device from another agent, and returns when it is behind its gateway. Agree is shown what the lender says of the
// device, and returns the terms for it; an error if the device does not fit. Wait is told why that takes long. Close the
// lane in the end.
func (l *Link) Borrow(ctx context.Context, agent, device string, agree func(offer json.RawMessage) (terms json.RawMessage, err error), wait func(why string)) (*Lane, error) {
	b := &Lane{link: l, agent: agent, device: device, name: rand.Text(), agree: agree, wake: make(chan struct{}, 1), heard: time.Now(), changed: make(chan struct{})}
	asking, stop := context.WithCancel(context.Background())
	b.stop = stop
	l.mu.Lock()
	l.borrowed[b.name] = b
	l.mu.Unlock()
	b.asking.Go(func() { b.ask(asking) })
	if err := b.opened(ctx, wait); err != nil {
		b.Close()
		return nil, fmt.Errorf("%s of agent %s: %w", device, agent, err)
	}
	return b, nil
}

// opened waits until the device is behind its gateway.
func (b *Lane) opened(ctx context.Context, wait func(why string)) error {
	patience := time.After(longestBusy)
	for told := ""; ; {
		b.mu.Lock()
		isOpen, lost, why, changed := b.isOpen, b.lost, b.busy, b.changed
		b.mu.Unlock()
		switch {
		case lost != nil:
			return lost
		case isOpen:
			return nil
		case why != told && why != "":
			wait(fmt.Sprintf("waiting for %s of agent %s: %s", b.device, b.agent, why))
			told = why
		}
		if why == "" {
			patience = time.After(longestBusy)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience:
			return fmt.Errorf("it is not to be had: %s", why)
		case <-changed:
		}
	}
}

// ask asks the lender from time to time, until ctx ends.
func (b *Lane) ask(ctx context.Context) {
	again := time.NewTicker(askEach)
	defer again.Stop()
	for {
		b.mu.Lock()
		if time.Since(b.heard) > lostAfter {
			b.lose(fmt.Errorf("agent %s did not answer for %s: needwant hub status shows whether it is connected; it lends devices with needwant agent --lend", b.agent, span.Words(lostAfter)))
		}
		b.number++
		a := ask{Device: b.device, Session: b.name, Number: b.number, Ticket: b.ticket, Over: b.over || b.lost != nil}
		if !b.begun {
			a.Terms = b.terms
		}
		if b.task != nil {
			wanted := *b.task
			a.Task = &wanted
		}
		b.mu.Unlock()
		if !b.link.write(b.agent, &a, nil) {
			b.mu.Lock()
			b.lose(fmt.Errorf("what agent %s is to know is too long to be sent", b.agent))
			b.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		case <-b.wake:
		}
	}
}

// nudge has the lender asked now.
func (b *Lane) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// change says that something has changed. The mutex is held.
func (b *Lane) change() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// lose ends the session on this side. The mutex is held.
func (b *Lane) lose(why error) {
	if b.lost == nil {
		b.lost = why
		b.change()
	}
}

// take takes in an answer.
func (b *Lane) take(a answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost != nil || a.Number > b.number {
		return
	}
	if d := a.Done; d != nil && b.begun && a.Ticket == b.ticket && b.task != nil && d.Number == b.task.Number && !b.task.Have {
		b.task.Have, b.result = true, d.Result
		b.change()
	}
	if a.State == over || a.State == ending && !b.over { // whenever it was said: it stays so
		b.lose(fmt.Errorf("agent %s does not lend it any more: %s", b.agent, a.Why))
		return
	}
	if a.Number <= b.answered {
		return // it came twice, or too late
	}
	b.answered, b.heard = a.Number, time.Now()
	switch {
	case a.State == ending:
	case a.State == open && a.Ticket == b.ticket:
		b.begun, b.isOpen, b.busy = true, true, ""
		b.change()
	case a.State == opening && a.Ticket == b.ticket:
		b.begun, b.busy = true, "it is put behind its gateway"
		b.change()
	case b.begun:
		b.lose(fmt.Errorf("agent %s was started again", b.agent))
	case a.State == busy:
		b.busy = a.Why
		b.change()
	case a.State == free && a.Ticket != b.ticket:
		terms, err := b.agree(a.Offer)
		if err != nil {
			b.lose(err)
			return
		}
		b.ticket, b.terms, b.busy = a.Ticket, terms, ""
		b.nudge()
	}
}

// Run has the lender carry out one trial. An error is a [*harness.LostError], unless ctx has ended.
func (b *Lane) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	b.mu.Lock()
	next := &task{Number: 1, Trial: trial, Periods: b.periods}
	if b.task != nil {
		next.Number = b.task.Number + 1
	}
	b.task = next
	b.mu.Unlock()
	b.nudge()
	for {
		b.mu.Lock()
		have, result, lost, changed := b.task.Have, b.result, b.lost, b.changed
		b.mu.Unlock()
		switch {
		case have:
			result.Trial = trial
			return result, nil
		case lost != nil:
			return harness.Result{}, &harness.LostError{Err: lost}
		}
		select {
		case <-ctx.Done():
			return harness.Result{}, ctx.Err()
		case <-changed:
		}
	}
}

// Abandon gives up the trial that is under way.
func (b *Lane) Abandon() { b.giveUp(func(t *task) { t.Abandon = true }) }

// Lift gives up a trial at once.
func (b *Lane) Lift(trial int) {
	b.giveUp(func(t *task) { t.Lift = t.Lift || t.Trial.Number == trial })
}

func (b *Lane) giveUp(change func(*task)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.task != nil && !b.task.Have {
		change(b.task)
		b.nudge()
	}
}

// Learn keeps what the other lanes have learnt for the next trial.
func (b *Lane) Learn(periods map[harness.Destination]time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.periods = periods
}

// Close returns the device, and waits until the lender has restored its network. If the lender does not answer, it does
// that by itself.
func (b *Lane) Close() {
	b.mu.Lock()
	b.over = true
	b.mu.Unlock()
	b.nudge()
	for {
		b.mu.Lock()
		lost, changed := b.lost, b.changed
		b.mu.Unlock()
		if lost != nil {
			break
		}
		<-changed
	}
	b.stop()
	b.asking.Wait()
	b.link.mu.Lock()
	delete(b.link.borrowed, b.name)
	b.link.mu.Unlock()
}
