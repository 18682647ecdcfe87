package labtest

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/needwant/needwant/netns/lab"
)

// Regime is the state of the device in which a scenario is judged.
type Regime int

// The regimes.
const (
	Steady   Regime = iota // running when the block begins
	ColdBoot               // switched on while blocked
)

// Fault is how destinations are blocked. For most worlds it makes no difference:
// a blocked destination is out of reach, however that is done.
type Fault string

// The faults.
const (
	Rejected Fault = "reject"
	Dropped  Fault = "drop"
	NXDomain Fault = "nxdomain" // names do not exist, and bare addresses are rejected
)

// Expectation is what an experiment on a world must find out about one scenario.
type Expectation struct {
	Verdicts map[string]string // by destination as protocol/port/name: required, alternative, optional, degraded, not-exercised
	Cuts     [][]string        // the minimal failing sets, each sorted; the shorter first
	Monotone bool              // blocking more never repairs the scenario
}

// most is the number of destinations whose blocked sets can all be tried.
const most = 16

// Expect is what an experiment must find out that rejects what it blocks.
func Expect(w lab.World, scenario string, regime Regime) (Expectation, error) {
	return ExpectUnder(Rejected, w, scenario, regime)
}

// ExpectByName is [Expect] for a fault that blocks names: two names on one
// address and port are two destinations.
func ExpectByName(w lab.World, scenario string, regime Regime) (Expectation, error) {
	return ExpectUnder(NXDomain, w, scenario, regime)
}

// ExpectUnder tries every blocked set in thought. It refuses worlds that it cannot
// answer for: those that fail with nothing blocked, have too many destinations,
// have two names on one address and port, which some faults cannot tell apart,
// or get worse only when several destinations are blocked together.
func ExpectUnder(fault Fault, w lab.World, scenario string, regime Regime) (Expectation, error) {
	if fault != NXDomain {
		if err := distinct(w); err != nil {
			return Expectation{}, err
		}
	}
	d, err := imagine(w, regime)
	if err != nil {
		return Expectation{}, err
	}
	d.fault = fault
	works := make([]bool, 1<<len(d.universe))
	for blocked := range works {
		if works[blocked], err = d.passes(scenario, set(blocked)); err != nil {
			return Expectation{}, err
		}
	}
	if !works[0] {
		return Expectation{}, fmt.Errorf("world %s: %s fails with nothing blocked", w.Name, scenario)
	}
	cuts := minimal(works)
	expected := Expectation{Verdicts: map[string]string{}, Monotone: monotone(works, len(d.universe))}
	for _, cut := range cuts {
		expected.Cuts = append(expected.Cuts, d.ids(cut))
	}
	for i, id := range d.universe {
		expected.Verdicts[id] = d.verdict(i, cuts, works)
	}
	if err := d.degrade(scenario, expected.Verdicts, works); err != nil {
		return Expectation{}, err
	}
	slices.SortFunc(expected.Cuts, func(a, b []string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return slices.Compare(a, b)
	})
	return expected, nil
}

// Works reports whether a function of the device works, once the device has
// settled, with these destinations blocked.
func Works(w lab.World, function string, regime Regime, blocked ...string) (bool, error) {
	d, err := imagine(w, regime)
	if err != nil {
		return false, err
	}
	var s set
	for _, id := range blocked {
		i := slices.Index(d.universe, id)
		if i < 0 {
			return false, fmt.Errorf("world %s has no destination %s", w.Name, id)
		}
		s |= 1 << i
	}
	return d.works(function, s)
}

// set is a set of the universe's destinations, one bit for each.
type set uint

func (s set) has(i int) bool { return s&(1<<i) != 0 }

// minimal lists the failing sets without a failing part.
func minimal(works []bool) []set {
	var cuts []set
	sizes := make([]set, 0, len(works))
	for blocked := range works {
		sizes = append(sizes, set(blocked))
	}
	slices.SortStableFunc(sizes, func(a, b set) int { return bits.OnesCount(uint(a)) - bits.OnesCount(uint(b)) })
	for _, blocked := range sizes {
		holds := func(cut set) bool { return blocked&cut == cut }
		if !works[blocked] && !slices.ContainsFunc(cuts, holds) {
			cuts = append(cuts, blocked)
		}
	}
	return cuts
}

func monotone(works []bool, size int) bool {
	for blocked, working := range works {
		for i := range size {
			if working && !works[set(blocked)&^(1<<i)] {
				return false
			}
		}
	}
	return true
}

// verdict follows the definitions of the experiment: optional needs a passing
// trial in which the destination was blocked and the device tried it, or that it
// is contacted only while the scenario fails.
func (d *imagined) verdict(i int, cuts []set, works []bool) string {
	alternative := false
	for _, cut := range cuts {
		if cut == 1<<i {
			return "required"
		}
		alternative = alternative || cut.has(i)
	}
	if alternative {
		return "alternative"
	}
	for blocked, working := range works {
		if working && set(blocked).has(i) && d.tries(i, set(blocked)) {
			return "optional"
		}
	}
	if d.isFallback(i, works) {
		return "optional"
	}
	return "not-exercised"
}

// isFallback reports whether the device contacts a destination, but only in states
// in which the scenario fails.
func (d *imagined) isFallback(i int, works []bool) bool {
	contacted := false
	for blocked, working := range works {
		if d.tries(i, set(blocked)) {
			if contacted = true; working {
				return false
			}
		}
	}
	return contacted
}

// degrade marks what is optional and makes a passing scenario worse.
func (d *imagined) degrade(scenario string, verdicts map[string]string, works []bool) error {
	var alone set
	for i, id := range d.universe {
		worse, err := d.isWorse(scenario, 1<<i)
		if err != nil {
			return err
		}
		if worse && works[1<<i] {
			alone |= 1 << i
			if verdicts[id] == "optional" {
				verdicts[id] = "degraded"
			}
		}
	}
	for blocked, working := range works {
		worse, err := d.isWorse(scenario, set(blocked))
		if err != nil {
			return err
		}
		if working && worse && set(blocked)&alone == 0 {
			return fmt.Errorf("world %s: %s gets worse only without several destinations", d.world.Name, scenario)
		}
	}
	return nil
}

// distinct refuses a world with two destinations at one place.
func distinct(w lab.World) error {
	places := map[string]string{}
	for key, destination := range w.Destinations {
		for _, address := range destination.Addresses {
			place := fmt.Sprint(destination.Protocol, destination.Port, address)
			if other, taken := places[place]; taken {
				return fmt.Errorf("world %s: %s and %s share an address and a port", w.Name, key, other)
			}
			places[place] = key
		}
	}
	return nil
}

// imagine prepares a world for thought.
func imagine(w lab.World, regime Regime) (*imagined, error) {
	d := &imagined{world: w, regime: regime, fault: Rejected, keys: map[string]string{}}
	for key, destination := range w.Destinations {
		d.keys[destination.ID()] = key
	}
	if own := w.Device.Resolver; own.IsValid() {
		d.resolver = "udp/53/" + own.String()
	}
	d.universe = slices.Sorted(maps.Keys(d.keys))
	if d.resolver != "" && !slices.Contains(d.universe, d.resolver) {
		d.universe = append(d.universe, d.resolver)
	}
	if len(d.universe) > most {
		return nil, fmt.Errorf("world %s: more than %d destinations cannot be thought through", w.Name, most)
	}
	return d, d.compile()
}
