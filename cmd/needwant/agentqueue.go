package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/needwant/needwant/cmd/internal/hub"
	"github.com/needwant/needwant/harness"
)

// The run that carries out an entry of the hub's queue has the entry's id. What became of an entry is in the run files,
// also after a kill: an entry is over once its run is, and is given to the device again until then.

// minutes is how a time is written that a person waits for.
const minutes = "2006-01-02 15:04"

// tell tells the hub what went wrong in the last experiment, if that was one of the queue. Failure is the error in which it ended.
// A recheck that could not begin is not the last run any more.
func (m *member) tell(ctx context.Context, up *uplink, failure error) {
	if m.entry.ID == "" || failure == nil {
		return
	}
	run, err := loadRun(ctx, m.last())
	if err == nil && finished(run) {
		return
	}
	_, text := codeAndText(ctx, failure)
	up.link.Report(m.device(), m.entry.ID, err != nil, text)
	if err == nil {
		return // it is continued
	}
	m.entry = hub.Entry{}
	if _, err := os.Lstat(m.last()); err == nil {
		return // it is damaged
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.files) > 1 {
		m.files = m.files[:len(m.files)-1]
	}
}

// wait waits until a time that is not zero, until the device has another firmware than in a run, or until there is an
// entry of the hub's queue to carry out. It reports whether ctx lets the caller continue.
func (m *member) wait(ctx context.Context, up *uplink, run harness.Run, due time.Time) (entry hub.Entry, ok bool) {
	free := run.ID == "" || finished(run)
	if !m.queue || !free {
		return m.entry, m.watch(run).wait(ctx, due)
	}
	if due.IsZero() {
		entry, err := m.take(ctx, up)
		return entry, err == nil
	}
	waiting, taken := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		if next, err := m.take(waiting, up); err == nil {
			entry = next
			taken()
		}
	}()
	m.watch(run).wait(waiting, due)
	taken()
	<-over
	return entry, ctx.Err() == nil
}

// take waits for an entry that no run has carried out. The error is that of ctx, or [hub.ErrRejected].
func (m *member) take(ctx context.Context, up *uplink) (hub.Entry, error) {
	fmt.Fprintln(m.line, "waits for the queue of the hub")
	for {
		entry, err := up.link.Take(ctx, m.device())
		if err != nil || !m.carriedOut(ctx, entry) {
			return entry, err
		}
		up.link.Report(m.device(), entry.ID, true, "")
	}
}

// carriedOut reports whether one of the member's runs carried out an entry.
func (m *member) carriedOut(ctx context.Context, entry hub.Entry) bool {
	for _, path := range m.runs() {
		if run, err := loadRun(ctx, path); err == nil && run.ID == entry.ID {
			return true
		}
	}
	return false
}
