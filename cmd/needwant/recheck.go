package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/catalog"
	"github.com/needwant/needwant/scenarios"
)

// recheckFlags are those of the recheck command: a bisection with fewer choices.
type recheckFlags struct {
	bisect bisectFlags
	known  string
	exact  bool
}

func recheckCommand() *cobra.Command {
	flags := &recheckFlags{}
	command := &cobra.Command{
		Use:   "recheck SPEC --known RUN",
		Short: "Test in a few trials whether a known result still holds",
		Long: `Tests again what an earlier run found, for example after a firmware update. Each need
takes one trial, and everything that can be blocked one or two more. Then it says in one
sentence what changed. Only what changed is searched again. --exact proves everything
again, which takes longer.

RUN is a run file, a report in JSON (needwant report --format json), or a file of a
catalog. Instead of SPEC you can name a world of the lab.

The exit code is 1 if something became required, or if the device does not work with
nothing blocked.`,
		Example: `  sudo -E needwant recheck s50.yaml --known s50.run
  needwant recheck s50-thread --known s50-thread.run`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return flags.run(command, args[0]) },
	}
	set, f := command.Flags(), &flags.bisect
	set.StringVar(&flags.known, "known", "", "the `RUN` to test again: a run file, a report in JSON, or a file of a catalog")
	set.BoolVar(&flags.exact, "exact", false, "prove everything again, not only what the earlier run found")
	set.StringVar(&f.out, "out", "", "save the run in this `FILE.run`; the default is the device's name with -recheck, and a number if the file exists")
	set.Var(&f.schedule, "schedule", "block only between these times of day, e.g. 01:00-06:00, with everything reachable in between")
	f.addShared(command)
	f.display.add(command)
	return command
}

func (r *recheckFlags) run(command *cobra.Command, name string) error {
	if r.known == "" {
		return usage(fmt.Errorf("there is nothing to test again: add --known RUN, e.g. needwant recheck %s --known s50.run", quoted(name)))
	}
	known, err := readKnown(command.Context(), r.known)
	if err != nil {
		return err
	}
	f := &r.bisect
	f.settings.Known, f.settings.Order = known, defaultOrder
	if known.Whole = r.exact; r.exact {
		f.settings.Order = "exact"
	}
	if err := f.check(); err != nil {
		return usage(err)
	}
	file, notSpec := scenarios.Find(name)
	if notSpec == nil {
		return r.onSpec(command, file, name)
	}
	world, notWorld := lab.Find(name)
	if notWorld != nil {
		return usage(notSpec)
	}
	return r.onLab(command, world, name)
}

// onSpec tests a real device again.
func (r *recheckFlags) onSpec(command *cobra.Command, file scenarios.File, name string) error {
	f := &r.bisect
	list, err := file.Chosen(f.tags)
	if err != nil {
		return usage(err)
	}
	if err := errors.Join(allowed(file, list, f.actuate, "--tag"), onlyOf(command.ErrOrStderr(), &file, "", &f.settings)); err != nil {
		return usage(err)
	}
	if err := unused(command.Context(), f.out); err != nil {
		return err
	}
	if list, err = f.prepare(command.Context(), file, list); err != nil {
		return err
	}
	f.settings.For = f.longest
	if night := f.schedule.length(); night > 0 {
		f.settings.For = min(f.longest, night/2)
	}
	f.settings.StandIns = []harness.StandIn{} // what stands in is not tested again
	run := f.newRun(name, file, list)
	if err := sharesColumns(run); err != nil {
		return usage(err)
	}
	run.Device.Firmware = firmwareOf(command.Context(), command.ErrOrStderr(), file)
	f.display.end.spec = specName(run)
	return f.experiment(command, file, list, run, func(run harness.Run) (kept journal, err error) {
		if f.out, kept, err = keep(command.ErrOrStderr(), f.out, run.Device.Name+"-recheck", run); err == nil {
			rememberOrTell(command.ErrOrStderr(), run)
		}
		return kept, err
	})
}

// onLab tests a world again, with the faults and the regimes of the earlier run.
func (r *recheckFlags) onLab(command *cobra.Command, world lab.World, name string) error {
	l := labFlags{settings: r.bisect.settings, display: r.bisect.display, out: r.bisect.out}
	for _, column := range l.settings.Known.Columns {
		if !slices.Contains(l.settings.Faults, column.Fault) {
			l.settings.Faults = append(l.settings.Faults, column.Fault)
		}
		if !slices.Contains(l.settings.Regimes, column.Regime) {
			l.settings.Regimes = append(l.settings.Regimes, column.Regime)
		}
	}
	if err := l.display.web.onLab(); err != nil {
		return err
	}
	if err := privileges(); err != nil {
		return err
	}
	l.settings.Source = name
	return l.experiment(command, world, world.Name+"-recheck")
}

// sharesColumns reports as an error that nothing that a run judges is known.
func sharesColumns(run harness.Run) error {
	known := run.Settings.Known
	if known == nil {
		return nil
	}
	if len(sharedColumns(run, known)) > 0 {
		return nil
	}
	return fmt.Errorf("%s has no column to test again: it judges %q, and this run would judge %q", known.Source, knownColumns(known), judgedColumns(run))
}

// sharedColumns are the columns that a run judges and that are known.
func sharedColumns(run harness.Run, known *harness.Known) []string {
	theirs := knownColumns(known)
	return slices.DeleteFunc(judgedColumns(run), func(column string) bool { return !slices.Contains(theirs, column) })
}

func judgedColumns(run harness.Run) (names []string) {
	for _, column := range run.Columns() {
		names = append(names, fmt.Sprintf("%s (%s, %s)", column.Scenario.Name, column.Regime, column.Fault))
	}
	return names
}

func knownColumns(known *harness.Known) (names []string) {
	for _, c := range known.Columns {
		names = append(names, fmt.Sprintf("%s (%s, %s)", c.Scenario, c.Regime, c.Fault))
	}
	return names
}

// mostKnown is the largest file with a known matrix that is read, in bytes, unless it is a run file.
const mostKnown = 16 << 20

// readKnown reads what is known from a run file, a report in JSON, or a file of a catalog.
func readKnown(ctx context.Context, path string) (*harness.Known, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, usage(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, mostKnown+1))
	if err != nil {
		return nil, usage(err)
	}
	switch {
	case bytes.HasPrefix(text, []byte("SQLite format 3\x00")):
		report, err := load(ctx, path)
		if err != nil {
			return nil, err
		}
		return knownFrom(report.Matrix.Known(path))
	case len(text) > mostKnown:
		return nil, usage(fmt.Errorf("%s is larger than %d MB: it is not a report", path, mostKnown>>20))
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")):
		var m reports.Matrix
		if err := json.Unmarshal(text, &m); err != nil {
			return nil, usage(fmt.Errorf("%s is not a report as needwant report --format json writes it: %w", path, err))
		}
		return knownFrom(m.Known(path))
	}
	evidence, err := catalog.Read(path)
	if err != nil {
		return nil, usage(fmt.Errorf("%s is not a run file, a report in JSON, or a file of a catalog: %w", path, err))
	}
	return knownFrom(evidence.Known(path))
}

func knownFrom(known *harness.Known, err error) (*harness.Known, error) { return known, usage(err) }
