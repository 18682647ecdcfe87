package main

import (
	"time"

	"github.com/needwant/needwant/harness"
)

// journal is where a run is kept.
type journal interface {
	harness.Journal
	Finish(status harness.Status, why string, duration time.Duration) error
	Close() error
}

// nowhere is the journal of a run that nobody wants to keep.
type nowhere struct{}

func (nowhere) Append(harness.Result) error                        { return nil }
func (nowhere) Finish(harness.Status, string, time.Duration) error { return nil }
func (nowhere) Close() error                                       { return nil }
