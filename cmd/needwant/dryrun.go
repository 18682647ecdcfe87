package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/scenarios"
)

// dryRun says for each device what would be changed.
func (f *bisectFlags) dryRun(command *cobra.Command, file scenarios.File) error {
	if len(f.others) == 0 {
		return dryRun(command, file, f.settings)
	}
	problems := []error{dryRun(command, file, f.settings)}
	for _, other := range f.others {
		fmt.Fprintf(command.OutOrStdout(), "%s:\n", other.name())
		if other.lender != "" {
			fmt.Fprintf(command.OutOrStdout(), "    agent %s lends it: needwant agent --lend --dry-run says there what would be changed\n", other.lender)
			continue
		}
		problems = append(problems, dryRun(command, other.file, f.settings))
	}
	return errors.Join(problems...)
}

// dryRun says what would be changed, and whether it can be.
func dryRun(command *cobra.Command, file scenarios.File, settings harness.Settings) error {
	out := command.OutOrStdout()
	if file.Gateway.Placement == scenarios.Lab {
		fmt.Fprintln(out, "placement lab: all happens in namespaces of its own; nothing of this machine is changed")
		return nil
	}
	if bench.OfResolver(file) {
		where, err := bench.FindResolver(command.Context(), file)
		if err != nil {
			return unfit(err)
		}
		fmt.Fprintf(out, " 1  answer DNS queries at %s, with the answers of %s; nothing of this machine's network is changed\n", where.Listen, where.Upstream)
		resultLine(out, "", "Names are blocked for the device alone. "+howLong(file, settings), 2)
		return unfit(where.Ready(command.Context()))
	}
	machine, err := thisMachine()
	if err != nil {
		return err
	}
	defer machine.Close()
	plan, err := bench.Plan(file, machine)
	if err != nil {
		return unfit(err)
	}
	for i, step := range slices.Concat(plan.Steps(), handedOn(file), plan.Work()) {
		resultLine(out, fmt.Sprintf("%2d  ", i+1), step, 4)
	}
	resultLine(out, "", "No other device is affected. "+howLong(file, settings), 2)
	return unfit(plan.Check())
}

// thisMachine opens the machine's network, which takes root.
func thisMachine() (*netns.Namespace, error) {
	machine, err := netns.Own()
	if errors.Is(err, fs.ErrPermission) {
		err = errors.New("only root may look into this machine's network: run it with sudo")
	}
	return machine, unfit(err)
}

// howLong says how long a run with a spec takes, by the estimate that the run makes before its
// first trial.
func howLong(file scenarios.File, settings harness.Settings) string {
	settings = bench.NewRun("", file, file.Scenarios, settings).Settings
	usual, observe := settings.UsualTrial(), file.Timing.Observe
	text := fmt.Sprintf("The device is watched for %s first. Then a trial takes about %s: until the device has tried what is blocked, the checks, and until it works again. "+
		"A device with %d destinations takes about %d trials, so about %s in all.",
		span.Words(observe), span.Words(usual), usualDestinations, usualTrials, span.Words(usualTime(settings, observe)))
	if settings.Longest > usual {
		text += fmt.Sprintf(" What the device contacts seldom is waited for, for up to %s in a trial.", span.Words(settings.Longest))
	}
	if settings.Horizon > 0 {
		return text + fmt.Sprintf(" The last block is held for %s.", span.Words(settings.Horizon))
	}
	return text + " The last block is held for the longest time that was seen between two contacts."
}

// A device with usualDestinations, of which two are needed, takes about usualTrials.
const usualDestinations, usualTrials = 7, 20

// usualTime is how long they take, with the observation before them.
func usualTime(settings harness.Settings, observe time.Duration) time.Duration {
	return rough(observe + usualTrials*settings.UsualTrial())
}

// rough is a time that was estimated, without what the estimate cannot know.
func rough(d time.Duration) time.Duration {
	switch {
	case d < 10*time.Minute:
		return d.Round(10 * time.Second)
	case d < time.Hour:
		return d.Round(time.Minute)
	}
	return d.Round(10 * time.Minute)
}

// handedOn says which ports of the gateway's lead to the device.
func handedOn(file scenarios.File) (steps []string) {
	for _, port := range file.Gateway.Forward {
		steps = append(steps, fmt.Sprintf("hand %s of the gateway's own address in the home network on to the device, within the namespace", port))
	}
	return steps
}
