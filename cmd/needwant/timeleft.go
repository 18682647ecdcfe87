package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
)

// left says how long the run has lasted, about how many trials are left, and how long
// these take.
func left(now harness.Progress) string {
	said := span.Words(now.Elapsed) + " so far"
	if more := toGo(now); more != "" {
		return said + "; " + more
	}
	return said
}

// toGo says about how many trials are left, and how long these take; "" if that is not known.
func toGo(now harness.Progress) string {
	if now.Left == 0 || now.Remaining == 0 {
		return ""
	}
	return fmt.Sprintf("%s to go, %s", trialsLeft(now), between(now.Remaining))
}

func trialsLeft(now harness.Progress) string {
	if now.Left >= harness.MostLeft {
		return "at least " + trials(now.Left)
	}
	return "about " + trials(now.Left)
}

// between is a range around an estimate. Three of four estimates are closer than that, by
// the library's worlds at half time; it narrows as less is left.
func between(d time.Duration) string {
	low, high := span.Words(roughly(d*3/4)), span.Words(roughly(d*4/3))
	number, unit, _ := strings.Cut(low, " ")
	switch {
	case low == high:
		return low
	case !strings.Contains(unit, " ") && strings.HasSuffix(high, " "+unit) && strings.Count(high, " ") == 1:
		return number + " to " + high
	}
	return low + " to " + high
}

// roughly rounds an estimate, so that it claims no more than it knows.
func roughly(d time.Duration) time.Duration {
	switch {
	case d < time.Minute:
		return d.Round(time.Second)
	case d < time.Hour:
		return d.Round(time.Minute)
	}
	return d.Round(10 * time.Minute)
}
