package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// display is how an experiment is shown: progress on stderr and the matrix on
// stdout, or all of it as events on stdout, one JSON object per line.
type display struct {
	format string
	json   bool
	quiet  bool
	pcap   string // where packets go; "" is nowhere
	short  bool   // show the sentence alone, without the matrix
	end    ending
	web    webFlags
	page   *webPage    // nil if there is none
	line   *deviceLine // of a device among several; nil if it is the only one
}

func (d *display) add(command *cobra.Command) {
	formatFlag(command, &d.format)
	command.Flags().BoolVar(&d.json, "json", false, "write events to stdout, one JSON object per line; the last one holds the report")
	command.Flags().BoolVarP(&d.quiet, "quiet", "q", false, "show no progress")
	d.web.add(command)
	command.Flags().StringVar(&d.pcap, "pcap", "", "save the device's packets in this `FILE.pcapng`, each with its trial as a comment")
}

// notify tells of each event of the run as it happens, and of what the benches do
// meanwhile.
func (d *display) notify(command *cobra.Command, run harness.Run, benches ...*harness.Bench) func(harness.Event) {
	tell, step := d.page.follow(run)
	if !d.quiet {
		follow, look := tell, step
		screen := screenOf(command.ErrOrStderr())
		progress := newProgress(screen, run)
		for _, bench := range benches {
			progress.ahead(run, bench.First)
			break
		}
		if d.line != nil {
			progress.waiting = d.line.begin()
		} else {
			progress.live(screen)
		}
		tell = func(event harness.Event) {
			progress.show(event)
			follow(event)
		}
		step = func(step harness.Step) {
			progress.step(step)
			look(step)
		}
	}
	if !d.quiet || d.page != nil {
		for _, bench := range benches {
			bench.Tell = step
		}
	}
	if !d.json {
		return tell
	}
	encoder := json.NewEncoder(command.OutOrStdout())
	return func(event harness.Event) {
		tell(event)
		_ = encoder.Encode(event) // a reader that went away does not stop the run
	}
}

// matrixEvent is the last event.
type matrixEvent struct {
	Kind   string         `json:"event"` // "matrix"
	At     time.Time      `json:"at"`
	Matrix reports.Matrix `json:"matrix"`
}

// closing shows the matrix and gives the run its exit code.
func (d *display) closing(command *cobra.Command, run harness.Run) error {
	judgement := harness.Judge(run)
	d.page.show(run, reports.Now{}, harness.ProgressOf(run), true)
	d.short = run.Settings.Short && !command.Flags().Changed("format")
	report := reports.NewReport(run, judgement)
	if err := d.show(command.OutOrStdout(), report); err != nil {
		return err
	}
	if !d.quiet {
		if !d.short {
			resultAgain(command.ErrOrStderr(), d.format, report)
		}
		d.end.write(command.ErrOrStderr(), run)
	}
	if err := verdict(run, judgement, d.end.saved, d.quiet); err != nil && codeOf(run, judgement) != codeOpen {
		return err
	}
	if again := report.Matrix.Run.Recheck; again != nil && again.Worse {
		return exit(codeBroken, errors.New("something became required"))
	}
	return verdict(run, judgement, d.end.saved, d.quiet)
}

func (d *display) show(out io.Writer, report reports.Report) error {
	if d.json {
		return json.NewEncoder(out).Encode(matrixEvent{"matrix", time.Now(), report.Matrix})
	}
	if d.short {
		_, err := fmt.Fprintln(plain{out}, report.Summary)
		return err
	}
	return render(out, d.format, report)
}

// resultAgain says a report's result once more on a terminal whose window is too low for the
// report as text, which begins with it.
func resultAgain(out io.Writer, format string, report reports.Report) {
	screen := screenOf(out)
	if !screen.live() || format != "text" {
		return
	}
	columns, rows, err := screen.size()
	var text strings.Builder
	if err != nil || (reports.Text{Width: columns}).Render(&text, report.Matrix) != nil || strings.Count(text.String(), "\n") < rows {
		return
	}
	fmt.Fprintln(out)
	laid(out, report.Summary)
}

// trials counts them in words.
func trials(n int) string {
	if n == 1 {
		return "1 trial"
	}
	return fmt.Sprintf("%d trials", n)
}

// done counts the trials of a run, and its controls, as its report does.
func done(run harness.Run) string {
	controls := 0
	for _, result := range run.Results {
		if result.Trial.Control() {
			controls++
		}
	}
	switch text := trials(len(run.Results) - controls); controls {
	case 0:
		return text
	case 1:
		return text + " and 1 control"
	default:
		return fmt.Sprintf("%s and %d controls", text, controls)
	}
}

// verdict is the error, with its exit code, that a finished run ends in, given the file
// that it is saved in, if any, and whether nothing else was said of the network.
func verdict(run harness.Run, judgement harness.Judgement, saved string, quiet bool) error {
	again := ""
	if saved != "" {
		again = "; continue with: " + resuming(run, saved)
	}
	switch code := codeOf(run, judgement); code {
	case codeDone:
		return nil
	case codeBroken:
		return exit(code, fmt.Errorf("it does not work with nothing blocked: %s", run.Why))
	case codeUnfit:
		return exit(code, errors.New(run.Why+again))
	case codeInterrupted:
		network := ""
		if quiet {
			network = "; the network is as it was"
		}
		return exit(code, fmt.Errorf("interrupted after %s%s%s", done(run), network, again))
	default:
		return &exitError{code: code}
	}
}
