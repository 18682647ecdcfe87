package main

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/netns/lab"
)

func resumeCommand() *cobra.Command {
	var show display
	var budget int
	var wait time.Duration
	command := &cobra.Command{
		Use:   "resume RUN",
		Short: "Go on with an interrupted run; completed trials are never repeated",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if err := checkFormat(show.format); err != nil {
				return err
			}
			kept, err := runfile.Load(args[0])
			if err != nil {
				return runfileError(err)
			}
			if ofSpec(kept) {
				flags := bisectFlags{display: show, out: args[0], wait: wait}
				flags.settings.Budget = budget
				return flags.goOn(command)
			}
			if err := privileges(); err != nil {
				return err
			}
			file, run, err := runfile.Open(args[0])
			if err != nil {
				return runfileError(err)
			}
			if run.Status == harness.Complete {
				return errors.Join(file.Close(), show.closing(command, run))
			}
			world, err := lab.Parse(run.Settings.Source, []byte(run.Settings.Text))
			if err != nil {
				_ = file.Close()
				return usage(fmt.Errorf("%s holds a world that this version does not read: %w", args[0], err))
			}
			if budget > 0 {
				run.Settings.Budget = budget
			}
			return experimentOnLab(command, run, world, file, show)
		},
	}
	command.Flags().IntVar(&budget, "budget", 0, "most trials that block something, those done included; 0 leaves it as it was")
	command.Flags().DurationVar(&wait, "wait", usualWait, "how long a real device may take to show up behind the gateway")
	show.add(command)
	return command
}

// ofSpec tells whether a run was made with a spec, and not with a world.
func ofSpec(run harness.Run) bool {
	return regexp.MustCompile(`(?m)^kind: *Scenarios\b`).MatchString(run.Settings.Text)
}
