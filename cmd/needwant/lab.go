package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/scenarios"
)

// labFlags are the flags of the lab command.
type labFlags struct {
	settings harness.Settings
	faults   []string
	regimes  []string
	standIns []string
	display  display
	out      string
	discard  bool
	list     bool
	seen     string
	only     string
}

const usualWorld = "s50-thread"

func labCommand() *cobra.Command {
	flags := &labFlags{}
	command := &cobra.Command{
		Use:   "lab [WORLD]",
		Short: "Run the experiment on a simulated device",
		Long: `Builds a simulated device with its internet and home in network namespaces, runs the
whole experiment on it, and prints the table. No packet leaves this machine. The run is
saved in WORLD.run; needwant resume continues it.

WORLD describes the simulated device. It is a name from the library (--list) or a file;
the default is ` + usualWorld + `. The result is true of the world, not of a product with that
name.

Each line of the progress is a trial, and begins with its reason:
` + reasons() + `docs/how-verdicts-are-reached.md explains them on an example.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if flags.list {
				return listWorlds(command)
			}
			return flags.run(command, append(args, usualWorld)[0])
		},
	}
	flags.add(command)
	return command
}

func (f *labFlags) add(command *cobra.Command) {
	set, settings := command.Flags(), &f.settings
	set.IntVar(&settings.Lanes, "lanes", 1, "number of simulated devices that share the trials")
	set.StringVar(&settings.Driver, "driver", "ipset", "how to block: "+strings.Join(drivers(), ", "))
	set.StringSliceVar(&f.faults, "fault", labFaults()[:1], "how destinations are blocked, with separate columns for each: "+strings.Join(labFaults(), ", "))
	set.StringSliceVar(&f.regimes, "regime", []string{"steady"}, "how the device is started for a trial, with separate columns for each: steady, cold_boot")
	set.StringVar(&settings.Order, "order", "exact", "how far to prove: exact, or a number N: a cut that is not found has more than N members")
	set.Int64Var(&settings.Seed, "seed", 1, "start value of the random choices")
	set.IntVar(&settings.Budget, "budget", 0, "largest number of trials; 0 means a limit that grows with the destinations")
	set.Float64Var(&settings.MaxNoise, "max-noise", 0, "largest share of wrong answers, e.g. 0.05; 0 means that every answer is right")
	set.DurationVar(&settings.Longest, "longest", 0, "longest wait, during a block, for a destination that the device contacts seldom; 0 means 40s")
	set.DurationVar(&settings.Horizon, "horizon", 0, "block the safe list for this long at the end; 0 means the longest known time between two contacts of a destination, at most --longest")
	standInsFlag(command, &f.standIns)
	set.BoolVar(&settings.Careful, "careful", false, "with --max-noise: decide at odds of 3000 : 1 instead of 650 : 1")
	set.StringSliceVar(&settings.Kept, "keep", []string{"dhcp", "dns"}, "what is never blocked: dhcp, dns")
	set.StringVar(&f.out, "out", "", "save the run in this `FILE.run`; the default is the world's name, with a number if the file exists")
	set.BoolVar(&f.discard, "discard", false, "do not save the run")
	command.MarkFlagsMutuallyExclusive("out", "discard")
	seenFlag(command, &f.seen)
	onlyFlag(command, &f.only)
	set.BoolVar(&f.list, "list", false, "list the worlds of the library")
	f.display.add(command)
	command.ValidArgsFunction = firstArgument(worlds)
	completeFlag(command, "fault", labFaults()...)
	completeFlag(command, "driver", drivers()...)
	completeFlag(command, "regime", string(harness.Steady), string(harness.ColdBoot))
	completeFlag(command, "keep", "dhcp", "dns")
}

// reasons are the lines of a help text that explain why trials are made.
func reasons() string {
	var lines strings.Builder
	for _, reason := range harness.Reasons() {
		fmt.Fprintf(&lines, "  %-25s  %s\n", reason.Words, reason.Means)
	}
	return lines.String()
}

// labFaults are those of a lab's gateway.
func labFaults() []string { return scenarios.Gateway{Placement: scenarios.Lab}.Faults() }

func (f *labFlags) run(command *cobra.Command, nameOrPath string) error {
	if f.only != "" && !command.Flags().Changed("fault") {
		f.faults = []string{string(harness.NXDomain)}
	}
	if err := f.check(); err != nil {
		return usage(err)
	}
	world, err := lab.Find(nameOrPath)
	if err != nil {
		return usage(err)
	}
	if err := f.display.web.onLab(); err != nil {
		return err
	}
	if err := privileges(); err != nil {
		return err
	}
	if f.settings.Seen, err = readSeen(command.ErrOrStderr(), f.seen, false); err != nil {
		return err
	}
	if err := testOnly(command.ErrOrStderr(), f.only, &f.settings); err != nil {
		return usage(err)
	}
	f.settings.Source = nameOrPath
	return f.experiment(command, world, world.Name)
}

// experiment carries out a run on a world, and keeps it under this name unless the user
// has chosen another.
func (f *labFlags) experiment(command *cobra.Command, world lab.World, name string) error {
	if err := unused(command.Context(), f.out); err != nil {
		return err
	}
	run := lablane.NewRun(world, f.settings)
	if err := sharesColumns(run); err != nil {
		return usage(err)
	}
	journal, err := f.begin(command, run, name)
	if err != nil {
		return runfileError(err)
	}
	return experimentOnLab(command, run, world, journal, f.display)
}

// begin creates the run file, unless the user wants none.
func (f *labFlags) begin(command *cobra.Command, run harness.Run, world string) (journal, error) {
	if f.discard {
		return nowhere{}, nil
	}
	path, journal, err := keep(command.ErrOrStderr(), f.out, world, run)
	f.display.end.saved = path
	return journal, err
}

// check reads the flags that are lists and words.
func (f *labFlags) check() error {
	for _, fault := range f.faults {
		f.settings.Faults = append(f.settings.Faults, harness.Fault(fault))
	}
	for _, regime := range f.regimes {
		f.settings.Regimes = append(f.settings.Regimes, harness.Regime(regime))
	}
	var err error
	if f.settings.StandIns, err = standIns(f.standIns, f.only != ""); err != nil {
		return err
	}
	order, err := strconv.Atoi(f.settings.Order)
	switch s := f.settings; {
	case f.settings.Order != "exact" && (err != nil || order < 1):
		return fmt.Errorf("--order %s: it must be exact or a number from 1", s.Order)
	case s.Lanes < 1 || s.Lanes > 64:
		return fmt.Errorf("--lanes %d: it must be from 1 to 64", s.Lanes)
	case s.Budget < 0:
		return fmt.Errorf("--budget %d: it must be 0 or more", s.Budget)
	case s.Longest < 0:
		return fmt.Errorf("--longest %s: it must be 0 or more", span.Typed(s.Longest))
	case s.Horizon < 0:
		return fmt.Errorf("--horizon %s: it must be 0 or more", span.Typed(s.Horizon))
	case s.MaxNoise < 0 || s.MaxNoise > 0.3:
		return fmt.Errorf("--max-noise %v: it must be from 0 to 0.3; a device that fails more often cannot be judged", s.MaxNoise)
	}
	if f.only != "" && (slices.Contains(f.faults, "reject") || slices.Contains(f.faults, "drop")) {
		return errors.New("--only blocks by name: leave out --fault, or use --fault nxdomain")
	}
	return errors.Join(
		known("--driver", []string{f.settings.Driver}, drivers()...),
		known("--fault", f.faults, labFaults()...),
		known("--regime", f.regimes, "steady", "cold_boot"),
		known("--keep", f.settings.Kept, "dhcp", "dns"),
		checkFormat(f.display.format),
	)
}

// known refuses words that a flag does not know, and repeated ones.
func known(flag string, words []string, allowed ...string) error {
	for i, word := range words {
		if !slices.Contains(allowed, word) || slices.Contains(words[:i], word) {
			return fmt.Errorf("%s %s: it takes %s, each at most once%s", flag, strings.Join(words, ","), strings.Join(allowed, ", "), meant(word, allowed))
		}
	}
	return nil
}

// experimentOnLab builds the lanes of a run, carries it out, and shows the
// matrix. The journal is closed in the end.
func experimentOnLab(command *cobra.Command, run harness.Run, world lab.World, journal journal, show display) (err error) {
	defer func() { err = errors.Join(err, journal.Close()) }()
	if show.page, err = show.web.open(command.Context(), command.ErrOrStderr()); err != nil {
		return err
	}
	defer show.page.close()
	labs, takeDown, err := startLanes(command.Context(), run, world)
	defer takeDown()
	if err != nil {
		return unfit(fmt.Errorf("%w\n  needwant doctor says what this machine lacks", err))
	}
	var lanes []harness.Lane
	var benches []*harness.Bench
	for _, lane := range labs {
		lanes, benches = append(lanes, lane), append(benches, lane.Bench)
	}
	lanes, recording, err := show.record(lanes, []string{world.Device.Token})
	if err != nil {
		return err
	}
	defer recording.close(command.ErrOrStderr())
	e := &harness.Experiment{Run: run, Lanes: lanes, Journal: journal, Notify: show.notify(command, run, benches...), Orders: show.page.orders()}
	return experiment(command, e, journal, show)
}

// startLanes builds a run's lanes. takeDown is to be called in any case.
func startLanes(ctx context.Context, run harness.Run, world lab.World) (lanes []*lablane.Lane, takeDown func(), err error) {
	takeDown = func() {
		for _, lane := range lanes {
			_ = lane.Close() // its namespaces go with the process in any case
		}
	}
	for number := range run.Settings.Lanes {
		lane, err := lablane.Start(ctx, run, world, number+1)
		if err != nil {
			return lanes, takeDown, err
		}
		lanes = append(lanes, lane)
	}
	return lanes, takeDown, nil
}

// experiment carries a run out on its lanes and shows the matrix.
func experiment(command *cobra.Command, e *harness.Experiment, journal journal, show display) error {
	failure := e.Do(command.Context())
	finished := journal.Finish(e.Run.Status, e.Run.Why, e.Run.Duration)
	if err := errors.Join(failure, finished); err != nil {
		return unfit(err)
	}
	show.end.unsaved = whyUnsaved(journal)
	show.end.gateway.Placement = scenarios.Lab
	return show.closing(command, e.Run)
}
