package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/scenarios"
)

// bisectFlags are the choices of one bisection.
type bisectFlags struct {
	standFlags
	settings harness.Settings
	display  display
	tags     []string
	out      string
	longest  time.Duration
	resume   bool
	alone    bool // --unattended
	schedule schedule
	actuate  bool
	dry      bool
	trust    bool
	seen     string
	only     string
	catalog  string // a directory
	standIns []string
	others   []replica       // equal devices, which are further lanes
	uplink   uplinkFlags     // the hub, by way of which other agents lend devices
	own      *scenarios.File // the spec that the user gives; nil if only a run file was given
	id       string          // of the run, if it is a new one; "" for any
	among    bool            // other experiments are under way in this program: nobody is asked on the terminal
}

// defaultOrder is how far a search of a real device proves.
const defaultOrder = "2"

// horizonUsage is the help of --horizon.
const horizonUsage = "block the safe list for this long at the end, e.g. 24h; 0 means the longest known time between two contacts of a destination, at most --longest or --for"

func bisectCommand() *cobra.Command {
	flags := &bisectFlags{}
	command := &cobra.Command{
		Use:        "bisect SPEC [REPLICA...]",
		Short:      "Find out by experiment what a real device needs",
		SuggestFor: []string{"run", "start", "test"},
		Long: `Puts the device of a spec behind a gateway, blocks its destinations in chosen sets,
checks what still works, and prints the table. docs/placement.md says how to connect the
device.

The run is saved in a file with the device's name, NAME.run; needwant resume continues
it. When needwant ends, for whatever reason, the network is restored. --dry-run lists
what would be changed, and changes nothing.

REPLICA is the spec of another device of the same model and firmware. The devices share
the trials, which saves time. At the end the result is checked on each device, and a
device with different needs is named. hub:AGENT/DEVICE is a device on another machine,
whose agent lends it (needwant agent --lend).

With --catalog the run begins from the catalog's entry for the same model. It tests the
entry in a few trials, and searches only what differs.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return flags.run(command, args[0], args[1:]...) },
	}
	flags.add(command)
	return command
}

func (f *bisectFlags) add(command *cobra.Command) {
	set := command.Flags()
	set.StringVar(&f.out, "out", "", "save the run in this `FILE.run`; the default is the device's name")
	set.BoolVar(&f.resume, "resume", false, "continue the run in the file of --out")
	set.BoolVar(&f.alone, "unattended", false, "for services: begin the run in the file of --out, or continue it; --for counts the time of all parts")
	scheduleFlag(command, &f.schedule)
	f.addSearch(command)
	f.addShared(command)
	standInsFlag(command, &f.standIns)
	trustFlag(command, &f.trust)
	seenFlag(command, &f.seen)
	onlyFlag(command, &f.only)
	for _, flag := range []string{"resume", "seen", "only", "stand-ins"} {
		command.MarkFlagsMutuallyExclusive("catalog", flag)
	}
	command.MarkFlagsMutuallyExclusive("unattended", "resume")
	command.MarkFlagsMutuallyExclusive("seen", "resume") // the run file has the list
	command.MarkFlagsMutuallyExclusive("only", "resume") // the same
	command.MarkFlagsMutuallyExclusive("stand-ins", "resume")
	f.uplink.add(command)
	f.display.add(command)
}

// addSearch adds the flags of a search from the beginning.
func (f *bisectFlags) addSearch(command *cobra.Command) {
	set := command.Flags()
	set.DurationVar(&f.settings.Longest, "longest", 0, "longest wait, during a block, for a destination that the device contacts seldom; 0 means that of the spec, or 30m")
	set.StringVar(&f.catalog, "catalog", "", "begin from the entry for the device's model, if the catalog in this `DIRECTORY` has one")
	set.StringVar(&f.settings.Order, "order", defaultOrder, "how far to prove: exact, or a number N: a cut that is not found has more than N members")
	set.BoolVar(&f.dry, "dry-run", false, "list what would be changed, and change nothing")
}

// addShared adds the flags of every experiment with a spec.
func (f *bisectFlags) addShared(command *cobra.Command) {
	set := command.Flags()
	set.IntVar(&f.settings.Budget, "budget", 0, "largest number of trials; 0 means that of the spec")
	set.DurationVar(&f.longest, "for", 0, "end after this time, e.g. 6h; 0 means no limit")
	set.DurationVar(&f.settings.Horizon, "horizon", 0, horizonUsage)
	set.StringVar(&f.settings.Driver, "driver", "ipset", "how to block: "+strings.Join(drivers(), ", "))
	completeFlag(command, "driver", drivers()...)
	set.Int64Var(&f.settings.Seed, "seed", 1, "start value of the random choices")
	set.StringSliceVar(&f.tags, "tag", nil, "only scenarios with one of these tags")
	f.standFlags.add(command)
	set.BoolVar(&f.actuate, "allow-actuation", false, "carry out steps that make the device do something")
}

// read reads a spec, and reports what the flags do not allow of it as an error.
func (f *bisectFlags) read(nameOrPath string) (file scenarios.File, list scenarios.List, err error) {
	if file, err = scenarios.Find(nameOrPath); err != nil {
		return file, nil, usage(err)
	}
	if list, err = file.Chosen(f.tags); err != nil {
		return file, nil, usage(err)
	}
	return file, list, usage(errors.Join(f.check(), allowed(file, list, f.actuate || f.dry, "--tag")))
}

func (f *bisectFlags) run(command *cobra.Command, nameOrPath string, replicas ...string) error {
	if _, lent, _ := lentReplica(nameOrPath); lent {
		return usage(fmt.Errorf("%s is lent by another agent: give the spec of a device of this machine first", nameOrPath))
	}
	file, list, err := f.read(nameOrPath)
	if err != nil {
		return err
	}
	if err := f.readReplicas(command.Context(), replica{source: nameOrPath, file: file, list: list}, replicas); err != nil {
		return err
	}
	if f.settings.Seen, err = readSeen(command.ErrOrStderr(), f.seen, bench.OfResolver(file)); err != nil {
		return err
	}
	if err := onlyOf(command.ErrOrStderr(), &file, f.only, &f.settings); err != nil {
		return usage(err)
	}
	if err := f.chooseStandIns(file); err != nil {
		return usage(err)
	}
	if f.dry {
		return f.dryRun(command, file)
	}
	if f.out == "" {
		f.out = runOf(nameOrPath, file)
	}
	taken := unused(command.Context(), f.out)
	if f.resume || f.alone && taken != nil {
		f.own = &file
		return f.goOn(command)
	}
	if taken != nil {
		return taken
	}
	if list, err = f.prepare(command.Context(), file, list); err != nil {
		return err
	}
	for i, other := range f.others {
		if other.lender != "" {
			continue
		}
		if f.others[i].list, err = f.prepare(command.Context(), other.file, other.list); err != nil {
			return err
		}
	}
	f.settings.For = f.longest
	run := f.newRun(nameOrPath, file, list)
	if len(f.others) > 0 {
		run.Settings.Replicas = replicasOf(append([]replica{{source: nameOrPath, file: file, list: list}}, f.others...))
		run.Settings.Lanes = len(run.Settings.Replicas)
	}
	run.Device.Firmware = firmwareOf(command.Context(), command.ErrOrStderr(), file)
	if err := f.fromCatalog(command.ErrOrStderr(), file, &run); err != nil {
		return err
	}
	f.display.end.spec = nameOrPath
	return f.experiment(command, file, list, run, func(run harness.Run) (journal, error) { return f.begin(command, run) })
}

// newRun is a run that is about to begin.
func (f *bisectFlags) newRun(source string, file scenarios.File, list scenarios.List) harness.Run {
	run := bench.NewRun(source, file, list, f.settings)
	run.ID = cmp.Or(f.id, run.ID)
	return run
}

// runOf is the run file of a spec that has no other name.
func runOf(nameOrPath string, file scenarios.File) string {
	return filepath.Clean(bench.Name(nameOrPath, file) + ".run")
}

// prepare does what comes before any run: it checks that the page can be served and that
// the privileges suffice, and returns the scenarios, with one for each spec of a Ginkgo suite.
func (f *bisectFlags) prepare(ctx context.Context, file scenarios.File, list scenarios.List) (scenarios.List, error) {
	if file.Gateway.Placement == scenarios.Lab {
		if err := errors.Join(f.display.web.onLab(), f.uplink.onLab()); err != nil {
			return nil, err
		}
	}
	if err := privilegesFor(file); err != nil {
		return nil, err
	}
	expanded, err := file.Expand(ctx, list)
	if err != nil {
		return nil, unfit(err)
	}
	return expanded, nil
}

// begin creates the run file, and remembers that the run was begun here.
func (f *bisectFlags) begin(command *cobra.Command, run harness.Run) (journal, error) {
	journal, err := runfile.Create(f.out, run)
	if err != nil {
		return nil, err
	}
	for _, one := range runsOf(run) {
		if one.Settings.Text != "" { // the spec of a lent device is on the machine of its agent
			rememberOrTell(command.ErrOrStderr(), one)
		}
	}
	return journal, nil
}

// check refuses flags that make no sense.
func (f *bisectFlags) check() error {
	order, err := strconv.Atoi(f.settings.Order)
	switch {
	case f.settings.Order != "exact" && (err != nil || order < 1):
		return fmt.Errorf("--order %s: it must be exact or a number from 1", f.settings.Order)
	case !slices.Contains(drivers(), f.settings.Driver):
		return fmt.Errorf("--driver %s: it takes ipset, iptables", f.settings.Driver)
	case f.settings.Budget < 0 || f.longest < 0 || f.settings.Longest < 0 || f.settings.Horizon < 0 || f.wait <= 0:
		return errors.New("--budget, --for, --longest, --horizon and --wait take no negative values")
	}
	f.settings.Schedule = f.schedule.text
	if _, err := scheduleOf(f.settings); err != nil {
		return err
	}
	return checkFormat(f.display.format)
}

// respec returns the spec of one device of a run that is resumed, and its scenarios: the spec that the user gave,
// or else the one in the run file. device is the run as that device would have it alone.
func (f *bisectFlags) respec(command *cobra.Command, run, device harness.Run, given *scenarios.File) (file scenarios.File, list scenarios.List, err error) {
	file, theirs, err := specOf(f.out, device, given)
	if err != nil {
		return file, nil, err
	}
	if err := privilegesFor(file); err != nil {
		return file, nil, err
	}
	if theirs {
		if err := agreed(command, f.out, file, f.trust, interactive() && !f.among); err != nil {
			return file, nil, err
		}
	}
	list, err = f.listed(command.Context(), file, run)
	return file, list, err
}

// goOn resumes the run that the file holds, with the spec that it holds.
func (f *bisectFlags) goOn(command *cobra.Command) error {
	run, err := loadRun(command.Context(), f.out)
	if err != nil {
		return err
	}
	f.display.end.saved = f.out
	if over, err := alreadyOver(command, f.display, run, f.settings); over {
		return err
	}
	if f.alone && f.longest > 0 {
		if f.longest -= harness.ProgressOf(run).Elapsed; f.longest <= 0 {
			laid(command.ErrOrStderr(), "the time of the run is used up: continue with a larger --for")
			return f.display.closing(command, run)
		}
	}
	file, list, err := f.respec(command, run, run, f.own)
	if err != nil {
		return err
	}
	if err := f.reread(command, run); err != nil {
		return err
	}
	kept, run, err := openRun(command.Context(), f.out)
	if err != nil {
		return err
	}
	run = extended(run, f.settings)
	f.display.end.spec = specName(run)
	return f.experiment(command, file, list, run, func(harness.Run) (journal, error) { return kept, nil })
}

// listed are the scenarios of a run's spec that the run judges.
func (f *bisectFlags) listed(ctx context.Context, file scenarios.File, run harness.Run) (scenarios.List, error) {
	all, err := file.Expand(ctx, file.Scenarios)
	if err != nil {
		return nil, unfit(err)
	}
	list, err := bench.Listed(all, run.Scenarios)
	if err != nil {
		return nil, usage(fmt.Errorf("%s: %w", f.out, err))
	}
	return list, nil
}

// experiment puts the device on the bench, carries the run out, puts everything
// back, and only then shows what came of it.
func (f *bisectFlags) experiment(command *cobra.Command, file scenarios.File, list scenarios.List, run harness.Run, open func(harness.Run) (journal, error)) (err error) {
	times, err := scheduleOf(run.Settings)
	if err != nil {
		return usage(err)
	}
	if err := f.openPage(command); err != nil {
		return err
	}
	defer f.display.page.close()
	tell, err := newNotifier(file, run.Device.Name, command.ErrOrStderr())
	if err != nil {
		return unfit(err)
	}
	defer tell.wait()
	all := append([]replica{{source: run.Settings.Source, file: file, list: list}}, f.others...)
	up, members, held, release, err := f.claim(command, all)
	if err != nil {
		return err
	}
	defer release()
	ctx := held // ends when the time of the run is up, too
	stands, err := openStands(ctx, command.ErrOrStderr(), all, standOptions{
		standFlags: f.standFlags, driver: run.Settings.Driver, observe: len(run.Results) == 0, quiet: f.display.quiet, only: run.Settings.Only, known: run.Contacts(), page: f.display.page, tell: tell, among: f.among,
	})
	if err != nil {
		return err
	}
	run, secrets := stands.adopt(run, times, all)
	if err := stands.borrow(ctx, up, command.ErrOrStderr(), run, all); err != nil {
		return errors.Join(err, stands.close())
	}
	journal, err := open(run)
	if err != nil {
		return errors.Join(runfileError(err), stands.close())
	}
	members[0].sent = up.send(members[0], f.out)
	if f.longest > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.longest)
		defer cancel()
	}
	said, recording, err := f.display.record(stands.lanes(), secrets)
	if err != nil {
		return errors.Join(err, journal.Close(), stands.close())
	}
	defer recording.close(command.ErrOrStderr())
	heeding, lanes, stop, err := stands.heed(ctx, all, said)
	if err != nil {
		return unfit(errors.Join(err, journal.Close(), stands.close()))
	}
	show := f.display.notify(command, run, stands.benches()...)
	e := &harness.Experiment{Run: run, Lanes: lanes, Journal: journal, Orders: times.orders(heeding, f.display.page.orders()), Notify: func(event harness.Event) {
		if event.Kind == harness.Ended {
			stands[event.Lane-1].person.expect(event)
		}
		show(event)
	}}
	failure := e.Do(heeding)
	why := stop()
	if failure == nil && e.Run.Status == harness.Interrupted {
		explain(command.Context(), held, ctx, &e.Run, why)
	}
	finished := journal.Finish(e.Run.Status, e.Run.Why, e.Run.Duration)
	if err := errors.Join(failure, finished, journal.Close(), stands.close()); err != nil {
		return unfit(err)
	}
	f.display.end.saved, f.display.end.unsaved, f.display.end.gateway = f.out, whyUnsaved(journal), file.Gateway
	tell.say("The run is over. " + reports.New(e.Run, harness.Judge(e.Run)).Summary)
	return f.display.closing(command, e.Run)
}

// claim connects to the hub, and waits until the devices of this machine belong to its agent. The context ends if one is
// given to another agent.
func (f *bisectFlags) claim(command *cobra.Command, all []replica) (up *uplink, members []*member, held context.Context, release func(), err error) {
	if up, err = f.uplink.open(command.ErrOrStderr()); err != nil {
		return nil, nil, nil, nil, err
	}
	members = membersOf(all, command.ErrOrStderr())
	held, giveBack, err := up.claim(command.Context(), members)
	if err != nil {
		up.close(members)
		return nil, nil, nil, nil, err
	}
	return up, members, held, func() { giveBack(); up.close(members) }, nil
}

// openPage serves the page of the run, unless it is served already.
func (f *bisectFlags) openPage(command *cobra.Command) (err error) {
	if f.display.page == nil {
		f.display.page, err = f.display.web.open(command.Context(), command.ErrOrStderr())
	}
	return err
}

// explain says why a run was interrupted, if it was not by the user: for the reason why, if there is one; since the
// device was given to another agent (held); or since its time is up (limited).
func explain(user, held, limited context.Context, run *harness.Run, why string) {
	switch {
	case why != "":
		run.Why = why
	case user.Err() != nil:
	case held.Err() != nil:
		run.Why = context.Cause(held).Error()
	case limited.Err() != nil:
		run.Status = harness.OverBudget
	}
}
