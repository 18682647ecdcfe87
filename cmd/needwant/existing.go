package main

import (
	"context"
	"fmt"
	"os"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

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
