package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/reports/policy"
	"github.com/needwant/needwant/scenarios"
)

// verifyFlags are the choices of a verification.
type verifyFlags struct {
	standFlags
	options policy.Options
	kind    string
	longest time.Duration
	every   time.Duration
	json    bool
	quiet   bool
	actuate bool
	trust   bool
	web     webFlags
	page    *webPage  // nil if there is none
	tell    *notifier // of the end, and of each question; nil if nobody is told
	end     ending
	partly  string // what came of it, if it was interrupted
}

func verifyCommand() *cobra.Command {
	flags := &verifyFlags{}
	command := &cobra.Command{
		Use:   "verify RUN",
		Short: "Apply a run's policy and soak-test it",
		Long: `Applies the policy that follows from a run, and checks every scenario again and again
for the time of --for. The device is behind the gateway during that time, and is
restarted if the spec says how. At the end nothing is blocked any more.

There are two policies. block-optional blocks what the run blocked all at once while
everything worked. allow-required blocks everything except what is needed, even what the
run has never seen. No trial of the run did that, so try this before you use it.

A single failure does not count. A scenario is broken if two checks in a row fail, or
more than one in ten. Then verify ends with the exit code 1.

With --web a page shows what is blocked and the results of the checks. A person can
answer questions there, and stop verify, which makes everything reachable.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return flags.run(command, args[0]) },
	}
	set := command.Flags()
	set.StringVar(&flags.kind, "policy", string(policy.BlockOptional), "the policy to apply: block-optional, allow-required")
	completeFlag(command, "policy", string(policy.BlockOptional), string(policy.AllowRequired))
	set.StringVar(&flags.options.Scenario, "scenario", "", "the `NAME` of the scenario or column that must work (default: all)")
	set.DurationVar(&flags.longest, "for", 0, "how long, e.g. 24h (default: 20 times the settle time of the run)")
	set.DurationVar(&flags.every, "every", 0, "time from one check to the next (default: the settle time of the run)")
	flags.add(command)
	set.BoolVar(&flags.json, "json", false, "write events to stdout, one JSON object per line; the last one has the result")
	set.BoolVarP(&flags.quiet, "quiet", "q", false, "show no progress")
	set.BoolVar(&flags.actuate, "allow-actuation", false, "carry out steps that make the device do something")
	withStandInsFlag(command, &flags.options.StandIns)
	trustFlag(command, &flags.trust)
	flags.web.add(command)
	return command
}

func (f *verifyFlags) run(command *cobra.Command, path string) error {
	if f.longest < 0 || f.every < 0 || f.wait <= 0 {
		return usage(errors.New("--for, --every and --wait take no negative values"))
	}
	run, err := loadRun(command.Context(), path)
	if err != nil {
		return err
	}
	f.options.Kind = policy.Kind(f.kind)
	if f.options.Kind == policy.AllowRequired && run.Settings.ByName {
		return usage(errors.New("placement dns cannot block everything except what is needed: it answers names that the run has never seen. Verify the list of names instead: --policy block-optional"))
	}
	applied, err := proposed(run, path, f.options)
	if err != nil {
		return usage(err)
	}
	if !ofSpec(run) {
		if err := f.web.onLab(); err != nil {
			return err
		}
	}
	if f.page, err = f.web.open(command.Context(), command.ErrOrStderr()); err != nil {
		return err
	}
	defer f.page.close()
	stand, err := f.open(command, path, run, applied)
	defer func() { f.tell.wait() }()
	if err != nil {
		return err
	}
	came, err := f.verify(command, stand, run, applied)
	closing := stand.close()
	if err != nil && closing == nil && !f.json && !f.quiet {
		f.end.left(command.ErrOrStderr(), f.partly, "")
	}
	if err := errors.Join(err, closing); err != nil {
		var ends *exitError
		if errors.As(err, &ends) {
			return err
		}
		return unfit(err)
	}
	f.tell.say("The verification is over. " + came.headline())
	if err := f.show(command.OutOrStdout(), came); err != nil {
		return err
	}
	if f.json || f.quiet {
		return came.verdict()
	}
	f.end.left(command.ErrOrStderr(), "", f.next(path, came))
	return came.verdict()
}

// next is what a verification leads to.
func (f *verifyFlags) next(path string, came verification) string {
	if !came.Works || f.end.spec == "" || f.end.gateway.Placement == scenarios.Lab {
		return ""
	}
	if came.Policy == policy.AllowRequired {
		return "Next: " + typed("needwant export %s --spec %s --policy allow-required", quoted(path), quoted(f.end.spec)) + " writes the rules."
	}
	export, what, keeps := "needwant export "+quoted(path)+" --spec "+quoted(f.end.spec), "rules", "keeps the device behind this machine with them"
	if f.end.gateway.Placement == scenarios.ByDNS {
		export, what, keeps = export+" --format adguard", "list", "keeps blocking it for the device, as long as it runs"
	}
	return fmt.Sprintf("Next: %s writes the %s; or %s %s.", typed("%s", export), what, asRoot(f.end.gateway, "gateway "+quoted(f.end.spec)+" --policy "+quoted(path)), keeps)
}

// open puts the run's device where it was, with the scenarios that must keep
// working.
func (f *verifyFlags) open(command *cobra.Command, path string, run harness.Run, applied applied) (*stand, error) {
	if ofSpec(run) {
		return f.onBench(command, path, run, applied)
	}
	if err := privileges(); err != nil {
		return nil, err
	}
	world, err := lab.Parse(run.Settings.Source, []byte(run.Settings.Text))
	if err != nil {
		return nil, usage(fmt.Errorf("the run holds a world that this version does not read: %w", err))
	}
	lane, err := lablane.Start(command.Context(), run, world, 1)
	if err != nil {
		return nil, unfit(fmt.Errorf("%w\n  needwant doctor says what this machine lacks", err))
	}
	f.end = ending{gateway: scenarios.Gateway{Placement: scenarios.Lab}}
	lane.Scenarios = slices.DeleteFunc(lane.Scenarios, func(s harness.Scenario) bool { return !applied.judges(s.Name) })
	return &stand{bench: lane.Bench, lane: lane, back: lane.Close}, nil
}

func (f *verifyFlags) onBench(command *cobra.Command, path string, run harness.Run, applied applied) (*stand, error) {
	file, theirs, err := specOf(path, run, nil)
	if err != nil {
		return nil, err
	}
	if err := privilegesFor(file); err != nil {
		return nil, err
	}
	if theirs {
		if err := agreed(command, path, file, f.trust, interactive()); err != nil {
			return nil, err
		}
	}
	all, err := file.Expand(command.Context(), file.Scenarios)
	if err != nil {
		return nil, unfit(err)
	}
	list, err := bench.Listed(all, slices.DeleteFunc(slices.Clone(run.Scenarios), func(s harness.ScenarioInfo) bool { return !applied.judges(s.Name) }))
	if err != nil {
		return nil, usage(fmt.Errorf("%s: %w", path, err))
	}
	if err := allowed(file, list, f.actuate, "--scenario"); err != nil {
		return nil, usage(err)
	}
	if f.tell, err = newNotifier(file, run.Device.Name, command.ErrOrStderr()); err != nil {
		return nil, unfit(err)
	}
	f.end = ending{spec: specName(run), gateway: file.Gateway}
	return openStand(command.Context(), command.ErrOrStderr(), file, list, standOptions{standFlags: f.standFlags, driver: run.Settings.Driver, quiet: f.quiet, known: run.Contacts(), page: f.page, tell: f.tell})
}

// verify sees that all works with nothing blocked, and then for long with the
// policy.
func (f *verifyFlags) verify(command *cobra.Command, stand *stand, run harness.Run, applied applied) (came verification, err error) {
	ctx := command.Context()
	usual := stand.bench.Timing.Settle
	soak := harness.Soak{For: cmp.Or(f.longest, 20*usual), Every: cmp.Or(f.every, usual)}
	shown, stop := f.shower(command, stand.bench, soak)
	defer stop()
	shown.page = newSoakPage(f.page, run, soak)
	defer shown.page.obey(interrupt)()
	soak.Tell = f.teller(command, shown)
	if err := control(ctx, stand); err != nil {
		return came, err
	}
	trial := harness.Trial{Number: 1, Block: applied.refused(), Fault: applied.policy.Fault(), Regime: harness.Steady, Reason: f.kind, StandIns: applied.policy.StandIns}
	if stand.bench.Restart != nil {
		trial.Regime = harness.ColdBoot
	}
	if applied.policy.Kind == policy.AllowRequired {
		confining, able := stand.bench.Gateway.(confiner)
		if !able {
			return came, errors.New("this gateway cannot refuse what it has never seen: verify --policy block-optional")
		}
		stand.bench.Gateway = &confined{Gateway: stand.bench.Gateway, confiner: confining, open: applied.open()}
	}
	shown.hold(applied.policy.Kind, trial)
	soaked, err := stand.lane.Soak(ctx, trial, soak)
	if ctx.Err() != nil {
		f.partly = shown.interrupted()
	}
	return newVerification(run, applied, soaked), err
}

// control sees that all works with nothing blocked. A device that was just
// switched on may need a moment for that.
func control(ctx context.Context, stand *stand) error {
	var last harness.Result
	for number := range 3 {
		result, err := stand.lane.Run(ctx, harness.Trial{Number: number + 1, Fault: harness.Reject, Regime: harness.Steady, Reason: "control"})
		if err != nil {
			return err
		}
		if result.Recovered && result.Suspect == "" {
			return nil
		}
		last = result
	}
	var unclear []error
	for name, outcome := range last.Outcomes {
		switch outcome.Answer {
		case harness.Pass:
		case harness.Fail:
			return exit(codeBroken, fmt.Errorf("it does not work with nothing blocked: %s: %s", name, outcome.Why))
		case harness.Inconclusive:
			unclear = append(unclear, fmt.Errorf("with nothing blocked, %s could not be judged: %s", name, outcome.Why))
		}
	}
	if last.Suspect != "" {
		unclear = append(unclear, errors.New(last.Suspect))
	}
	return errors.Join(unclear...)
}

// roundEvent says what a round of checks came to.
type roundEvent struct {
	Kind string    `json:"event"` // "round"
	At   time.Time `json:"at"`
	harness.Round
}

// shower shows how the verification goes until stop is called.
func (f *verifyFlags) shower(command *cobra.Command, bench *harness.Bench, soak harness.Soak) (shown *verifying, stop func()) {
	shown = &verifying{out: command.ErrOrStderr(), soak: soak, began: time.Now()}
	if f.quiet {
		shown.out = io.Discard
		return shown, func() {}
	}
	shown.say("first everything must work with nothing blocked")
	if screen := screenOf(command.ErrOrStderr()); screen.live() {
		bench.Tell = shown.takes
		return shown, screen.show(shown.lines)
	}
	return shown, func() {}
}

// teller tells of the rounds.
func (f *verifyFlags) teller(command *cobra.Command, shown *verifying) func(harness.Round) {
	encoder := json.NewEncoder(command.OutOrStdout())
	return func(round harness.Round) {
		if f.json {
			_ = encoder.Encode(roundEvent{"round", time.Now(), round}) // a reader that went away stops nothing
		}
		shown.round(round)
	}
}

func (f *verifyFlags) show(out io.Writer, came verification) error {
	if f.json {
		return json.NewEncoder(out).Encode(came)
	}
	return came.write(out)
}
