package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
)

// schedule is the time of day in which a run may block anything. It may go over midnight.
// The zero schedule is all day.
type schedule struct {
	text        string        // as it was given
	from, until time.Duration // since midnight
}

// allDay is the schedule that ends another.
const allDay = "always"

// scheduleOf is the one that a run was made with.
func scheduleOf(settings harness.Settings) (s schedule, err error) {
	if settings.Schedule == "" {
		return s, nil
	}
	if err := s.Set(settings.Schedule); err != nil {
		return s, fmt.Errorf("the schedule %q: %w", settings.Schedule, err)
	}
	if night := s.length(); night > 0 && settings.Horizon > night {
		return s, fmt.Errorf("--horizon %s is longer than the %s of --schedule %s: no block could be held for so long", span.Typed(settings.Horizon), span.Words(night), s.text)
	}
	return s, nil
}

// bound are settings with holds that come to an end within the schedule.
func (s *schedule) bound(settings harness.Settings) harness.Settings {
	if night := s.length(); night > 0 {
		settings.Longest, settings.For = min(settings.Longest, night/2), min(settings.For, night/2)
	}
	return settings
}

// String and the two others make it a flag: "01:00-06:00".
func (s *schedule) String() string { return s.text }

func (s *schedule) Type() string { return "HH:MM-HH:MM" }

func (s *schedule) Set(text string) error {
	if text == allDay {
		*s = schedule{text: text}
		return nil
	}
	from, until, ok := strings.Cut(text, "-")
	begin, err := time.Parse("15:04", from)
	end, err2 := time.Parse("15:04", until)
	if !ok || err != nil || err2 != nil || begin.Equal(end) {
		return fmt.Errorf("it takes two different times of day, for example 01:00-06:00, or %s", allDay)
	}
	*s = schedule{text, sinceMidnight(begin), sinceMidnight(end)}
	return nil
}

// scheduleFlag adds --schedule.
func scheduleFlag(command *cobra.Command, s *schedule) {
	command.Flags().Var(s, "schedule", "block only between these times of day, e.g. 01:00-06:00; for a run that is resumed, always means without a schedule")
}

func sinceMidnight(at time.Time) time.Duration {
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
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

// length is for how long it is open on a day without a change of the clocks; 0 if it is all day.
func (s *schedule) length() time.Duration {
	return (s.until - s.from + 24*time.Hour) % (24 * time.Hour)
}

// orders hands on what a person orders, and makes everything reachable outside of the
// schedule: from the first moment on, and whenever it closes. They end with ctx.
func (s *schedule) orders(ctx context.Context, person <-chan harness.Order) <-chan harness.Order {
	if s.length() == 0 {
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
