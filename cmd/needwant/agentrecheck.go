package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/hub"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// A result is tested again by rechecks, each in a file of its own. The known result is that of the file
// before it.

// failedPause is after how long an experiment that failed is continued, if results are tested again.
const failedPause = time.Hour

// recheckFile is the file of a recheck of the member's result, by its number from 1. [createNumbered] gives the same names.
func (m *member) recheckFile(number int) string {
	name := strings.TrimSuffix(runOf(m.spec, m.file), ".run") + "-recheck"
	if number > 1 {
		name = fmt.Sprintf("%s-%d", name, number)
	}
	return filepath.Join(m.out, name+".run")
}

// isRecheckOf reports whether the member's run could be taken for a recheck of another's.
func (m *member) isRecheckOf(other *member) bool {
	return strings.HasPrefix(m.name, other.name+"-recheck")
}

// tests reports whether results are tested again.
func (m *member) tests() bool { return m.every > 0 || m.queue }

// find finds the run files that are there.
func (m *member) find() {
	m.files = []string{filepath.Join(m.out, runOf(m.spec, m.file))}
	for m.tests() {
		next := m.recheckFile(len(m.files))
		if _, err := os.Lstat(next); err != nil {
			return
		}
		m.files = append(m.files, next)
	}
}

// runs are the member's run files.
func (m *member) runs() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.files)
}

// last is the run file that is under way or is to begin, or that ended last.
func (m *member) last() string {
	files := m.runs()
	return files[len(files)-1]
}

// send sends the run files to the hub. Earlier ones do not grow.
func (m *member) send(up *uplink) {
	for _, path := range m.runs() {
		m.sent()
		m.sent = up.send(m, path)
	}
}

// carryOut carries out the last run: a search, a recheck, or the rest of one.
func (m *member) carryOut(command *cobra.Command) error {
	flags, files := m.flags, m.runs()
	flags.out, flags.id = files[len(files)-1], m.entry.ID
	if _, err := os.Lstat(flags.out); err == nil {
		return flags.run(command, m.spec)
	}
	if len(files) > 1 {
		return (&recheckFlags{bisect: flags, known: files[len(files)-2], exact: m.entry.Exact}).run(command, m.spec)
	}
	if m.entry.Exact {
		flags.settings.Order = "exact"
	}
	return flags.run(command, m.spec)
}

// again waits until there is something to do: the next recheck, what is queued at the hub, or the rest of a run that failed. It
// reports whether there is.
func (m *member) again(ctx context.Context, up *uplink) bool {
	_, err := m.ended()
	if _, lost := errors.AsType[*hub.LostError](err); !m.tests() || lost || ctx.Err() != nil {
		return false
	}
	m.tell(ctx, up, err)
	run, err := loadRun(ctx, m.last())
	begun, first := err == nil, len(m.runs()) == 1
	if !begun && first && !m.queue {
		return false
	}
	due, what := time.Time{}, ""
	switch {
	case begun && !finished(run), !begun && !first:
		due, what = time.Now().Add(failedPause), "the run is continued"
		if m.every > 0 {
			due = time.Now().Add(min(m.every, failedPause))
		}
		if !begun {
			what = "the recheck is tried again"
		}
	case begun && m.every > 0:
		due, what = run.Started.Add(m.every), "the result is tested again"
	}
	if time.Until(due) > 0 {
		fmt.Fprintf(m.line, "%s at %s\n", what, due.Local().Format(minutes))
	}
	entry, ok := m.wait(ctx, up, run, due)
	if ok {
		m.entry = entry
		m.next(run, begun, up)
	}
	return ok
}

// watch is what notices a firmware that is newer than that of a run. The first reading is some time
// after the run began, so that a device which names another one each time is not tested all the time.
func (m *member) watch(before harness.Run) firmwareWatch {
	const leastEach = 10 * time.Second
	w := firmwareWatch{each: max(leastEach, min(m.every/24, time.Hour)), read: m.file.ReadFirmware, say: func(text string) { fmt.Fprintln(m.line, reports.Clean(text)) }}
	if before.ID != "" && finished(before) {
		w.before, w.next = before.Device.Firmware, before.Started.Add(w.each)
	}
	return w
}

// finished reports whether a run is not continued: it is over, or its time is used up.
func finished(run harness.Run) bool { return run.Over() || run.Status == harness.OverBudget }

// next makes the run that is carried out next the last one. Before is the one that is the last until then, if that has begun.
func (m *member) next(before harness.Run, begun bool, up *uplink) {
	m.line.again()
	m.mu.Lock()
	m.over, m.err = false, nil
	if !begun || !finished(before) {
		m.mu.Unlock()
		return
	}
	path := m.recheckFile(len(m.files))
	m.files = append(m.files, path)
	m.mu.Unlock()
	m.sent()
	m.sent = up.send(m, path)
}
