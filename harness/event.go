package harness

import (
	"iter"
	"maps"
	"slices"
	"time"
)

// EventKind tells what happened.
type EventKind string

const (
	Began    EventKind = "began"    // a trial
	Ended    EventKind = "ended"    // a trial
	Finished EventKind = "finished" // the run
	Ordered  EventKind = "ordered"  // by a person
	Left     EventKind = "left"     // a lane of several replicas, which is asked nothing more
)

// Event is one step of a run's progress.
type Event struct {
	Kind     EventKind `json:"event"`
	At       time.Time `json:"at"`
	Lane     int       `json:"lane,omitempty"`
	Trial    *Trial    `json:"trial,omitempty"`
	Result   *Result   `json:"result,omitempty"` // of a trial that ended
	Order    *Order    `json:"order,omitempty"`  // that a person gave
	Why      string    `json:"why,omitempty"`    // a lane left
	Progress Progress  `json:"progress"`
}

// Progress tells where a run is.
type Progress struct {
	Trials   int           `json:"trials"`   // that blocked something
	Controls int           `json:"controls"` // that blocked nothing
	Open     int           `json:"open"`     // cells without a verdict
	Cells    int           `json:"cells"`    // all of them, by the destinations known so far
	Left     int           `json:"left"`     // trials still to come, roughly; [MostLeft] stands for that or more
	Elapsed  time.Duration `json:"elapsed"`

	// Remaining is how long these trials take, roughly, with what they wait for and are held to.
	Remaining time.Duration `json:"remaining"`
}

// sorted walks a map in the order of its keys.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}

// ProgressOf tells where a run is by its results. A run that is not over has no
// duration yet: then it is what the trials of its busiest lane took.
func ProgressOf(run Run) Progress {
	now := progressOf(newHistory(run))
	now.Elapsed = run.Duration
	lanes := map[int]time.Duration{}
	for _, result := range run.Results {
		lanes[result.Lane] += result.Duration
		now.Elapsed = max(now.Elapsed, lanes[result.Lane])
	}
	return now
}

func progressOf(h history) Progress {
	now := Progress{Controls: h.run.controls()}
	now.Trials = len(h.run.Results) - now.Controls
	left := h.left()
	now.Left, now.Remaining = left.trials, h.remaining(left)
	for _, column := range judged(h).Columns {
		now.Cells += len(column.Cells)
		for _, cell := range column.Cells {
			if cell.Verdict == Undecided {
				now.Open++
			}
		}
	}
	return now
}

// UnderWay derives from a run's results which trial is being carried out, since the same
// results always lead to the same trial. It returns nil if the run is over, or has
// several lanes, whose trials depend on when each of them was free.
func UnderWay(run Run) *Trial {
	if run.Status != Running || run.Settings.Lanes > 1 || run.Held() != nil {
		return nil
	}
	last := run.sittings()
	earlier := slices.IndexFunc(run.Results, func(r Result) bool { return r.Sitting == last })
	plan := plan{history: newHistory(run), sitting: max(0, earlier)}
	if status, _ := plan.hopeless(); status != Running {
		return nil
	}
	trial, asks := plan.next(1)
	if !asks {
		return nil
	}
	return &trial
}
