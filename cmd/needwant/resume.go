package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
)

func resumeCommand() *cobra.Command {
	var show display
	var longer harness.Settings
	var times schedule
	var at standFlags
	var trust bool
	var up uplinkFlags
	command := &cobra.Command{
		Use:   "resume RUN",
		Short: "Continue an interrupted run",
		Long: `Continues a run from its run file. Finished trials are not repeated.

The spec in a run file may run programs and read files. If the run was not begun on this
machine, needwant lists them first. It continues if you agree on the terminal, or with
--trust-run.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			longer.Schedule = times.text
			if longer.Horizon < 0 {
				return usage(errors.New("--horizon takes no negative values"))
			}
			if err := checkFormat(show.format); err != nil {
				return err
			}
			kept, err := loadRun(command.Context(), args[0])
			if err != nil {
				return err
			}
			if longer.Schedule != "" && !ofSpec(kept) {
				return usage(errors.New("--schedule is for a real device: a lab has no night"))
			}
			show.end.saved = args[0]
			if over, err := alreadyOver(command, show, kept, longer); over {
				return err
			}
			if ofSpec(kept) {
				flags := bisectFlags{display: show, out: args[0], standFlags: at, trust: trust, uplink: up}
				flags.settings.Budget, flags.settings.Horizon, flags.settings.Schedule = longer.Budget, longer.Horizon, longer.Schedule
				return flags.goOn(command)
			}
			if err := show.web.onLab(); err != nil {
				return err
			}
			if err := privileges(); err != nil {
				return err
			}
			file, run, err := openRun(command.Context(), args[0])
			if err != nil {
				return err
			}
			world, err := lab.Parse(run.Settings.Source, []byte(run.Settings.Text))
			if err != nil {
				_ = file.Close()
				return usage(fmt.Errorf("%s holds a world that this version does not read: %w", args[0], err))
			}
			return experimentOnLab(command, extended(run, longer), world, file, show)
		},
	}
	command.Flags().IntVar(&longer.Budget, "budget", 0, "largest number of trials, with those that are done; 0 means no change")
	command.Flags().DurationVar(&longer.Horizon, "horizon", 0, "block the safe list for this long at the end, e.g. 24h, even if the run is complete; 0 means no change")
	at.add(command)
	scheduleFlag(command, &times)
	trustFlag(command, &trust)
	up.add(command)
	show.add(command)
	return command
}

// alreadyOver shows a run in which nothing is left to ask. Nothing is touched for it,
// neither the device nor the run file.
func alreadyOver(command *cobra.Command, show display, run harness.Run, longer harness.Settings) (over bool, err error) {
	run = extended(run, longer)
	if !run.Over() {
		return false, nil
	}
	why := "the run is complete: nothing is left to try"
	if run.Status != harness.Complete {
		why = fmt.Sprintf("the budget of %d trials is used up: continue with a larger --budget", run.Settings.Budget)
	}
	if !show.quiet {
		laid(command.ErrOrStderr(), why)
	}
	return true, show.closing(command, run)
}

// extended is a run with a budget, a horizon and a schedule in place of its own; zero leaves those.
func extended(run harness.Run, longer harness.Settings) harness.Run {
	run.Settings.Budget = cmp.Or(longer.Budget, run.Settings.Budget)
	run.Settings.Horizon = cmp.Or(longer.Horizon, run.Settings.Horizon)
	run.Settings.Schedule = cmp.Or(longer.Schedule, run.Settings.Schedule)
	return run
}

// ofSpec reports whether a run was made with a spec, and not with a world.
func ofSpec(run harness.Run) bool {
	return regexp.MustCompile(`(?m)^kind: *Scenarios\b`).MatchString(run.Settings.Text)
}
