package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

// journal is where a run is saved.
type journal interface {
	harness.Journal
	Finish(status harness.Status, why string, duration time.Duration) error
	Close() error
}

// nowhere is the journal of a run that is not saved: why is "" if nobody wants to keep it.
type nowhere struct{ why string }

func (nowhere) Append(harness.Result) error                        { return nil }
func (nowhere) Finish(harness.Status, string, time.Duration) error { return nil }
func (nowhere) Close() error                                       { return nil }

// whyUnsaved is why a run is not saved that somebody would want to keep; "" if it is.
func whyUnsaved(kept journal) string {
	lost, _ := kept.(nowhere)
	return lost.why
}

// keep creates the run file that the user named, or else one called name (see
// createNumbered). If the user named none, and none can be created in this folder, the
// run is not saved: path is "", and out says so.
func keep(out io.Writer, named, name string, run harness.Run) (path string, file journal, err error) {
	if named != "" {
		file, err = runfile.Create(named, run)
		return named, file, err
	}
	path, file, err = createNumbered(name, run)
	if kind, ok := errors.AsType[runfile.Kind](err); ok && !kind.Usage() {
		lost := nowhere{"This run is not saved: " + err.Error()}
		laid(out, lost.why)
		return "", lost, nil
	}
	return path, file, err
}

// mostRuns is how many runs of one name a folder can hold.
const mostRuns = 10_000

// createNumbered creates NAME.run, or the first of NAME-2.run, NAME-3.run and so on that
// does not exist yet.
func createNumbered(name string, run harness.Run) (path string, file *runfile.File, err error) {
	for number := 1; number <= mostRuns; number++ {
		path = name + ".run"
		if number > 1 {
			path = fmt.Sprintf("%s-%d.run", name, number)
		}
		if file, err = runfile.Create(path, run); !errors.Is(err, runfile.Exists) {
			break
		}
	}
	return path, file, err
}

// unused returns an error, with exit code 2, if there is a file already where a run is to be
// saved. It says what the file holds, and names the command for that. An empty path is unused.
func unused(ctx context.Context, path string) error {
	if _, err := os.Stat(path); path == "" || err != nil {
		return nil // if the folder is the problem, creating the file says so
	}
	holds := ""
	if run, err := loadRun(ctx, path); err == nil {
		holds = ", and holds " + held(run, path)
	}
	return usage(fmt.Errorf("%s exists already%s.\n  To save this run elsewhere, add --out FILE.run", path, holds))
}

// held says what a run file holds, and what to do with it.
func held(run harness.Run, path string) string {
	if written, err := runfile.Written(path); err == nil && written {
		return "a run that is under way: " + typed("needwant watch %s", quoted(path)) + " follows it"
	}
	switch over := run.Over(); {
	case over && run.Status == harness.Complete:
		return "a complete run: " + typed("needwant report %s", quoted(path)) + " shows it"
	case over:
		return "a run whose budget is used up: " + moreBudget(run, path) + " continues it"
	}
	return "a run that is not complete: " + resuming(run, path) + " continues it"
}
