package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/reports/policy"
	"github.com/needwant/needwant/scenarios"
)

// gatewayFlags are the choices of a gateway without an experiment.
type gatewayFlags struct {
	standFlags
	policy   string
	standIns bool
	web      webFlags
}

func gatewayCommand() *cobra.Command {
	flags := &gatewayFlags{}
	command := &cobra.Command{
		Use:   "gateway SPEC",
		Short: "Keep a device working behind the gateway",
		Long: `Puts the device of a spec behind the gateway and keeps it online there, with nothing
blocked, until you press Ctrl-C.

With --policy it blocks what that run proved safe to block, as export and verify do with
block-optional. With --web a page shows what is blocked. A button there makes everything
reachable for 10 minutes, or until you resume.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return flags.run(command, args[0]) },
	}
	command.Flags().StringVar(&flags.policy, "policy", "", "block what the run in this `RUN` file proved safe to block")
	withStandInsFlag(command, &flags.standIns)
	flags.web.add(command)
	flags.add(command)
	return command
}

func (f *gatewayFlags) run(command *cobra.Command, nameOrPath string) error {
	file, err := scenarios.Find(nameOrPath)
	if err != nil {
		return usage(err)
	}
	var applied applied
	if f.standIns && (f.policy == "" || !file.Gateway.CanStandIn()) {
		return usage(fmt.Errorf("--with-stand-ins needs --policy RUN, and another placement than dns: this is %s", file.Gateway.Placement))
	}
	if f.policy != "" {
		if applied, err = f.proposed(command.Context(), file); err != nil {
			return err
		}
		file.Block.Faults = []string{string(applied.policy.Fault())} // the gateway prepares for what is to come
		for _, pattern := range applied.policy.Patterns {            // what the run blocked in every trial, its policy blocks, too
			file.Block.Always = append(file.Block.Always, pattern.String())
		}
	}
	if file.Gateway.Placement == scenarios.Lab {
		if err := f.web.onLab(); err != nil {
			return err
		}
	}
	if err := privilegesFor(file); err != nil {
		return err
	}
	stand, err := openStand(command.Context(), command.ErrOrStderr(), file, nil, standOptions{standFlags: f.standFlags, known: applied.known})
	if err != nil {
		return err
	}
	web, err := f.web.open(command.Context(), command.ErrOrStderr())
	if err != nil {
		return errors.Join(err, stand.close())
	}
	defer web.close()
	blocked, trial := applied.refused(), applied.trial()
	if err := trial.BlockOn(command.Context(), stand.bench.Gateway); err != nil {
		return unfit(errors.Join(err, stand.close()))
	}
	for _, d := range blocked {
		laid(command.ErrOrStderr(), fmt.Sprintf("blocked: %s%s", d, answeredHere(trial.StandIns[d])))
	}
	if kept, err := synchronised(); err == nil {
		if warning := unkept(trial.StandIns, kept); warning != "" {
			laid(command.ErrOrStderr(), warning)
		}
	}
	laid(command.ErrOrStderr(), kept(file, len(blocked))+"; stop with Ctrl-C")
	k := &keeper{
		gateway: stand.bench.Gateway, policy: trial, orders: web.orders(),
		show: web.policy(harness.Device{Name: file.Device.Name, Model: file.Device.Model}, trial, len(file.Block.Always) > 0),
	}
	began := time.Now()
	gone := screenOf(command.ErrOrStderr()).show(func(int, int) []string {
		return []string{"      " + span.Words(time.Since(began).Truncate(time.Second)) + " so far"}
	})
	err = k.keep(command.Context(), stand.over)
	gone()
	if err := errors.Join(err, stand.close()); err != nil {
		return unfit(err)
	}
	ending{spec: nameOrPath, gateway: file.Gateway, policy: f.policy}.left(command.ErrOrStderr(), "", "")
	return nil
}

// kept says what the command does for as long as it runs, with so much blocked.
func kept(file scenarios.File, blocked int) string {
	doing, what := "the device is behind the gateway", "destination"
	if bench.OfResolver(file) {
		doing, what = "this machine answers the device's DNS queries", "name"
	}
	if blocked != 1 {
		what += "s"
	}
	return fmt.Sprintf("%s, with %d %s blocked", doing, blocked, what)
}

// proposed is what the run of --policy proved can be blocked all at once.
func (f *gatewayFlags) proposed(ctx context.Context, file scenarios.File) (applied, error) {
	run, err := loadRun(ctx, f.policy)
	if err != nil {
		return applied{}, err
	}
	if run.Settings.Simulated && file.Gateway.Placement != scenarios.Lab {
		return applied{}, usage(fmt.Errorf("%s is a run on a simulated device: what it proved is not true of the device of %s.\n"+
			"  Run the experiment on the real device first: "+asRoot(file.Gateway, "bisect SPEC"), f.policy, file.Gateway.Placement))
	}
	if run.Settings.ByName != bench.OfResolver(file) {
		return applied{}, usage(fmt.Errorf("%s and the spec differ in their placement: one is dns, which knows names without ports, and the other is a gateway.\n"+
			"  Give the spec that the run was made with", f.policy))
	}
	a, err := proposed(run, f.policy, policy.Options{Kind: policy.BlockOptional, StandIns: f.standIns})
	return a, usage(err)
}
