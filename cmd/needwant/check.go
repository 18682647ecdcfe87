package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/scenarios"
)

// checkFlags are the choices of one check.
type checkFlags struct {
	standFlags
	tags    []string
	actuate bool
	json    bool
	seen    string
}

func checkCommand() *cobra.Command {
	var flags checkFlags
	command := &cobra.Command{
		Use:   "check SPEC",
		Short: "Run every check once, with nothing blocked",
		Long: `Runs every scenario of a spec once, with nothing blocked, and shows the result of each
step. SPEC is a file, or a name that needwant scenario list shows.

A real device is behind the gateway during the checks. First needwant waits for the
spec's settle time. If a scenario fails, it is checked again for up to that time. Then
the network is restored.

The exit code is 0 if all scenarios pass, 1 if one fails, and 3 if one could not be
judged.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return flags.run(command, args[0]) },
	}
	command.Flags().StringSliceVar(&flags.tags, "tag", nil, "only scenarios with one of these tags")
	command.Flags().BoolVar(&flags.actuate, "allow-actuation", false, "carry out steps that make the device do something")
	command.Flags().BoolVar(&flags.json, "json", false, "print the results as JSON")
	flags.add(command)
	seenFlag(command, &flags.seen)
	return command
}

func (f *checkFlags) run(command *cobra.Command, nameOrPath string) error {
	file, err := scenarios.Find(nameOrPath)
	if err != nil {
		return usage(err)
	}
	list, err := file.Chosen(f.tags)
	if err != nil {
		return usage(err)
	}
	if err := allowed(file, list, f.actuate, "--tag"); err != nil {
		return usage(err)
	}
	known, err := readSeen(command.ErrOrStderr(), f.seen, bench.OfResolver(file))
	if err != nil {
		return err
	}
	if err := privilegesFor(file); err != nil {
		return err
	}
	if list, err = file.Expand(command.Context(), list); err != nil {
		return unfit(err)
	}
	stand, err := openStand(command.Context(), command.ErrOrStderr(), file, once(list), standOptions{standFlags: f.standFlags, known: known})
	if err != nil {
		return err
	}
	laid(command.ErrOrStderr(), fmt.Sprintf("the device is there; it has %s, then each scenario is checked. If one fails, it is checked again after that time", span.Words(stand.bench.Timing.Settle)))
	stop := showSteps(command.ErrOrStderr(), stand.bench)
	result, err := stand.lane.Run(command.Context(), harness.Trial{Number: 1, Fault: harness.Reject, Regime: harness.Steady, Reason: "check"})
	stop()
	if err := errors.Join(err, stand.close()); err != nil {
		return unfit(err)
	}
	if err := f.show(command.OutOrStdout(), list.Infos(bench.Around(file)), result.Outcomes); err != nil {
		return err
	}
	end := ending{spec: nameOrPath, gateway: file.Gateway}
	switch err := checked(list, result.Outcomes); {
	case f.json:
		return err
	case err != nil:
		end.left(command.ErrOrStderr(), "", "")
		return err
	}
	end.left(command.ErrOrStderr(), allWork(len(list)), "Next: "+asRoot(file.Gateway, "bisect "+quoted(nameOrPath)+permission(file))+" runs the experiment; with --dry-run it only says what it would change.")
	return nil
}

// showSteps shows what a bench waits for, on a terminal. The function that it returns ends that.
func showSteps(out io.Writer, on *harness.Bench) (stop func()) {
	screen := screenOf(out)
	if !screen.live() {
		return func() {}
	}
	var now atomic.Pointer[harness.Step]
	now.Store(&harness.Step{})
	on.Tell = func(step harness.Step) { now.Store(&step) }
	return screen.show(func(int, int) []string { return []string{waitsFor(*now.Load())} })
}

// allWork is the result of a check in which every scenario passed.
func allWork(scenarios int) string {
	if scenarios == 1 {
		return "With nothing blocked, the scenario works."
	}
	return fmt.Sprintf("With nothing blocked, all %d scenarios work.", scenarios)
}

// once makes of scenarios that are watched such as are checked once: with nothing
// blocked, one look tells.
func once(list scenarios.List) scenarios.List {
	list = slices.Clone(list)
	for i := range list {
		list[i].During = ""
	}
	return list
}

// show writes what each step saw.
func (f *checkFlags) show(out io.Writer, infos []harness.ScenarioInfo, outcomes map[string]harness.Outcome) error {
	if f.json {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(outcomes)
	}
	for _, info := range infos {
		outcome := outcomes[info.Name]
		fmt.Fprintf(out, "%s %s, from %s%s, in %.0f ms\n", info.Name, inWords(outcome.Answer), info.Vantage, where(info), outcome.Duration.Seconds()*1000)
		for _, step := range outcome.Steps {
			fmt.Fprintf(out, "  %-7s %-24s %s\n", mark(step.Answer), step.Step, step.Saw)
		}
		if why := unsaid(outcome); why != "" {
			fmt.Fprintf(out, "  %s\n", why)
		}
	}
	return nil
}

// where says where the Home Assistant is, if it is not where it is asked from.
func where(info harness.ScenarioInfo) string {
	if place := harness.Elsewhere(info.Controller, info.Vantage); place != "" {
		return ", of a Home Assistant " + place
	}
	return ""
}

// unsaid is the reason without what its step has shown already; "" where nothing
// is left.
func unsaid(outcome harness.Outcome) string {
	for _, step := range outcome.Steps {
		if step.Answer == harness.Pass {
			continue
		}
		why, _ := strings.CutPrefix(outcome.Why, step.Step+": ")
		if why == step.Saw {
			return ""
		}
		return strings.Replace(outcome.Why, step.Saw+" came back", "that came back", 1)
	}
	return outcome.Why
}

func inWords(answer harness.Answer) string {
	switch answer {
	case harness.Pass:
		return "works"
	case harness.Fail:
		return "FAILS"
	}
	return "could not be judged"
}

func mark(answer harness.Answer) string {
	switch answer {
	case harness.Pass:
		return "ok"
	case harness.Fail:
		return "FAILED"
	}
	return "unclear"
}

// checked is the error, with its exit code, that a check ends in.
func checked(list scenarios.List, outcomes map[string]harness.Outcome) error {
	var failed, unclear []string
	for _, spec := range list {
		switch outcomes[spec.Name].Answer {
		case harness.Pass:
		case harness.Fail:
			failed = append(failed, spec.Name)
		default:
			unclear = append(unclear, spec.Name)
		}
	}
	if len(failed) > 0 {
		return exit(codeBroken, fmt.Errorf("%s: does not work with nothing blocked, so no experiment can be made with it yet: put right the device, or what is expected of it, then check again", strings.Join(failed, ", ")))
	}
	if len(unclear) > 0 {
		return unfit(errors.New(strings.Join(unclear, ", ") + ": could not be judged; put right what is said above, then check again"))
	}
	return nil
}
