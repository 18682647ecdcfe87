package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/scenarios"
)

// gatewayFlags are the choices of a gateway without an experiment.
type gatewayFlags struct {
	policy string
	wait   time.Duration
}

func gatewayCommand() *cobra.Command {
	flags := &gatewayFlags{}
	command := &cobra.Command{
		Use:   "gateway SPEC",
		Short: "Keep a device working behind the gateway",
		Long: `Puts the device of a spec behind the gateway and keeps it working there, with
nothing blocked, until stopped. Between experiments a device must not sit offline.

With --policy it blocks what that run proved can be blocked all at once.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return flags.run(command, args[0]) },
	}
	command.Flags().StringVar(&flags.policy, "policy", "", "block the joint safe list of this `RUN` file")
	command.Flags().DurationVar(&flags.wait, "wait", usualWait, "how long the device may take to show up behind the gateway")
	return command
}

func (f *gatewayFlags) run(command *cobra.Command, nameOrPath string) error {
	file, err := scenarios.Find(nameOrPath)
	if err != nil {
		return usage(err)
	}
	run, err := f.loaded()
	if err != nil {
		return err
	}
	blocked, fault, err := f.safe(run)
	if err != nil {
		return err
	}
	if err := privilegesFor(file); err != nil {
		return err
	}
	stand, err := openStand(command.Context(), command.ErrOrStderr(), file, nil, standOptions{wait: f.wait, known: run.Contacts()})
	if err != nil {
		return err
	}
	if err := stand.bench.Gateway.Block(command.Context(), blocked, fault); err != nil {
		return unfit(errors.Join(err, stand.close()))
	}
	fmt.Fprintf(command.ErrOrStderr(), "the device is behind the gateway, with %d destinations blocked; stop with Ctrl-C\n", len(blocked))
	select {
	case <-command.Context().Done():
	case <-stand.over:
	}
	return unfit(stand.close())
}

// loaded is the run of --policy, an empty one if there is none.
func (f *gatewayFlags) loaded() (run harness.Run, err error) {
	if f.policy == "" {
		return run, nil
	}
	if run, err = runfile.Load(f.policy); err != nil {
		return run, runfileError(err)
	}
	return run, nil
}

// safe is what the run proved can be blocked all at once.
func (f *gatewayFlags) safe(run harness.Run) ([]harness.Destination, harness.Fault, error) {
	if f.policy == "" {
		return nil, harness.Reject, nil
	}
	lists := harness.Judge(run).Safe
	if len(lists) > 0 && lists[len(lists)-1].Trial > 0 { // the last is that of all columns
		return lists[len(lists)-1].Destinations, run.Settings.Faults[0], nil
	}
	return nil, "", usage(fmt.Errorf("%s proved of no set that it can be blocked with everything still working", f.policy))
}
