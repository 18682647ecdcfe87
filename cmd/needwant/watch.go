package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/reports"
)

func watchCommand() *cobra.Command {
	var flags webFlags
	command := &cobra.Command{
		Use:   "watch RUN",
		Short: "Follow a running experiment (read-only)",
		Long: `Follows the run file of an experiment that another needwant carries out: on a
terminal the matrix as far as it is known, with the last trials below it, else one
line a trial. It ends with the run, and shows the matrix then. Stopping it does
nothing to the experiment.

With --web a page shows the same in a browser, for example on a phone, until you
stop it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if _, err := loadRun(command.Context(), args[0]); err != nil {
				return err
			}
			web, err := flags.open(command.Context(), command.ErrOrStderr())
			if err != nil {
				return err
			}
			defer web.close()
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
	again := time.NewTicker(glance)
	defer again.Stop()
	for alone := 0; ; {
		run, err := loadRun(command.Context(), path)
		if err != nil {
			return err
		}
		if err := view.show(run); err != nil {
			return err
		}
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
			return view.end(run, path)
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
	out   io.Writer
	live  bool // on a terminal, of which it takes all
	lines *progress
	shown int // trials
	web   *webPage
}

func newView(out io.Writer) *view {
	file, isFile := out.(*os.File)
	return &view{out: out, live: isFile && terminal(file)}
}

// recent is how many trials are listed below the matrix.
const recent = 8

// show shows what is new.
func (v *view) show(run harness.Run) error {
	first := v.lines == nil
	if !first && len(run.Results) == v.shown {
		return nil
	}
	progress := harness.ProgressOf(run)
	now := reports.Now{Trial: harness.UnderWay(run), Tried: -1, Over: len(run.Results), Left: progress.Left}
	v.web.show(run, now, progress, false)
	if v.live {
		return v.redraw(run, now, left(progress))
	}
	if first {
		v.lines = newProgress(v.out, begun(run))
	}
	v.list(run, v.shown, left(progress))
	return nil
}

// redraw takes the whole terminal.
func (v *view) redraw(run harness.Run, now reports.Now, where string) error {
	fmt.Fprint(v.out, "\x1b[H\x1b[2J\x1b[3J") // to the upper left, and clear
	if err := render(v.out, "text", reports.NewReport(run, harness.Judge(run))); err != nil {
		return err
	}
	fmt.Fprintln(v.out)
	v.lines = newProgress(io.Discard, begun(run))
	for _, result := range run.Results {
		v.lines.remember(result)
	}
	v.lines.out = v.out
	v.list(run, max(0, len(run.Results)-recent), where)
	if run.Status == harness.Running {
		v.lines.say("%s.", now.Sentence())
	}
	return nil
}

// list tells of the trials from one on. Where the run is now is known for the
// last of them alone.
func (v *view) list(run harness.Run, from int, now string) {
	for i, result := range run.Results[from:] {
		where := ""
		if from+i == len(run.Results)-1 {
			where = now
		}
		v.lines.tell(result, where)
	}
	v.shown = len(run.Results)
}

// begun is a run as it was before its first trial.
func begun(run harness.Run) harness.Run {
	run.Results = nil
	return run
}

func (v *view) end(run harness.Run, path string) error {
	if run.Status == harness.Running {
		fmt.Fprintf(v.out, "nobody writes to it: it was cut short after %d trials; go on by 'needwant resume %s'\n", len(run.Results), path)
		return nil
	}
	if v.live { // the matrix stands there already
		return nil
	}
	fmt.Fprintln(v.out)
	return render(v.out, "text", reports.NewReport(run, harness.Judge(run)))
}
