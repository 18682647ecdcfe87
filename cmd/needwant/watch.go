package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/reports"
)

func watchCommand() *cobra.Command {
	var flags webFlags
	command := &cobra.Command{
		Use:   "watch RUN|DIRECTORY",
		Short: "Follow a running experiment (read-only)",
		Long: `Follows the run file of an experiment that another needwant process carries out. On a
terminal it shows the table so far, with the last trials below it. Otherwise each trial
is a line. When the run ends, it shows the whole table and ends, too. Stopping it does
nothing to the experiment.

With --web a page shows the same in a browser, for example on a phone, until you press
Ctrl-C. For a directory, the page lists its runs.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			info, err := os.Stat(args[0])
			directory := err == nil && info.IsDir()
			if directory && flags.address == "" {
				return usage(fmt.Errorf("%s is a directory: add --web for a page that lists its runs, or name one of them", args[0]))
			}
			if !directory {
				if _, err := loadRun(command.Context(), args[0]); err != nil {
					return err
				}
			}
			web, err := flags.open(command.Context(), command.ErrOrStderr())
			if err != nil {
				return err
			}
			defer web.close()
			if directory {
				return watchAll(command.Context(), args[0], web)
			}
			if err := watch(command, args[0], web); err != nil || web == nil {
				return err
			}
			<-command.Context().Done() // the page stays
			return nil
		},
	}
	flags.add(command)
	return command
}

// watch shows the run until it is over, or nobody writes to it any more.
func watch(command *cobra.Command, path string, web *webPage) error {
	view := newView(command.OutOrStdout())
	view.web = web
	defer func() { view.stop() }()
	again := time.NewTicker(glance)
	defer again.Stop()
	for alone := 0; ; {
		run, err := loadRun(command.Context(), path)
		if err != nil {
			return err
		}
		view.show(run)
		written, err := runfile.Written(path)
		if err != nil {
			return runfileError(err)
		}
		alone++
		if written {
			alone = 0
		}
		if over := run.Status != harness.Running; over && !written || alone > 2 { // a writer lets go for an instant after each trial
			web.show(run, reports.Now{}, harness.ProgressOf(run), true)
			if err := view.end(run); err != nil {
				return err
			}
			watched(command.ErrOrStderr(), run, path)
			return nil
		}
		select {
		case <-command.Context().Done():
			return exit(codeInterrupted, context.Canceled)
		case <-again.C:
		}
	}
}

// view shows a run as it grows.
type view struct {
	out    io.Writer
	screen *screen // shows the run if it is live
	stop   func()
	run    atomic.Pointer[harness.Run] // as it is now
	filled struct {                    // the window that was made last
		run           *harness.Run
		columns, rows int
		lines         []string
	}
	lines *progress // of what is not live
	shown int       // trials
	web   *webPage
}

func newView(out io.Writer) *view { return &view{out: out, screen: newScreen(out), stop: func() {}} }

// show shows what is new.
func (v *view) show(run harness.Run) {
	last := v.run.Load()
	if last != nil && len(last.Results) == len(run.Results) && len(last.Orders) == len(run.Orders) && last.Status == run.Status {
		return
	}
	progress := harness.ProgressOf(run)
	v.web.show(run, present(run, progress), progress, false)
	v.run.Store(&run)
	switch {
	case v.screen.live() && last == nil:
		v.stop = v.screen.show(v.fill)
	case v.screen.live():
	case last == nil:
		v.lines = newProgress(v.out, begun(run))
		fallthrough
	default:
		v.list(run, left(progress))
	}
}

// present is what a run does now, as far as its file says.
func present(run harness.Run, progress harness.Progress) reports.Now {
	return reports.Now{Trial: harness.UnderWay(run), Held: run.Held(), Kept: len(run.Settings.Always) > 0, Tried: -1, Over: len(run.Results), Left: progress.Left}
}

// list tells of the trials that are new. Where the run is now is known for the last of them
// alone.
func (v *view) list(run harness.Run, now string) {
	for ; v.shown < len(run.Results); v.shown++ {
		where := ""
		if v.shown == len(run.Results)-1 {
			where = now
		}
		v.lines.tell(run.Results[v.shown], where)
	}
}

// fill is the run in a window: the result so far, the matrix, and the last trials. It is
// made again only if the run or the window has changed.
func (v *view) fill(columns, rows int) []string {
	run := v.run.Load()
	if v.filled.run == run && v.filled.columns == columns && v.filled.rows == rows {
		return v.filled.lines
	}
	v.filled.run, v.filled.columns, v.filled.rows = run, columns, rows
	v.filled.lines = filled(*run, columns, rows)
	return v.filled.lines
}

func filled(run harness.Run, columns, rows int) []string {
	matrix := linesOf(func(out io.Writer) {
		_ = reports.Text{Width: columns - 1, Brief: true}.Render(out, reports.NewReport(run, harness.Judge(run)).Matrix) // into memory
	})
	progress := harness.ProgressOf(run)
	trials := linesOf(func(out io.Writer) {
		p := newProgress(io.Discard, begun(run))
		for i, result := range run.Results {
			if i >= len(run.Results)-rows { // more do not fit in any case
				p.out = out
			}
			p.tell(result, "")
		}
		p.out = out
		p.say("      %s", left(progress))
		if run.Status == harness.Running {
			p.say("%s.", present(run, progress).Sentence())
		}
	})
	const blank = 1
	room := rows - 1 - blank
	trials = trials[len(trials)-min(len(trials), max(min(3, room/3), room/6, room-len(matrix))):]
	return slices.Concat(cut(matrix, room-len(trials)), []string{""}, trials)
}

// cut leaves out lines near the end of what has too many: the last explain the signs.
func cut(lines []string, most int) []string {
	most = max(3, most)
	over := len(lines) - most
	if over <= 0 {
		return lines
	}
	tail := min(3, most/3)
	return slices.Concat(lines[:most-1-tail], []string{fmt.Sprintf("… %d lines more: needwant report shows them", over+1)}, lines[len(lines)-tail:])
}

// linesOf are the lines that something writes.
func linesOf(write func(io.Writer)) []string {
	var out strings.Builder
	write(&out)
	return strings.Split(strings.Trim(out.String(), "\n"), "\n")
}

// begun is a run as it was before its first trial.
func begun(run harness.Run) harness.Run {
	run.Results = nil
	return run
}

// watched says what comes after a run that is over, or that no program carries out any more.
func watched(out io.Writer, run harness.Run, path string) {
	end := ending{saved: path, spec: specName(run)}
	resultAgain(out, "text", reports.NewReport(run, harness.Judge(run)))
	switch run.Status {
	case harness.Running, harness.Interrupted:
		laid(out, fmt.Sprintf("The run was interrupted after %s. Next: %s continues it.", done(run), resuming(run, path)))
	default:
		if next := end.next(run); next != "" {
			laid(out, "Next: "+next)
		}
	}
}

func (v *view) end(run harness.Run) error {
	v.stop()
	if !v.screen.live() {
		fmt.Fprintln(v.out)
	}
	return render(v.out, "text", reports.NewReport(run, harness.Judge(run)))
}
