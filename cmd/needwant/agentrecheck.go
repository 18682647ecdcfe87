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

// find finds the run files that are there.
func (m *member) find() {
	m.files = []string{filepath.Join(m.out, runOf(m.spec, m.file))}
	for m.every > 0 {
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
	flags.out = files[len(files)-1]
	_, err := os.Lstat(flags.out)
	if len(files) == 1 || err == nil {
		return flags.run(command, m.spec)
	}
	return (&recheckFlags{bisect: flags, known: files[len(files)-2]}).run(command, m.spec)
}

// again waits until there is something to do: the next recheck, or the rest of a run that failed. It reports whether there is.
func (m *member) again(ctx context.Context, up *uplink) bool {
	_, err := m.ended()
	if _, lost := errors.AsType[*hub.LostError](err); m.every == 0 || lost || ctx.Err() != nil {
		return false
	}
	run, err := loadRun(ctx, m.last())
	if err != nil { // it has not begun
		return false
	}
	due, what := run.Started.Add(m.every), "the result is tested again"
	if !finished(run) {
		due, what = time.Now().Add(min(m.every, failedPause)), "the run is continued"
	}
	if wait := time.Until(due); wait > 0 {
		fmt.Fprintf(m.line, "%s at %s\n", what, due.Local().Format("2006-01-02 15:04"))
		if !m.watch(run).wait(ctx, due) {
			return false
		}
	}
	m.next(run, up)
	return true
}

// watch is what notices a firmware that is newer than that of a run. The first reading is some time
// after the run began, so that a device which names another one each time is not tested all the time.
func (m *member) watch(before harness.Run) firmwareWatch {
	const leastEach = 10 * time.Second
	w := firmwareWatch{each: max(leastEach, min(m.every/24, time.Hour)), read: m.file.ReadFirmware, say: func(text string) { fmt.Fprintln(m.line, reports.Clean(text)) }}
	if finished(before) {
		w.before, w.next = before.Device.Firmware, before.Started.Add(w.each)
	}
	return w
}

// finished reports whether a run is not continued: it is over, or its time is used up.
func finished(run harness.Run) bool { return run.Over() || run.Status == harness.OverBudget }

// next makes the run that is carried out next the last one.
func (m *member) next(before harness.Run, up *uplink) {
	m.line.again()
	m.mu.Lock()
	m.over, m.err = false, nil
	if !finished(before) {
		m.mu.Unlock()
		return
	}
	path := m.recheckFile(len(m.files))
	m.files = append(m.files, path)
	m.mu.Unlock()
	m.sent()
	m.sent = up.send(m, path)
}
