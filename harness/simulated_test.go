package harness_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/needwant/needwant/harness"
)

// A simulated device is given by its truth: what it contacts and when, and what its functions need.
type simulated struct {
	parts     []part
	functions []function
	cold      bool // what it needs is asked of a device that was started while parts were blocked
}

// part is a destination of the device.
type part struct {
	word   string
	every  time.Duration // between two contacts, to within 2 %; 0 contacts it only when a function is used
	first  time.Duration // the first contact, after the device's start; of boot, each start
	retry  time.Duration // until the next contact after one that failed; 0 is every
	misses int           // that the device bears in a row
	lease  time.Duration // for how long it works after the last contact that succeeded
	answer time.Duration // for how long it uses a DNS answer
	while  string        // it is contacted only while the contacts with this one fail
	kept   bool          // the device keeps a connection to it
	pause  time.Duration // for how long functions fail when it is lost, until the device continues without it
	boot   bool          // the device contacts it when it starts, until that succeeds once
}

// function is a scenario. It works if each of its needs is met.
type function struct {
	name  string
	needs []need
}

// need is met by at least so many of some parts.
type need struct {
	least int
	of    []string
}

// part finds one by its word.
func (s simulated) part(word string) part {
	return s.parts[slices.IndexFunc(s.parts, func(p part) bool { return p.word == word })]
}

// works reports whether a function works when some parts are lost.
func (f function) works(lost func(word string) bool) bool {
	return !slices.ContainsFunc(f.needs, func(n need) bool {
		return len(slices.DeleteFunc(slices.Clone(n.of), lost)) < n.least
	})
}

// String is the device in plain words.
func (s simulated) String() string {
	var text strings.Builder
	for _, p := range s.parts {
		fmt.Fprintf(&text, "  %s is contacted", p.word)
		switch {
		case p.boot:
			fmt.Fprintf(&text, " when the device starts, after %s", shown(p.first))
		case p.every == 0:
			text.WriteString(" when a function is used")
		case p.kept:
			fmt.Fprintf(&text, " all the time, with a packet once in %s", shown(p.every))
		default:
			fmt.Fprintf(&text, " once in %s, first after %s", shown(p.every), shown(p.first))
		}
		for _, more := range []struct {
			holds bool
			words string
		}{
			{p.while != "", "only while " + p.while + " fails"},
			{p.retry > 0, fmt.Sprintf("after a failure again in %s", shown(p.retry))},
			{p.misses > 1, fmt.Sprintf("lost at failure %d in a row", p.misses)},
			{p.lease > 0, fmt.Sprintf("not lost until %s after the last success", shown(p.lease))},
			{p.answer > 0, fmt.Sprintf("DNS answers are used for %s", shown(p.answer))},
			{p.pause > 0, fmt.Sprintf("functions fail for %s when it is lost", shown(p.pause))},
		} {
			if more.holds {
				text.WriteString("; " + more.words)
			}
		}
		text.WriteString("\n")
	}
	for _, f := range s.functions {
		var needs []string
		for _, n := range f.needs {
			needs = append(needs, fmt.Sprintf("%d of %s", n.least, strings.Join(n.of, " ")))
		}
		fmt.Fprintf(&text, "  %s needs %s\n", f.name, cmp.Or(strings.Join(needs, ", and "), "nothing"))
	}
	return text.String()
}

// unit is one such device behind a gateway, in virtual time. What it does is computed whenever the gateway is used.
type unit struct {
	mu sync.Mutex
	simulated
	random  *rand.Rand
	now     time.Time // what it did is known until then
	since   time.Time // the block stands
	blocked map[harness.Destination]bool
	byName  bool // only names are blocked
	states  map[string]*state
}

// state is what became of a part by now.
type state struct {
	part
	next    time.Time       // contact; zero if there is none to come
	reached time.Time       // at the last contact that succeeded
	missed  int             // contacts in a row that failed
	gone    time.Time       // when the last failure that it bears was one too many
	open    bool            // a connection is
	answer  time.Time       // until when the last DNS answer is used
	seen    harness.Contact // in this window
}

func newUnit(device simulated, random *rand.Rand) *unit {
	u := &unit{simulated: device, random: random, now: time.Now(), since: time.Now(), states: map[string]*state{}}
	for _, p := range device.parts {
		s := &state{part: p, reached: u.now}
		if p.every > 0 && p.while == "" {
			s.next = u.now.Add(p.first)
		}
		u.states[p.word] = s
	}
	return u
}

// lost is since when the device does without a part; zero if it does not.
func (s *state) lost(now time.Time) (since time.Time) {
	if s.missed == 0 || s.gone.IsZero() {
		return since
	}
	since = s.gone
	if late := s.reached.Add(s.lease); late.After(since) {
		since = late
	}
	if since.After(now) {
		return time.Time{}
	}
	return since
}

// about is a time to within 2 %.
func (u *unit) about(d time.Duration) time.Duration {
	return d + time.Duration((u.random.Float64()-0.5)*0.04*float64(d))
}

// catchUp has the device do what it does until now.
func (u *unit) catchUp() {
	for now := time.Now(); ; {
		var next *state
		for _, p := range u.parts {
			if s := u.states[p.word]; !s.next.IsZero() && (next == nil || s.next.Before(next.next)) {
				next = s
			}
		}
		if next == nil || next.next.After(now) {
			u.now = now
			return
		}
		u.now = next.next
		u.contact(next)
	}
}

// contact contacts a part now.
func (u *unit) contact(s *state) {
	d := destination(s.word)
	blocked := u.blocked[d] && !(u.byName && u.now.Before(s.answer))
	c := &s.seen
	if c.Destination = d; c.First.IsZero() {
		c.First = u.now
	} else {
		c.Quiet = max(c.Quiet, u.now.Sub(c.Last))
	}
	c.Last = u.now
	if blocked || !s.open {
		c.Tries++
	}
	if blocked {
		if c.Attempts == 0 {
			c.Attempted = u.now
		}
		c.Attempts, c.Touched, s.open = c.Attempts+1, c.Touched+1, false
		if s.missed++; s.missed == max(1, s.misses) {
			s.gone = u.now
		}
	} else {
		c.Answered, s.open = true, s.kept
		s.missed, s.gone, s.reached = 0, time.Time{}, u.now
		if !u.now.Before(s.answer) {
			s.answer = u.now.Add(s.part.answer)
		}
	}
	wait := s.every
	if blocked && s.retry > 0 {
		wait = s.retry
	}
	s.next = time.Time{}
	if s.every > 0 || s.boot && blocked {
		s.next = u.now.Add(u.about(wait))
	}
	u.wakeFallbacks(s, blocked)
}

// wakeFallbacks begins or ends the contacts with what is contacted only while a part fails.
func (u *unit) wakeFallbacks(main *state, failed bool) {
	for _, p := range u.parts {
		switch s := u.states[p.word]; {
		case s.while != main.word:
		case failed && s.next.IsZero():
			s.next = u.now.Add(u.about(second))
		case !failed:
			s.next, s.missed, s.gone = time.Time{}, 0, time.Time{}
		}
	}
}

// Block begins a window. A connection to what is blocked is reset, and the device tries again soon.
func (u *unit) Block(_ context.Context, block []harness.Destination, fault harness.Fault) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.catchUp()
	u.since, u.blocked, u.byName = u.now, map[harness.Destination]bool{}, fault.ByName()
	for _, d := range block {
		u.blocked[d] = true
	}
	for _, p := range u.parts {
		s := u.states[p.word]
		s.seen = harness.Contact{}
		if s.open && u.blocked[destination(p.word)] && !u.byName {
			s.open, s.next = false, u.now.Add(u.about(second))
		}
	}
	return nil
}

func (u *unit) Observe(context.Context) (harness.Observation, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.catchUp()
	seen := harness.Observation{Since: u.since}
	for _, s := range u.states {
		if !s.seen.First.IsZero() {
			seen.Contacts = append(seen.Contacts, s.seen)
		}
	}
	slices.SortFunc(seen.Contacts, func(a, b harness.Contact) int { return a.Destination.Compare(b.Destination) })
	return seen, nil
}

// start has the device contact everything, as when it is switched on. It knows of no failure and no DNS answer from before.
func (u *unit) start(context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.catchUp()
	for _, p := range u.parts {
		s := u.states[p.word]
		s.missed, s.gone, s.open, s.answer = 0, time.Time{}, false, time.Time{}
		switch {
		case p.while != "":
			s.next = time.Time{}
		case p.boot:
			s.next = u.now.Add(u.about(2*second + p.first))
		case !s.next.IsZero():
			s.next = u.now.Add(u.about(2 * second))
		}
	}
	return nil
}

// scenarios check the device's functions. Each check takes a time of its own: what happens at the same moment has no order.
func (u *unit) scenarios() (all []harness.Scenario) {
	for i, f := range u.functions {
		takes := second/20 + time.Duration(i)*time.Millisecond
		all = append(all, harness.Scenario{Name: f.name, Check: func(context.Context) harness.Outcome {
			<-time.After(takes)
			u.mu.Lock()
			defer u.mu.Unlock()
			u.catchUp()
			if u.use(f) {
				return harness.Outcome{Answer: harness.Pass}
			}
			return harness.Outcome{Answer: harness.Fail, Why: "no answer"}
		}})
	}
	return all
}

// use reports whether a function works now, and contacts what is contacted only for that.
func (u *unit) use(f function) bool {
	pauses := false
	for _, p := range u.parts {
		s := u.states[p.word]
		if p.every == 0 && p.while == "" && !p.boot {
			u.contact(s)
		}
		if since := s.lost(u.now); p.pause > 0 && !since.IsZero() && u.now.Sub(since) < p.pause {
			pauses = true
		}
	}
	return !pauses && f.works(func(word string) bool { return !u.states[word].lost(u.now).IsZero() })
}

// loses is by when, at the latest, a part is lost when a set is blocked; ok is false if it never is.
func (s simulated) loses(word string, blocked func(string) bool) (by time.Duration, ok bool) {
	p := s.part(word)
	if !blocked(word) || p.boot && !s.cold {
		return 0, false
	}
	if p.while != "" {
		if _, ok = s.misses(p.while, blocked); !ok {
			return 0, false
		}
	}
	miss, _ := s.misses(word, blocked)
	between := cmp.Or(p.retry, p.every)
	miss += time.Duration(max(0, p.misses-1)) * (between + between/25)
	return max(miss, p.lease), true
}

// misses is by when, at the latest, a contact with a part fails for the first time. A device that starts contacts it sooner.
func (s simulated) misses(word string, blocked func(string) bool) (by time.Duration, ok bool) {
	p := s.part(word)
	if !blocked(word) || p.boot && !s.cold {
		return 0, false
	}
	by = p.every + p.every/25 + p.answer + p.answer/25
	if p.boot {
		by += 3*second + p.first
	}
	if p.while != "" {
		main, ok := s.misses(p.while, blocked)
		if !ok {
			return 0, false
		}
		by += main + 2*second
	}
	return by, true
}

// fails is by when, at the latest, a function fails when a set is blocked; ok is false if it never does.
func (s simulated) fails(f function, set []string) (by time.Duration, ok bool) {
	blocked := func(word string) bool { return slices.Contains(set, word) }
	var losses []time.Duration
	for _, word := range set {
		if loss, lost := s.loses(word, blocked); lost {
			losses = append(losses, loss)
		}
	}
	slices.Sort(losses)
	for _, by := range losses {
		lost := func(word string) bool {
			loss, lost := s.loses(word, blocked)
			return lost && loss <= by
		}
		if !f.works(lost) {
			return by, true
		}
	}
	return 0, false
}

// cuts are the smallest sets without which a function fails in the end.
func (s simulated) cuts(f function) (cuts [][]string) {
	var sets [][]string
	for mask := 1; mask < 1<<len(s.parts); mask++ {
		var set []string
		for i, p := range s.parts {
			if mask>>i&1 == 1 {
				set = append(set, p.word)
			}
		}
		if _, fails := s.fails(f, set); fails {
			sets = append(sets, set)
		}
	}
	slices.SortStableFunc(sets, func(a, b []string) int { return len(a) - len(b) })
	for _, set := range sets {
		if !slices.ContainsFunc(cuts, func(cut []string) bool { return contains(set, cut) }) {
			cuts = append(cuts, set)
		}
	}
	return cuts
}

// contains reports whether all of part is in a set.
func contains(set, part []string) bool {
	return !slices.ContainsFunc(part, func(word string) bool { return !slices.Contains(set, word) })
}
