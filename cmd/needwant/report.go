package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/needwant/needwant/cmd/internal/geoip"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/reports"
)

func reportCommand() *cobra.Command {
	var format string
	var compare bool
	var databases []string
	command := &cobra.Command{
		Use:   "report RUN",
		Short: "Print a run's table, or compare two runs",
		Long: `Prints what a run found: the table of verdicts, and the proof of each.

With --compare it takes two run files, the earlier one first, and shows what changed, as
text or as md. The exit code is 1 if something became required: a destination, or one of
a group, without which a scenario breaks now and did not break before. It is 4 if the
runs do not decide that, for example because one of them ended early.`,
		Example: `  needwant report s50.run
  needwant report --format html s50.run > s50.html
  needwant report --compare before-update.run after-update.run`,
		Args: func(command *cobra.Command, args []string) error {
			if compare {
				return cobra.ExactArgs(2)(command, args)
			}
			if len(args) == 2 {
				return errors.New("report shows one run: add --compare to compare two")
			}
			return cobra.ExactArgs(1)(command, args)
		},
		RunE: func(command *cobra.Command, args []string) error {
			if compare {
				return compareRuns(command.Context(), command.OutOrStdout(), format, args[0], args[1])
			}
			run, err := loadRun(command.Context(), args[0])
			if err != nil {
				return err
			}
			report := reports.NewReport(run, harness.Judge(run))
			if err := locate(&report.Matrix, databases); err != nil {
				return unfit(err)
			}
			if err := render(command.OutOrStdout(), format, report); err != nil {
				return err
			}
			resultAgain(command.ErrOrStderr(), format, report)
			ending{saved: args[0], spec: specName(run), page: format == "html"}.reported(command.ErrOrStderr(), run)
			return nil
		},
	}
	formatFlag(command, &format)
	command.Flags().BoolVar(&compare, "compare", false, "show what changed from one run to another")
	geoipFlag(command, &databases)
	return command
}

func geoipFlag(command *cobra.Command, databases *[]string) {
	command.Flags().StringArrayVar(databases, "geoip", nil, "add the countries and networks of the addresses from this database, `FILE.mmdb` (MaxMind, DB-IP); may be given twice")
}

// locate adds what the user's databases say of the addresses in a matrix.
func locate(matrix *reports.Matrix, databases []string) (err error) {
	opened, err := geoip.Open(databases...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return matrix.Locate(opened.Place)
}

// load reads a run file and judges the run.
func load(ctx context.Context, path string) (reports.Report, error) {
	run, err := loadRun(ctx, path)
	if err != nil {
		return reports.Report{}, err
	}
	return reports.NewReport(run, harness.Judge(run)), nil
}

func formatFlag(command *cobra.Command, format *string) {
	command.Flags().StringVar(format, "format", "text", "the format of the report: "+strings.Join(reportFormats(), ", "))
	completeFlag(command, "format", reportFormats()...)
}

// checkFormat refuses an unknown format before anything is done for it.
func checkFormat(format string) error {
	return render(io.Discard, format, reports.Report{})
}

// textFor is how a text is written to a file: as wide as the window of a terminal, and in
// colour there.
func textFor(file *os.File) reports.Text {
	if !terminal(file) {
		return reports.Text{}
	}
	columns, _, _ := term.GetSize(int(file.Fd())) // 0 if it is not known
	return reports.Text{Width: columns, Colour: os.Getenv("NO_COLOR") == ""}
}

// render writes a report in one of the formats; as text, in colour on a terminal.
func render(out io.Writer, format string, report reports.Report) error {
	if file, ok := underlying(out); ok && format == "text" {
		return textFor(file).Render(out, report.Matrix)
	}
	err := reports.Render(out, format, report)
	var unknown reports.UnknownFormatError
	if errors.As(err, &unknown) {
		return usage(fmt.Errorf("%w%s", err, meant(string(unknown), reportFormats())))
	}
	return err
}

// loadRun reads a run file, unless the command ends before.
func loadRun(ctx context.Context, path string) (harness.Run, error) {
	run, err := runfile.Load(ctx, path)
	if ctx.Err() != nil {
		return run, exit(codeInterrupted, context.Canceled)
	}
	if err != nil {
		return run, runfileError(err)
	}
	return run, nil
}

// openRun takes up a run file, to write to it, unless the command ends before.
func openRun(ctx context.Context, path string) (*runfile.File, harness.Run, error) {
	file, run, err := runfile.Open(ctx, path)
	switch {
	case ctx.Err() != nil && err == nil:
		return nil, run, errors.Join(exit(codeInterrupted, context.Canceled), file.Close())
	case ctx.Err() != nil:
		return nil, run, exit(codeInterrupted, context.Canceled)
	case err != nil:
		return nil, run, runfileError(err)
	}
	return file, run, nil
}

// runfileError gives a failure that has to do with a run file its exit code.
func runfileError(err error) error {
	var wrong *runfile.Error
	if errors.As(err, &wrong) && wrong.Kind.Usage() {
		return usage(err)
	}
	return unfit(err)
}

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
	write := func() error { return comparison.Text(out, screenOf(out).columns()) }
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
