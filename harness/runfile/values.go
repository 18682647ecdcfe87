package runfile

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"
	"unicode"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
)

// A run file may come from a stranger, and may be made to say anything. What has a
// closed set of values, what names something, and every count is checked here:
// when it is read, so that reports and exports need not; and when it is written,
// so that what was written can be read. Sentences (why, saw, suspect) are not
// checked: reports make them harmless.

// validator collects the first flaw.
type validator struct{ flaw error }

func (v *validator) require(ok bool, format string, args ...any) {
	if !ok && v.flaw == nil {
		v.flaw = fmt.Errorf(format, args...)
	}
}

// oneOf requires a value of a closed set.
func oneOf[T ~string](v *validator, what string, value T, known ...T) {
	v.require(slices.Contains(known, value), "%s is %q, and is one of %q", what, value, known)
}

// text requires a name without characters that control a terminal, end a line, or
// change the direction of what follows.
func (v *validator) text(what, value string) {
	const longest = 1000
	v.require(len(value) <= longest, "%s has %d bytes, and at most %d are allowed", what, len(value), longest)
	for _, r := range value {
		joins := r == '\u200c' || r == '\u200d' // within words and emoji
		v.require(unicode.IsPrint(r) || joins, "%s has the character %U, which no name has", what, r)
	}
}

func (v *validator) notNegative(what string, values ...int) {
	for _, value := range values {
		v.require(value >= 0, "%s is %d, and cannot be negative", what, value)
	}
}

func (v *validator) span(what string, values ...time.Duration) {
	for _, value := range values {
		v.require(value >= 0, "%s is %s, and cannot be negative", what, span.Words(value))
	}
}

var (
	faults    = harness.Faults()
	regimes   = []harness.Regime{harness.Steady, harness.ColdBoot}
	provokers = harness.Provokers()
	answers   = []harness.Answer{harness.Pass, harness.Fail, harness.Inconclusive}
	causes    = []harness.Cause{"", harness.Unexpected, harness.TimedOut, harness.Unable}
	statuses  = []harness.Status{harness.Running, harness.Complete, harness.OverBudget, harness.Interrupted, harness.Failed}
	places    = []string{"", "gateway", "lan", "host"}
)

// validRun checks a run before its first trial.
func validRun(run harness.Run) error {
	v := &validator{}
	v.text("the run's id", run.ID)
	v.text("the device's name", run.Device.Name)
	v.text("the device's model", run.Device.Model)
	v.text("the device's firmware", run.Device.Firmware)
	v.settings(run.Settings)
	names := map[string]bool{}
	for _, scenario := range run.Scenarios {
		v.require(scenario.Name != "" && !names[scenario.Name], "scenario %q has no name, or that of another", scenario.Name)
		names[scenario.Name] = true
		v.text("a scenario's name", scenario.Name)
		v.text("a scenario's title", scenario.Title)
		v.text("what a scenario checks", scenario.Checks)
		for _, member := range scenario.Of {
			v.text("the name of a joined scenario", member)
		}
		oneOf(v, "a scenario's vantage", scenario.Vantage, places...)
		oneOf(v, "a scenario's controller", scenario.Controller, "", harness.InDeviceNetwork, "lan", "host")
	}
	return v.flaw
}

func (v *validator) settings(s harness.Settings) {
	const mostLanes = 1000
	v.text("the settings' source", s.Source)
	oneOf(v, "the driver", s.Driver, "", "ipset", "iptables", "dns")
	for i, fault := range s.Faults {
		oneOf(v, "a fault", fault, faults...)
		v.require(!slices.Contains(s.Faults[:i], fault), "fault %s is listed twice", fault)
	}
	for i, regime := range s.Regimes {
		oneOf(v, "a regime", regime, regimes...)
		v.require(!slices.Contains(s.Regimes[:i], regime), "regime %s is listed twice", regime)
	}
	if s.Order != "" && s.Order != "exact" {
		order, err := strconv.Atoi(s.Order)
		v.require(err == nil && order >= 1, "the order is %q, and is exact or a number from 1", s.Order)
	}
	v.notNegative("a number of the settings", s.Budget, s.ControlEvery, s.Lanes)
	v.require(s.Lanes <= mostLanes, "there are %d lanes, and at most %d are possible", s.Lanes, mostLanes)
	v.require(len(s.Replicas) == 0 || len(s.Replicas) == s.Lanes, "there are %d replicas and %d lanes", len(s.Replicas), s.Lanes)
	for _, replica := range s.Replicas {
		v.text("the name of a replica", replica.Name)
		v.text("the source of a replica", replica.Source)
	}
	v.require(s.MaxNoise >= 0 && s.MaxNoise <= 1, "max_noise is %v, and is from 0 to 1", s.MaxNoise)
	for _, provoker := range s.Provoke {
		oneOf(v, "what may provoke", provoker, provokers...)
	}
	v.span("settle", s.Settle)
	v.span("longest, the horizon or the longest time", s.Longest, s.Horizon, s.For)
	for _, contact := range s.Seen {
		v.span("the time between two contacts", contact.Quiet)
	}
	for _, kind := range s.StandIns {
		oneOf(v, "a stand-in", kind, harness.AllStandIns()...)
	}
	for _, kept := range s.Kept {
		oneOf(v, "what is kept", kept, "dhcp", "dns")
	}
	if only := s.Only; only != nil {
		v.text("the blocklist", only.List)
		v.notNegative("a number of the blocklist", only.Entries, only.Ignored)
		for _, client := range only.Clients {
			v.text("a name of the device", client)
		}
	}
	if s.Known != nil {
		v.known(*s.Known)
	}
	for _, controller := range s.Controllers {
		_, err := netip.ParseAddr(controller)
		_, other := netip.ParsePrefix(controller)
		v.require(err == nil || other == nil, "controller %q is not an address", controller)
	}
}

// mostKnownCuts limits the cuts that a run may test again in one column.
const mostKnownCuts = 1000

// known checks an earlier matrix that the run tests again.
func (v *validator) known(k harness.Known) {
	v.text("the file with what is known", k.Source)
	v.text("the id of the earlier run", k.Run)
	v.text("the firmware of the earlier run", k.Firmware)
	v.notNegative("a number of the earlier run", k.Trials)
	for d, every := range k.Periods {
		v.destination(d)
		v.span("a known period", every)
	}
	for _, column := range k.Columns {
		v.text("a known scenario's name", column.Scenario)
		oneOf(v, "a known regime", column.Regime, regimes...)
		oneOf(v, "a known fault", column.Fault, faults...)
		v.require(len(column.Cuts) <= mostKnownCuts, "there are %d known cuts, and at most %d are possible", len(column.Cuts), mostKnownCuts)
		for _, cut := range column.Cuts {
			v.require(len(cut) > 0, "a known cut has no destination")
			for _, d := range cut {
				v.destination(d)
			}
		}
		v.require(len(column.Verdicts) <= 2*harness.MostDestinations, "there are %d known verdicts, and at most %d are possible", len(column.Verdicts), 2*harness.MostDestinations)
		for d, verdict := range column.Verdicts {
			v.destination(d)
			oneOf(v, "a known verdict", verdict, harness.Required, harness.Alternative, harness.Optional, harness.Degraded, harness.NotExercised, harness.Undecided)
		}
		for d, cuts := range column.Fallbacks {
			for _, member := range append(slices.Concat(cuts...), d) {
				v.destination(member)
			}
		}
	}
}

// CheckResult reports what no trial of a run can have.
func CheckResult(run harness.Run, result harness.Result) error {
	v := &validator{}
	trial := result.Trial
	v.notNegative("a trial's number", trial.Number)
	oneOf(v, "a trial's fault", trial.Fault, slices.Concat(faults, []harness.Fault{""})...)
	oneOf(v, "a trial's regime", trial.Regime, slices.Concat(regimes, []harness.Regime{""})...)
	v.text("a trial's reason", trial.Reason)
	v.notNegative("a trial's lane or sitting", result.Lane, result.Sitting)
	v.span("a trial's duration", result.Duration, result.Held, trial.Hold)
	for destination, wait := range trial.Awaited {
		v.destination(destination)
		v.span("how long a destination is waited for", wait)
	}
	oneOf(v, "what a trial is provoked by", trial.Provoke, slices.Concat(provokers, []harness.Provoker{""})...)
	if provoked := result.Provoked; provoked != nil {
		oneOf(v, "what a trial was provoked by", provoked.By, provokers...)
		v.span("when a trial was provoked", provoked.After, provoked.Took)
		for _, destination := range provoked.Contacted {
			v.destination(destination)
		}
	}
	for _, destination := range trial.Block {
		v.destination(destination)
	}
	if err := harness.CheckStandIns(trial.StandIns, trial.Block); err != nil {
		v.require(false, "trial %d: %v", trial.Number, err)
	}
	if err := trial.CheckWays(); err != nil {
		v.require(false, "trial %d: %v", trial.Number, err)
	}
	for name, outcome := range result.Outcomes {
		listed := slices.ContainsFunc(run.Scenarios, func(s harness.ScenarioInfo) bool { return s.Name == name })
		v.require(listed, "trial %d has an outcome of %q, which is not a scenario of the run", trial.Number, name)
		v.outcome(outcome)
	}
	v.observation(result.Seen)
	v.observation(harness.Observation{Contacts: result.Later})
	return v.flaw
}

func (v *validator) outcome(outcome harness.Outcome) {
	oneOf(v, "an answer", outcome.Answer, answers...)
	v.span("a check's duration", outcome.Duration)
	for _, step := range outcome.Steps {
		v.text("a step's name", step.Step)
		oneOf(v, "a step's answer", step.Answer, answers...)
		oneOf(v, "why a step did not pass", step.Cause, causes...)
	}
	if broke := outcome.Broke; broke != nil {
		v.span("the time of a failure", broke.After, broke.Worked)
		for _, destination := range broke.Touched {
			v.destination(destination)
		}
	}
	if figures := outcome.Figures; figures != nil {
		v.require(figures.Ratio >= 0 && figures.Ratio <= 1, "a ratio is %v, and is from 0 to 1", figures.Ratio)
		v.span("a figure", figures.Gap, figures.P95)
		v.notNegative("a number of checks", figures.Checks)
	}
}

func (v *validator) observation(seen harness.Observation) {
	v.notNegative("a number of messages or contacts", seen.Lost, seen.Free)
	for _, contact := range seen.Contacts {
		v.destination(contact.Destination)
		oneOf(v, "how a name is known", contact.Named, "", "dns", "tls")
		v.text("how a contact resolves names", contact.Private)
		v.span("the time between two contacts", contact.Quiet)
		v.notNegative("a number of tries", contact.Tries, contact.Attempts, contact.Touched, contact.Stopped)
		for _, name := range slices.Concat(contact.Listed, contact.Collateral) {
			v.text("a name", name)
		}
	}
	for _, host := range seen.Home {
		v.text("a host of the home network", host)
	}
	for _, stood := range seen.StoodIn {
		v.destination(stood.Destination)
		oneOf(v, "a stand-in", stood.Kind, harness.AllStandIns()...)
		oneOf(v, "a way to a stand-in", stood.By, append(harness.Ways(), "")...)
		v.notNegative("a number of answers", stood.Answers)
		v.text("why a stand-in proves nothing", stood.Doubt)
	}
	for _, sinkhole := range seen.Sinkholes {
		v.text("a name", sinkhole.Name)
	}
}

// destination requires one that was there at all: its id is checked when it is
// decoded.
func (v *validator) destination(d harness.Destination) {
	v.require(d.Name != "", "a destination has no name")
}

func validOrder(order harness.Order) error {
	v := &validator{}
	oneOf(v, "an order", order.Do, harness.Dos()...)
	v.require(order.Do != harness.Keep || order.Destination.Name != "", "an order to keep a destination reachable has no destination")
	return v.flaw
}

func validEnd(end ending) error {
	v := &validator{}
	oneOf(v, "the status", end.Status, statuses...)
	v.span("the duration", end.Duration)
	return v.flaw
}
