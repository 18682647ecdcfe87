package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/placement"
)

// The exit codes, which scripts rely on.
const (
	codeDone        = 0   // every cell is decided
	codeBroken      = 1   // a scenario fails with nothing blocked
	codeUsage       = 2   // wrong usage or an invalid file
	codeUnfit       = 3   // the environment is unfit
	codeOpen        = 4   // finished, with cells undecided or not exercised
	codeInterrupted = 130 // interrupted, after the network was put back
)

// exitError ends the program with a code. err may be nil when all is said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error { return exit(codeUsage, err) }
func unfit(err error) error { return exit(codeUnfit, err) }

// exit gives an error, if any, its exit code. Of what came with an interruption
// only that matters that the network could not be put back.
func exit(code int, err error) error {
	if err == nil {
		return nil
	}
	if left := (*placement.LeftError)(nil); errors.Is(err, context.Canceled) && errors.As(err, &left) {
		return &exitError{codeUnfit, fmt.Errorf("interrupted: %w", left)}
	}
	if errors.Is(err, context.Canceled) {
		return &exitError{codeInterrupted, errors.New("interrupted")}
	}
	return &exitError{code, err}
}

// codeOf is the exit code that a finished run deserves.
func codeOf(run harness.Run, judgement harness.Judgement) int {
	switch run.Status {
	case harness.Complete, harness.OverBudget, harness.Running:
	case harness.Failed:
		return codeBroken
	case harness.Interrupted:
		if run.Why != "" {
			return codeUnfit
		}
		return codeInterrupted
	}
	for _, column := range judgement.Columns {
		for _, cell := range column.Cells {
			if cell.Verdict == harness.Undecided || cell.Verdict == harness.NotExercised {
				return codeOpen
			}
		}
	}
	return codeDone
}
