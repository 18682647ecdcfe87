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

// An agent lends a device: another agent's experiment uses it as a lane. The lender alone decides
// which borrower it serves.
//
// The borrower asks each second, each time with all that it wants. The lender answers with all that it has. So no
// message has to arrive: the next one says the same. A session is named by both sides. The borrower's
// name for it differs each time, and so does the lender's ticket: what belongs to another session, or was asked
// before, changes nothing.

// ask is all that a borrower wants.
type ask struct {
	Device  string          `json:"device"`
	Session string          `json:"session"`          // as the borrower calls it
	Number  uint64          `json:"number"`           // increases with each ask of the session
	Ticket  string          `json:"ticket,omitempty"` // of the lender, as soon as it is known
	Terms   json.RawMessage `json:"terms,omitempty"`  // until the session has begun
	Task    *task           `json:"task,omitempty"`   // none before the first trial
	Over    bool            `json:"over,omitempty"`   // the session is to end
}

// task is a trial that a borrower wants.
type task struct {
	Number  uint64                                `json:"number"` // from 1
	Trial   harness.Trial                         `json:"trial"`
	Periods map[harness.Destination]time.Duration `json:"periods,omitempty"` // what the other lanes have learnt
	Abandon bool                                  `json:"abandon,omitempty"`
	Lift    bool                                  `json:"lift,omitempty"`
	Have    bool                                  `json:"have,omitempty"` // the borrower has the result
}

// answer is all that a lender has.
type answer struct {
	Session string          `json:"session"` // of the ask
	Number  uint64          `json:"number"`
	Ticket  string          `json:"ticket,omitempty"`
	State   string          `json:"state"` // one of the following
	Why     string          `json:"why,omitempty"`
	Offer   json.RawMessage `json:"offer,omitempty"` // with free
	Done    *done           `json:"done,omitempty"`
}

// The states of a device that is lent.
const (
	free    = "free"    // it may be had for the ticket of the answer
	busy    = "busy"    // another borrower has it
	opening = "opening" // it is put behind its gateway
	open    = "open"    // it carries out trials
	ending  = "ending"  // its network is being restored
	over    = "over"    // the session has ended, and the network is restored
)

// done is a trial that was carried out.
type done struct {
	Number uint64         `json:"number"` // of the task
	Result harness.Result `json:"result"`
}

// The time limits of both sides. The lender's is the shorter one: when a borrower has lost a device, the
// lender has given up its trial.
const (
	askEach     = time.Second
	longestMute = 10 * time.Second // a lender that was not asked for so long ends the session
	lostAfter   = 15 * time.Second // a borrower that got no answer for so long has lost the device
)

// Loan is what an agent lends.
type Loan struct {
	Offer json.RawMessage // what a borrower is told before it decides
	// Open puts the device behind its gateway, on a borrower's terms. ctx ends with the session.
	Open func(ctx context.Context, borrower string, terms json.RawMessage) (LentLane, error)
	// Tell is told what happens, in a sentence.
	Tell func(text string)
}

// LentLane is a lane that an agent lends. Close restores the network.
type LentLane interface {
	harness.Lane
	Close() error
}

// loan is a device that is lent, or waits for a borrower.
type loan struct {
	Loan
	link   *Link
	device string

	mu      sync.Mutex
	ticket  string
	session *session // nil if the device is free
	stopped bool     // it is not lent any more
	last    answer   // of the session before
}

// session is what one borrower does with a device. Its fields are guarded by the loan's mutex.
type session struct {
	borrower string
	name     string // as the borrower calls it
	number   uint64 // of the newest ask
	asked    time.Time
	end      context.CancelFunc
	why      string             // it ends; "" if it does not
	lane     LentLane           // nil until the device is open
	trials   chan harness.Trial // has room for one
	task     task               // the newest; its number is 0 before the first
	done     *done              // what came of it; nil if it is under way
	have     bool               // the borrower has that
	gone     chan struct{}
}

// Lend lends a device until ctx ends. When it returns, the network is as it was.
func (l *Link) Lend(ctx context.Context, device string, lent Loan) {
	o := &loan{Loan: lent, link: l, device: device, ticket: rand.Text()}
	l.mu.Lock()
	l.lent[device] = o
	l.mu.Unlock()
	<-ctx.Done()
	o.mu.Lock()
	o.stopped = true
	s := o.session
	if s != nil {
		s.stop("the agent that lent it was stopped")
	}
	o.mu.Unlock()
	if s != nil {
		<-s.gone
	}
	l.mu.Lock()
	delete(l.lent, device)
	l.mu.Unlock()
}

// take takes in an ask, and answers it.
func (o *loan) take(from string, a ask) {
	if len(a.Session) > mostText || a.Session == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.session
	switch {
	case s != nil && s.borrower == from && s.name == a.Session:
		if a.Number <= s.number {
			return // it came twice, or too late
		}
		s.number, s.asked = a.Number, time.Now()
		s.obey(a)
		o.answer()
	case s == nil && a.Session == o.last.Session:
		o.last.Number = a.Number
		o.reply(from, o.last)
	case s != nil:
		o.reply(from, answer{Session: a.Session, Number: a.Number, State: busy, Why: "agent " + s.borrower + " has borrowed it"})
	case o.stopped:
		o.reply(from, answer{Session: a.Session, Number: a.Number, State: over, Why: "its agent was stopped"})
	case a.Over:
		o.ticket = rand.Text() // an earlier ask that is late does not begin the session
		o.reply(from, answer{Session: a.Session, Number: a.Number, State: over})
	case a.Ticket == o.ticket && a.Terms != nil:
		o.begin(from, a)
		o.answer()
	default:
		o.reply(from, answer{Session: a.Session, Number: a.Number, Ticket: o.ticket, State: free, Offer: o.Offer})
	}
}

// begin begins a session.
func (o *loan) begin(borrower string, a ask) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &session{borrower: borrower, name: a.Session, number: a.Number, asked: time.Now(), end: cancel, trials: make(chan harness.Trial, 1), gone: make(chan struct{})}
	o.session = s
	go o.watch(ctx, s)
	go o.serve(ctx, s, a.Terms)
}

// watch ends a session whose borrower does not ask any more.
func (o *loan) watch(ctx context.Context, s *session) {
	again := time.NewTicker(askEach / 4)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
		o.mu.Lock()
		if time.Since(s.asked) > longestMute {
			s.stop(fmt.Sprintf("agent %s did not ask for it for %s", s.borrower, span.Words(longestMute)))
		}
		o.mu.Unlock()
	}
}

// serve opens the device, carries out trials, and restores its network when the session ends.
func (o *loan) serve(ctx context.Context, s *session, terms json.RawMessage) {
	defer close(s.gone)
	o.Tell("lent to agent " + s.borrower)
	lane, err := o.Open(ctx, s.borrower, terms)
	o.mu.Lock()
	if err != nil {
		s.stop(err.Error())
	} else if ctx.Err() == nil {
		s.lane = lane
		o.answer()
	}
	o.mu.Unlock()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case trial := <-s.trials:
			result, err := lane.Run(ctx, trial)
			o.mu.Lock()
			if s.done = (&done{s.task.Number, result}); err != nil {
				s.done = nil
				s.stop(err.Error())
			}
			o.answer()
			o.mu.Unlock()
		}
	}
	var unrestored error
	if err == nil {
		unrestored = lane.Close()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if unrestored != nil {
		s.why += ": " + unrestored.Error()
	}
	o.Tell("free again: " + s.why)
	o.ticket, o.session = rand.Text(), nil
	o.last = answer{Session: s.name, Number: s.number, State: over, Why: s.why}
	o.reply(s.borrower, o.last)
}

// answer answers the borrower. The loan's mutex is held.
func (o *loan) answer() {
	s := o.session
	a := answer{Session: s.name, Number: s.number, Ticket: o.ticket, State: opening, Why: s.why}
	switch {
	case s.why != "":
		a.State = ending
	case s.lane != nil:
		a.State = open
	}
	if !s.have {
		a.Done = s.done
	}
	if !o.reply(s.borrower, a) {
		s.stop("the result of a trial is too long to be sent")
	}
}

func (o *loan) reply(to string, a answer) bool { return o.link.write(to, nil, &a) }

// stop ends the session. The loan's mutex is held.
func (s *session) stop(why string) {
	if s.why == "" {
		s.why = why
	}
	s.end()
}

// obey does what a borrower wants. The loan's mutex is held.
func (s *session) obey(a ask) {
	if a.Over {
		s.stop("agent " + s.borrower + " has returned it")
	}
	if a.Task == nil || s.lane == nil || s.why != "" {
		return
	}
	switch a.Task.Number {
	case s.task.Number:
		if s.have = a.Task.Have; s.done == nil {
			s.giveUp(*a.Task)
		}
	case s.task.Number + 1:
		if s.task.Number > 0 && s.done == nil {
			return // one after another
		}
		s.task, s.done, s.have = *a.Task, nil, false
		if learner, can := s.lane.(harness.Learner); can {
			learner.Learn(s.task.Periods)
		}
		s.trials <- s.task.Trial
	}
}

// giveUp has the lane give up the trial under way, if the borrower wants that. It says so each time, since
// the trial may not have begun before.
func (s *session) giveUp(wanted task) {
	if lane, can := s.lane.(harness.Abandoner); can && wanted.Abandon {
		lane.Abandon()
	}
	if lane, can := s.lane.(harness.Lifter); can && wanted.Lift {
		lane.Lift(wanted.Trial.Number)
	}
}
