package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
)

// schedule is the time of day in which a run may block anything. It may go over midnight.
// The zero schedule is all day.
type schedule struct{ from, until time.Duration } // since midnight

// String and the two others make it a flag: "01:00-06:00".
func (s *schedule) String() string {
	if *s == (schedule{}) {
		return ""
	}
	return clockOf(s.from) + "-" + clockOf(s.until)
}

func (s *schedule) Type() string { return "HH:MM-HH:MM" }

func (s *schedule) Set(text string) error {
	from, until, ok := strings.Cut(text, "-")
	begin, err := time.Parse("15:04", from)
	end, err2 := time.Parse("15:04", until)
	if !ok || err != nil || err2 != nil || begin.Equal(end) {
		return fmt.Errorf("it takes two different times of day, for example 01:00-06:00")
	}
	s.from, s.until = sinceMidnight(begin), sinceMidnight(end)
	return nil
}

func sinceMidnight(at time.Time) time.Duration {
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
}

func clockOf(since time.Duration) string {
	minutes := int(since.Minutes())
	return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60)
}

// next is the next time after another at which the clock of the house shows that time of day.
func next(after time.Time, since time.Duration) time.Time {
	at := time.Date(after.Year(), after.Month(), after.Day(), 0, int(since/time.Minute), 0, 0, after.Location())
	if !at.After(after) {
		at = time.Date(after.Year(), after.Month(), after.Day()+1, 0, int(since/time.Minute), 0, 0, after.Location())
	}
	return at
}

// open reports whether the time is one in which anything may be blocked.
func (s *schedule) open(at time.Time) bool { return next(at, s.until).Before(next(at, s.from)) }

// length is for how long it is open on a day without a change of the clocks.
func (s *schedule) length() time.Duration {
	return (s.until - s.from + 24*time.Hour) % (24 * time.Hour)
}

// orders hands on what a person orders, and makes everything reachable outside of the
// schedule: from the first moment on, and whenever it closes. They end with ctx.
func (s *schedule) orders(ctx context.Context, person <-chan harness.Order) <-chan harness.Order {
	if *s == (schedule{}) {
		return person
	}
	orders := make(chan harness.Order)
	go func() {
		closing := time.Time{} // when everything is to be reachable: at once if it is closed now
		if now := time.Now(); s.open(now) {
			closing = next(now, s.until)
		}
		for {
			timer := time.NewTimer(time.Until(closing))
			var order harness.Order
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case order = <-person:
			case <-timer.C:
				now := time.Now()
				order = harness.Order{At: now, Do: harness.Allow, Until: next(now, s.from)}
				closing = next(order.Until, s.until)
			}
			timer.Stop()
			select {
			case orders <- order:
			case <-ctx.Done():
				return
			}
		}
	}()
	return orders
}
