package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/needwant/needwant/reports"
)

// compareRuns tells what changed from one run to another. The error has the
// exit code 1 if something became required, and 4 if the runs leave open whether it did.
func compareRuns(ctx context.Context, out io.Writer, format, before, after string) error {
	if format != "text" && format != "md" {
		return usage(fmt.Errorf("--format %s: a comparison is written as text or md", format))
	}
	earlier, err := load(ctx, before)
	if err != nil {
		return err
	}
	later, err := load(ctx, after)
	if err != nil {
		return err
	}
	comparison := reports.Compare(earlier.Matrix, later.Matrix)
	if len(comparison.Columns) == 0 {
		return usage(fmt.Errorf("%s and %s have no scenario in common: there is nothing to compare", before, after))
	}
	write := func() error { return comparison.Text(out, 0) }
	if format == "md" {
		write = func() error { return comparison.Markdown(out) }
	}
	if err := write(); err != nil {
		return err
	}
	if comparison.Worse() {
		return exit(codeBroken, errors.New("something became required"))
	}
	if comparison.Open() {
		return exit(codeOpen, errors.New("something may have become required: the runs do not decide it"))
	}
	return nil
}
