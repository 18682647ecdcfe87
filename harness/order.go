package harness

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Do is what a person wants of a run under way.
type Do string

// What an order does. Except for Stop, it takes effect at once: the trial that it
// concerns is given up, and everything is reachable again. Keep concerns the trials that
// block its destination.
const (
	Pause  Do = "pause"  // everything is reachable until the run is resumed
	Allow  Do = "allow"  // everything is reachable until a time
	Resume Do = "resume" // go on with the trials
	Skip   Do = "skip"   // give up the trial, and ask something else next, if there is anything
	Stop   Do = "stop"   // end the run after the trials that are under way
	Keep   Do = "keep"   // block a destination in no trial from now on
)

// Dos lists what there is.
func Dos() []Do { return []Do{Pause, Allow, Resume, Skip, Stop, Keep} }

// Order is what a person wants of a run under way. It is recorded before it is obeyed.
type Order struct {
	At    time.Time `json:"at"`
	Do    Do        `json:"do"`
	Until time.Time `json:"until,omitzero"` // of Allow

	Destination Destination `json:"destination,omitzero"` // of Keep
}

// OrderJournal is a [Journal] that keeps orders, too. An order is safe on disk when
// Order returns.
type OrderJournal interface {
	Order(order Order) error
}

// Lifter is a lane that can give up a trial at once, so that everything is reachable. Run
// soon returns a result that is marked as abandoned.
type Lifter interface {
	Lift(trial int)
}

// stopped is why a run ended that a person stopped.
const stopped = "stopped by a person"

// orders is how far an experiment has obeyed its orders.
type orders struct {
	held    bool             // no trial begins
	stopped bool             // nor will one
	until   <-chan time.Time // resumes the run; nil if nothing does
	skipped map[int]bool     // trials, by number
}

// obey records an order, and carries it out.
func (e *Experiment) obey(order Order) error {
	if journal, keeps := e.Journal.(OrderJournal); keeps {
		if err := journal.Order(order); err != nil {
			return fmt.Errorf("recording the order to %s: %w", order.Do, err)
		}
	}
	e.Run.Orders = append(e.Run.Orders, order)
	switch order.Do {
	case Pause:
		e.hold(nil)
	case Allow:
		e.hold(time.After(time.Until(order.Until)))
	case Resume:
		e.orders.held, e.orders.until = false, nil
	case Skip:
		for _, trial := range e.inflight {
			e.orders.skipped[trial.Number] = true
		}
		e.lift(func(Trial) bool { return true })
	case Stop:
		e.orders.stopped = true
	case Keep:
		e.known = history{} // what may be asked is different now
		h := e.history()
		e.lift(func(trial Trial) bool { return h.set(trial.Block).Intersects(h.kept) })
	}
	e.notify(Event{Kind: Ordered, Order: &order})
	return nil
}

// hold lets no trial begin, and gives up those under way.
func (e *Experiment) hold(until <-chan time.Time) {
	e.orders.held, e.orders.until = true, until
	e.lift(func(Trial) bool { return true })
}

// lift gives up some of the trials that are under way.
func (e *Experiment) lift(which func(Trial) bool) {
	for lane, trial := range e.inflight {
		if lane, can := e.Lanes[lane-1].(Lifter); can && which(trial) {
			lane.Lift(trial.Number)
		}
	}
}

// waits reports whether the run waits for a person, with nothing under way.
func (e *Experiment) waits(ctx context.Context) bool {
	return e.orders.held && !e.orders.stopped && ctx.Err() == nil
}

// Held returns the order by which no trial of a run under way begins, by its results and
// orders; nil if there is none.
func (r Run) Held() *Order {
	var held *Order
	for _, order := range r.Orders {
		switch order.Do {
		case Pause, Allow:
			held = &order
		case Resume:
			held = nil
		case Skip, Stop, Keep:
		}
	}
	if n := len(r.Results); held != nil && n > 0 && r.Results[n-1].Started.After(held.At) { // it was resumed as a file
		return nil
	}
	return held
}

// Reachable lists the destinations that a person ordered to keep reachable, in the order of
// the orders.
func (r Run) Reachable() (all []Destination) {
	for _, order := range r.Orders {
		if order.Do == Keep && !slices.Contains(all, order.Destination) {
			all = append(all, order.Destination)
		}
	}
	return all
}

// keep takes what a person ordered to keep reachable out of what is asked.
func (h *history) keep() {
	for _, d := range h.run.Reachable() {
		for i, row := range h.universe {
			if row == h.row(d) || row.Covers(d) || d.Covers(row) {
				h.kept = h.kept.With(i)
			}
		}
	}
	h.asked = slices.DeleteFunc(slices.Clone(h.order), h.kept.Has)
}

// recentlySkipped is for how many results a trial that a person skipped is not asked
// again, unless nothing else is left to ask.
const recentlySkipped = 4

// skipped are the trials that a person skipped a short time ago.
func (r Run) skipped() (trials []Trial) {
	for _, result := range r.Results[max(0, len(r.Results)-recentlySkipped):] {
		if result.Skipped {
			trials = append(trials, result.Trial)
		}
	}
	return trials
}
