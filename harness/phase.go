package harness

import "time"

// Phase is a part of a trial, or of a soak.
type Phase string

const (
	Calming    Phase = "calming"    // before the block: the last trial was doubted, e.g. because the machine was too busy
	Observing  Phase = "observing"  // nothing is blocked, and the device is observed before the first block
	Settling   Phase = "settling"   // the block is in place, and the device has time to react to it
	Checking   Phase = "checking"   // the scenarios are checked
	Persisting Phase = "persisting" // what failed is checked again
	Holding    Phase = "holding"    // of a soak: the block is held until the next round of checks
	Recovering Phase = "recovering" // nothing is blocked any more, and everything must work again
	Restarting Phase = "restarting" // the device is power-cycled
	Provoking  Phase = "provoking"  // the device's link is taken down and up
	Renewing   Phase = "renewing"   // nothing else happens until the device has renewed its DHCP lease
)

// Step is what a bench is doing now, for a person who waits.
type Step struct {
	Lane      int
	Phase     Phase
	Until     time.Time     // when the phase is over at the latest, as far as is known; zero if it is not
	Untried   []Destination // blocked, and waited for until the device tries them
	Scenarios []string      // names of those that are checked
	Fresh     []Destination // contacted for the first time since the bench was made
}

// longestSilence is how long a bench waits without a look at the gateway while someone is
// told of its steps.
const longestSilence = 2 * time.Second

// tell reports a step, if anyone wants to know.
func (b *Bench) tell(step Step) {
	if b.Tell == nil {
		return
	}
	step.Lane = b.Number
	b.Tell(step)
}

// fresh lists the destinations that the bench has not told of yet.
func (b *Bench) fresh(seen Observation) (fresh []Destination) {
	if b.Tell == nil {
		return nil
	}
	if b.shown == nil {
		b.shown = map[Destination]bool{}
	}
	for _, contact := range seen.Contacts {
		if !b.shown[contact.Destination] {
			b.shown[contact.Destination] = true
			fresh = append(fresh, contact.Destination)
		}
	}
	return fresh
}

// namesOf lists the names of scenarios.
func namesOf(scenarios []Scenario) (names []string) {
	for _, scenario := range scenarios {
		names = append(names, scenario.Name)
	}
	return names
}
