package main

import (
	"context"
	"errors"
	"strconv"

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

// exitStatus says in the man page what the exit codes mean.
func exitStatus() []manEntry {
	return []manEntry{
		{strconv.Itoa(codeDone), "Every cell is decided."},
		{strconv.Itoa(codeBroken), "A scenario fails with nothing blocked; or, of recheck and report --compare, something became required."},
		{strconv.Itoa(codeUsage), "The command line or a file is wrong: the message says where, and what to write."},
		{strconv.Itoa(codeUnfit), "This machine cannot carry it out: the message says what is wrong, and the remedy."},
		{strconv.Itoa(codeOpen), "It is over, and cells are undecided or not exercised."},
		{strconv.Itoa(codeInterrupted), "It was interrupted, after the network was put back."},
	}
}

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

// exit gives an error, if any, its exit code.
func exit(code int, err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code, err}
}

// conclude returns the exit code of a command and what is left to say, given the
// error that it returned and the exit in it.
//
// Whether the command was interrupted is decided by its own context. The kind of
// an error does not show it, since any part of a command may have a time limit of
// its own. A network that could not be put back matters more than an interruption.
func conclude(ctx context.Context, err error, exit *exitError) (code int, text string) {
	left, isLeft := errors.AsType[*placement.LeftError](err)
	cut := errors.Is(err, context.Canceled)
	switch {
	case ctx.Err() == nil, exit.code != codeUnfit && !cut:
		return exit.code, words(err, exit)
	case isLeft:
		return codeUnfit, "interrupted: " + left.Error()
	case cut:
		return codeInterrupted, "interrupted"
	}
	return codeInterrupted, "interrupted: " + words(err, exit)
}

// codeAndText returns the exit code that an error of an experiment stands for, and what is
// to be said of it.
func codeAndText(ctx context.Context, err error) (code int, text string) {
	if err == nil {
		return codeDone, ""
	}
	exit, ok := errors.AsType[*exitError](err)
	if !ok {
		exit = &exitError{codeUnfit, err}
		err = exit
	}
	return conclude(ctx, err, exit)
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
	if run.Settings.First && len(judgement.Allow) > 0 {
		return codeDone
	}
	if nothing := len(judgement.Rows) == 0; nothing && run.Status != harness.Complete || run.Settings.Only != nil && len(judgement.Allow) == 0 {
		return codeOpen
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
