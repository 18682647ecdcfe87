package lab

import (
	"sync"
	"time"
)

// mind is what a device knows between one start and the next: which
// destinations it reached of late, and so which of its functions work. It is
// told of every contact and makes none itself.
type mind struct {
	world World
	order []string // of the ids, what a destination comes after first
	needs map[string]need

	mu        sync.Mutex
	memories  map[string]*memory
	firstTurn bool // until every destination that comes after none had its chance
	starting  bool
	latched   map[string]bool      // functions whose boot expression has held
	unmet     map[string]time.Time // since when a function's need is not met
	changed   chan struct{}        // closed when the set of active destinations may have changed
}

// need is a function's expressions: what it takes to work, what it took at the
// start, and what it takes to answer at once.
type need struct{ steady, boot, prompt *formula }

// memory is what a device remembers of one destination.
type memory struct {
	active  bool
	reached bool // succeeded within the last patience contacts, or not contacted at the start and not missed since
	misses  int  // since the last success, or since it became active
	hung    int  // contacts in a row that its client hung on
	settled bool // succeeded once, or missed patience times, since the start
}

func newMind(w World) *mind {
	m := &mind{
		world: w, needs: map[string]need{},
		memories: map[string]*memory{}, firstTurn: true, starting: true,
		latched: map[string]bool{}, unmet: map[string]time.Time{}, changed: make(chan struct{}),
	}
	for _, function := range functionNames() {
		m.needs[function] = need{
			w.Functions.Of(function).mustParse(), w.Boot.Of(function).mustParse(), w.Late.Unless.Of(function).mustParse(),
		}
	}
	for _, id := range w.IDs() {
		expected := !w.Destinations[id].atStart()
		m.memories[id] = &memory{reached: expected, settled: expected}
		m.order = w.following(m.order, id)
	}
	m.think()
	return m
}

// report tells the mind how a contact went. What the device no longer contacts
// changes nothing.
func (m *mind) report(id string, succeeded bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	memory := m.memories[id]
	if !memory.active && m.world.Destinations[id].When.Use() == "" {
		return
	}
	memory.note(succeeded, m.world.patience(id))
	m.think()
}

func (m *memory) note(succeeded bool, patience int) {
	if succeeded {
		m.reached, m.settled, m.misses, m.hung = true, true, 0, 0
		return
	}
	if m.misses++; m.misses >= patience {
		m.reached, m.settled = false, true
	}
}

// think draws the conclusions: what is active, whether the start is over, and
// which needs are met.
func (m *mind) think() {
	for m.wake() || m.goOn() {
	}
	for _, function := range functionNames() {
		m.consider(function)
	}
}

// wake finds out which destinations are active now, and reports whether that has
// changed. What falls dormant counts as not reached.
func (m *mind) wake() (changed bool) {
	for _, id := range m.order {
		memory, active := m.memories[id], m.isActive(id)
		if memory.active == active {
			continue
		}
		if active {
			memory.misses = 0
		} else if !m.keeps(id) {
			memory.reached = false
		}
		memory.active, changed = active, true
	}
	if changed {
		close(m.changed)
		m.changed = make(chan struct{})
	}
	return changed
}

func (m *mind) isActive(id string) bool {
	switch destination := m.world.Destinations[id]; {
	case destination.When.Use() != "", destination.When == AtBoot && !m.starting:
		return false
	case len(destination.After) > 0 && m.firstTurn:
		return false // nothing is reached yet, but not because it is out of reach
	default:
		return !m.isDormant(destination)
	}
}

func (m *mind) isDormant(d Destination) bool {
	for _, other := range d.After {
		if m.memories[other].reached {
			return true
		}
	}
	return false
}

// keeps reports whether a destination keeps the state it got when it is no longer
// contacted.
func (m *mind) keeps(id string) bool {
	d := m.world.Destinations[id]
	return d.When == AtBoot && !m.starting && !m.isDormant(d)
}

// goOn ends the first turn, and then the start, once every active destination
// has had its chance. It reports whether something has changed.
func (m *mind) goOn() bool {
	if !m.starting {
		return false
	}
	for _, memory := range m.memories {
		if memory.active && !memory.settled {
			return false
		}
	}
	if m.firstTurn {
		m.firstTurn = false
		return true
	}
	m.starting = false
	return true
}

// consider notes since when a function's need is not met, and whether its boot
// expression has held. What only a call contacts is given the benefit of the
// doubt.
func (m *mind) consider(function string) {
	reached := func(id string) bool {
		return m.memories[id].reached || m.world.Destinations[id].When.Use() == function
	}
	if m.needs[function].boot.holds(reached) {
		m.latched[function] = true
	}
	met := m.latched[function] && m.needs[function].steady.holds(reached)
	switch {
	case met || m.starting:
		delete(m.unmet, function)
	case m.unmet[function].IsZero():
		m.unmet[function] = time.Now()
	}
}

// works reports whether a call of the function succeeds. Called holds what the
// call itself contacted, and how that went.
func (m *mind) works(function string, called map[string]bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.starting {
		return false
	}
	reached := func(id string) bool {
		if m.world.Destinations[id].When.Use() == function {
			return called[id]
		}
		return m.memories[id].reached
	}
	need := m.needs[function]
	if m.latched[function] && need.steady.holds(reached) {
		return true
	}
	return m.stillUp(function)
}

// stillUp reports whether a function whose need is not met is in the first part
// of its duty cycle.
func (m *mind) stillUp(function string) bool {
	duty := m.world.Duty
	if duty.Up == 0 {
		return false
	}
	if m.unmet[function].IsZero() {
		m.unmet[function] = time.Now()
	}
	return time.Since(m.unmet[function])%(duty.Up+duty.Down) < duty.Up
}

// late tells by how much a function that works answers late.
func (m *mind) late(function string) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.needs[function].prompt.holds(func(id string) bool { return m.memories[id].reached }) {
		return 0
	}
	return m.world.Late.By
}

// hangs reports whether a client that hung on a contact once more is given up.
func (m *mind) hangs(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.memories[id].hung++
	return m.memories[id].hung >= m.world.patience(id)
}

// leaves tells for how long a destination is left alone now.
func (m *mind) leaves(id string) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if misses := m.memories[id].misses; misses == 0 || misses%m.world.patience(id) != 0 {
		return 0
	}
	return m.world.Destinations[id].Sticks
}

// period is the time from the contact of a destination that is being made now to the
// next: short until the start has shown whether it can be reached.
func (m *mind) period(id string) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.memories[id].settled {
		return m.world.Tempo.Contact
	}
	return m.world.period(id)
}

// active reports whether a destination is to be contacted, and gives a channel
// that is closed when that may have changed.
func (m *mind) active(id string) (bool, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.memories[id].active, m.changed
}

// onCall lists the destinations that a call of the function contacts, and
// whether the function's need names them. None while the device is starting.
func (m *mind) onCall(function string) map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[string]bool{}
	for id, destination := range m.world.Destinations {
		if destination.When.Use() == function && !m.starting && !m.isDormant(destination) {
			found[id] = m.needs[function].steady.names(id)
		}
	}
	return found
}

// following appends an id to the list, behind all that it comes after.
func (w World) following(list []string, id string) []string {
	for _, known := range list {
		if known == id {
			return list
		}
	}
	for _, other := range w.Destinations[id].After {
		list = w.following(list, other)
	}
	return append(list, id)
}
