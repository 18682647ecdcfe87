package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/guard"
	"github.com/needwant/needwant/scenarios"
)

// Several devices of the same model and firmware can be the lanes of one experiment. Each has a spec,
// a gateway and a stand of its own.

// replica is one of these devices.
type replica struct {
	source string // as the user named it
	file   scenarios.File
	list   scenarios.List
	lender string // the agent that lends it, which has the spec; "" if it is a device of this machine
	device string // its name there
}

func (r replica) name() string {
	if r.lender != "" {
		return r.lender + "/" + r.device
	}
	return bench.Name(r.source, r.file)
}

// readReplicas reads the specs of the other devices. It is an error if one does not judge what the
// first one does, or if two need the same of this machine.
func (f *bisectFlags) readReplicas(ctx context.Context, first replica, sources []string) error {
	f.others = nil
	all := []replica{first}
	for _, source := range sources {
		r, lent, err := lentReplica(source)
		switch {
		case err != nil:
			return usage(err)
		case lent:
			if err := f.borrows(); err != nil {
				return err
			}
		default:
			r.source = source
			if r.file, r.list, err = f.read(source); err != nil {
				return err
			}
			if err := sameTraits(first.source, traitsOf(first.file, first.list), r.source, traitsOf(r.file, r.list)); err != nil {
				return usage(err)
			}
		}
		for _, other := range all {
			if other.name() == r.name() {
				return usage(fmt.Errorf("%s and %s both name their device %s: write another device: {name: …} in one of them", other.source, source, r.name()))
			}
		}
		all = append(all, r)
	}
	f.others = all[1:]
	if len(f.others) == 0 {
		return nil
	}
	return disjoint(ctx, all)
}

// borrows reports what a run with a device that another agent lends cannot have.
func (f *bisectFlags) borrows() error {
	switch {
	case f.uplink.url == "":
		return usage(errors.New("a device that another agent lends is reached by way of a hub: give --hub and --creds"))
	case f.display.pcap != "":
		return usage(errors.New("--pcap is only for devices of this machine: the packets of a lent device are on the machine of its agent"))
	case f.only != "":
		return usage(errors.New("--only is only for devices of this machine: the agent that lends a device does not have the blocklist"))
	}
	return nil
}

// trait is something that the specs of equal devices have in common.
type trait struct {
	What string `json:"what"`
	Is   string `json:"is"`
}

// traitsOf are the traits of a spec.
func traitsOf(file scenarios.File, list scenarios.List) []trait {
	var names []string
	for _, info := range list.Infos(scenarios.Neighbourhood{}) {
		names = append(names, info.Name)
	}
	slices.Sort(names)
	return []trait{
		{"device: {model}", file.Device.Model},
		{"scenarios", fmt.Sprint(names)},
		{"regimes", fmt.Sprint(bench.Regimes(file))},
		{"block: {faults}", fmt.Sprint(file.Block.Faults)},
		{"block: {keep}", fmt.Sprint(file.Block.Keep)},
		{"block: {always}", fmt.Sprint(file.Block.Patterns())},
		{"block: {only}", fmt.Sprint(file.Block.Only)},
	}
}

// sameTraits reports what two specs must have in common and do not.
func sameTraits(first string, here []trait, other string, there []trait) error {
	if len(here) != len(there) {
		return fmt.Errorf("%s and %s cannot be compared: install the same version of needwant on both machines", first, other)
	}
	for i := range here {
		if here[i] != there[i] {
			return fmt.Errorf("%s and %s are not specs of equal devices: %s is %s in one, and %s in the other", first, other, here[i].What, here[i].Is, there[i].Is)
		}
	}
	return nil
}

// disjoint rejects two experiments that need the same of this machine.
func disjoint(ctx context.Context, all []replica) error {
	if !slices.ContainsFunc(all, func(r replica) bool { return r.lender == "" && r.file.Gateway.Placement != scenarios.Lab }) {
		return nil
	}
	machine, err := thisMachine()
	if err != nil {
		return err
	}
	defer machine.Close()
	claims := make([]guard.Names, len(all))
	for i, r := range all {
		if r.lender != "" {
			continue // another machine's
		}
		if claims[i], err = bench.Claims(ctx, r.file, machine); err != nil {
			return unfit(fmt.Errorf("%s: %w", r.source, err))
		}
		for j, other := range all[:i] {
			if both := claims[j].Conflict(claims[i]); both != "" {
				return usage(fmt.Errorf("%s and %s cannot run at the same time, since both need %s: change one of them, or run one after the other", other.source, r.source, both))
			}
		}
	}
	return nil
}

// replicasOf are the devices of a run with some specs, as its settings have them.
func replicasOf(all []replica) (replicas []harness.Replica) {
	for i, r := range all {
		replica := harness.Replica{Name: r.name(), Source: r.source}
		if i > 0 && r.lender == "" {
			replica.Text = r.file.Text()
		}
		replicas = append(replicas, replica)
	}
	return replicas
}

// runsOf is a run, and for each of its other devices the same run with the spec of that device. So whatever is
// known of a run with one spec is known of each.
func runsOf(run harness.Run) []harness.Run {
	all := []harness.Run{run}
	for i, r := range run.Settings.Replicas {
		if i > 0 {
			other := run
			other.Settings.Source, other.Settings.Text = r.Source, r.Text
			all = append(all, other)
		}
	}
	return all
}

// reread finds the specs of the other devices of a run that is resumed: those that the user gave, or those
// that the run file has.
func (f *bisectFlags) reread(command *cobra.Command, run harness.Run) error {
	given := f.others
	f.others = nil
	if n := len(run.Settings.Replicas); f.own != nil && len(given)+1 != max(1, n) {
		return usage(fmt.Errorf("%s was begun with %d devices: give as many specs, in the same order", f.out, max(1, n)))
	}
	for i, other := range runsOf(run)[1:] {
		source := other.Settings.Source
		if i < len(given) {
			source = given[i].source
		}
		if r, lent, err := lentReplica(source); lent {
			if err = cmp.Or(usage(err), f.borrows()); err != nil {
				return err
			}
			f.others = append(f.others, r)
			continue
		}
		var own *scenarios.File
		if i < len(given) {
			own = &given[i].file
		}
		file, list, err := f.respec(command, run, other, own)
		if err != nil {
			return err
		}
		f.others = append(f.others, replica{source: other.Settings.Source, file: file, list: list})
	}
	return nil
}

// stands are where the devices of a run are on the bench, in the order of its lanes.
type stands []*stand

// openStands opens a stand for each device, all at the same time. Those of devices that other agents lend follow: see [stands.borrow].
func openStands(ctx context.Context, out io.Writer, all []replica, options standOptions) (stands, error) {
	options.among = options.among || len(all) > 1
	opened, errs := make(stands, len(all)), make([]error, len(all))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var opening sync.WaitGroup
	for i, r := range all {
		if r.lender != "" {
			opened[i] = &stand{back: func() error { return nil }}
			continue
		}
		opening.Go(func() {
			if opened[i], errs[i] = openStand(ctx, out, r.file, r.list, options); errs[i] != nil {
				if len(all) > 1 {
					errs[i] = fmt.Errorf("%s: %w", r.source, errs[i])
				}
				cancel()
			}
		})
	}
	opening.Wait()
	opened = slices.DeleteFunc(opened, func(s *stand) bool { return s == nil })
	if len(opened) == len(all) {
		return opened, nil
	}
	if cause := slices.IndexFunc(errs, func(err error) bool { return err != nil && !errors.Is(err, context.Canceled) }); cause >= 0 {
		errs = errs[cause : cause+1] // the others were canceled for it
	}
	return nil, errors.Join(append(errs, opened.close())...)
}

// adopt readies the stands for a run, with the timing of the first spec, and the run for the stands. The secrets are
// those of all specs.
func (s stands) adopt(run harness.Run, times schedule, all []replica) (adopted harness.Run, secrets []string) {
	first := s[0].bench
	run.Settings.Settle = first.Timing.Settle
	run.Settings.Longest = cmp.Or(run.Settings.Longest, first.Timing.Longest)
	run.Settings = times.bound(run.Settings)
	run.Settings.Simulated = run.Settings.Simulated || s[0].simulated
	for i, stand := range s {
		if stand.bench != nil {
			stand.adopt(s.terms(run, i))
			secrets = append(secrets, all[i].file.Revealed()...)
		}
	}
	return run, secrets
}

// terms are what a run asks of one of its lanes.
func (s stands) terms(run harness.Run, lane int) terms {
	timing := s[0].bench.Timing
	timing.Longest = run.Settings.Longest
	return terms{lane + 1, timing, run.Scenarios, run.Periods(), run.Contacts(), len(run.Results) == 0}
}

func (s stands) close() error {
	var errs []error
	for _, stand := range s {
		errs = append(errs, stand.close())
	}
	return errors.Join(errs...)
}

func (s stands) benches() (benches []*harness.Bench) {
	for _, stand := range s {
		if stand.bench != nil {
			benches = append(benches, stand.bench)
		}
	}
	return benches
}

func (s stands) lanes() (lanes []harness.Lane) {
	for _, stand := range s {
		if stand.lent != nil {
			lanes = append(lanes, stand.lent)
			continue
		}
		lanes = append(lanes, stand.lane)
	}
	return lanes
}

// expendable is the lane of a replica. If it cannot carry out trials any more, it puts its network back, and
// the others continue.
type expendable struct {
	*bench.Abort
	over context.Context // ended by abort_if
	back func() error    // puts the network back
}

// Run carries out one trial. The error is a [*harness.LostError], unless ctx has ended.
func (l *expendable) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	running, end := context.WithCancel(ctx)
	defer end()
	defer context.AfterFunc(l.over, end)()
	result, err := l.Abort.Run(running, trial)
	if err == nil || ctx.Err() != nil {
		return result, err
	}
	if l.over.Err() != nil {
		if why := l.Stop(); why != "" {
			err = errors.New(why)
		}
	}
	return result, &harness.LostError{Err: errors.Join(err, l.back())}
}

// heed has each lane end when the spec of its device says so. With one device, the experiment ends with it. Stop
// ends that, and returns why the experiment ended; "" if it did not end for that.
func (s stands) heed(ctx context.Context, all []replica, lanes []harness.Lane) (heeding context.Context, heeded []harness.Lane, stop func() string, err error) {
	var aborts []*bench.Abort
	stop = func() (why string) {
		for _, abort := range aborts {
			why = abort.Stop()
		}
		if len(aborts) > 1 {
			return ""
		}
		return why
	}
	for i, r := range all {
		if r.lender != "" {
			heeded = append(heeded, lanes[i]) // its agent does that
			continue
		}
		over, abort, err := bench.Heed(ctx, r.file, lanes[i])
		if err != nil {
			stop()
			return nil, nil, nil, err
		}
		aborts = append(aborts, abort)
		if len(all) == 1 {
			return over, []harness.Lane{abort}, stop, nil
		}
		heeded = append(heeded, &expendable{abort, over, s[i].close})
	}
	return ctx, heeded, stop, nil
}
