package harness

import (
	"maps"
	"slices"
	"time"
)

// Clock is how often a device contacts one destination, by its own clock.
type Clock struct {
	Every   time.Duration `json:"every,omitempty"`    // the longest time between two contacts, if the device goes on contacting it; 0 if that is not known
	Last    time.Time     `json:"last,omitzero"`      // the last contact; zero if there was none
	Tries   int           `json:"tries,omitempty"`    // how often it was contacted, see [Contact]; a log counts as one more
	Silence time.Duration `json:"silence"`            // the longest time without a contact, that since the last one included
	AtStart bool          `json:"at_start,omitempty"` // soon after each start of the device, and seldom otherwise
	ByLease bool          `json:"by_lease,omitempty"` // when it gets a new lease, and seldom otherwise
	ByLink  bool          `json:"by_link,omitempty"`  // when its link was taken down and up, and seldom otherwise
	Kept    bool          `json:"kept,omitempty"`     // the device keeps a connection, on which how often it speaks is not seen: the others are zero
}

// ProvokedBy is what makes the device contact a destination that it contacts seldom otherwise, as far as that is known.
func (k Clock) ProvokedBy() (all []Provoker) {
	if k.ByLease {
		all = append(all, ByLease)
	}
	if k.ByLink {
		all = append(all, ByLink)
	}
	if k.AtStart {
		all = append(all, ByStart)
	}
	return all
}

// overdue is how many of its periods a destination may be late until nothing is expected of
// it any more. Real devices keep their periods to within a few percent, and a contact
// that fails is often repeated.
const overdue = 1.5

// Overdue is when what is contacted once in a period is overdue, in the same unit.
func Overdue(period float64) float64 { return overdue * period }

// seldomAfter is for how many times Settle the device is silent at least that contacts something at its
// start and seldom otherwise.
const seldomAfter = 10

// LongestPeriod is longer than any that a device keeps to: ten years.
const LongestPeriod = 10 * 365 * 24 * time.Hour

// late is when a destination is overdue that is contacted this often.
func late(every time.Duration) time.Duration {
	return time.Duration(Overdue(float64(min(every, LongestPeriod))))
}

// GoesOn reports whether something is still contacted that was contacted this often and then not for a while.
func GoesOn(every, silence, settle time.Duration) bool { return silence <= late(every)+settle }

// ticks are the contacts of one destination on one lane, in one sitting.
type ticks struct {
	last        time.Time
	before      time.Duration // without a contact until the first
	counted     time.Time     // the end of the last window in which no contact was to be expected
	unwatched   time.Duration // since the last contact, between two windows
	tries       int           // in all windows
	between     time.Duration // the longest time between two of them
	usual       time.Duration // the same within windows in which nothing was in the way
	starts      int           // of the device, soon after which it was contacted
	running     int           // windows in which it was contacted, though no start was soon before
	common      []Destination // of others: what was blocked in every window in which it was contacted
	begun, kept int           // windows, without a block of it, in which a connection was begun, and in which only an older one was used, or one since the start
}

// silence is the time without a contact until then, as far as it was watched.
func (t *ticks) silence(until time.Time) time.Duration {
	return until.Sub(latest(t.last, t.counted)) - t.unwatched
}

// within are the destinations that are among others.
func within(all, others []Destination) []Destination {
	return slices.DeleteFunc(slices.Clone(all), func(d Destination) bool { return !slices.Contains(others, d) })
}

// clock follows the contacts on one lane, in one sitting, window by window.
type clock struct {
	settle  time.Duration
	until   time.Time     // the end of the last window
	watched time.Duration // by all windows
	starts  int           // of the device
	ticks   map[Destination]*ticks
}

// add takes the next window. started reports whether the device was started when it
// began, and recovering whether it is the one after a block, which ended connections. block is
// what is blocked, or was. A blind window says nothing of how often the device would contact
// what it did not. In the window after a restart, restarted is set. Between two windows, for example in a pause of the run, a contact is not seen.
func (c *clock) add(since, until time.Time, contacts []Contact, block []Destination, started, recovering, restarted, blind bool) {
	if c.ticks == nil {
		c.until, c.ticks = since, map[Destination]*ticks{}
	}
	for _, t := range c.ticks {
		t.unwatched += max(0, since.Sub(c.until))
	}
	already := c.watched
	c.until, c.watched = latest(c.until, until), c.watched+until.Sub(since)
	if started {
		c.starts++
	}
	for _, contact := range contacts {
		if contact.First.IsZero() || contact.silent() {
			continue
		}
		t := c.ticks[contact.Destination]
		if t == nil {
			t = &ticks{last: contact.First, before: already + contact.First.Sub(since)}
			c.ticks[contact.Destination] = t
		}
		soon := started && contact.First.Sub(since) < c.settle
		tries := max(contact.Tries, contact.Attempts)
		switch {
		case tries == 0:
		case t.tries == 0:
			t.common = slices.DeleteFunc(slices.Clone(block), func(d Destination) bool { return d == contact.Destination })
		default:
			t.common = within(t.common, block)
		}
		t.tries += tries
		switch {
		case contact.Touched > 0 || recovering:
		case contact.Tries == 0:
			t.kept++
			continue
		case soon && contact.Tries == 1: // the start ended an older one
			if contact.Last.Sub(contact.First) > c.settle && until.Sub(contact.Last) <= late(contact.Quiet) {
				t.kept++
			}
		default:
			t.begun++
		}
		if contact.Touched == 0 && !recovering {
			t.usual = max(t.usual, contact.Quiet)
		}
		if !blind {
			t.between = max(t.between, t.silence(contact.First), contact.Quiet)
		}
		t.last, t.unwatched = latest(t.last, contact.Last), 0
		if soon {
			t.starts++
		}
		repeats := contact.Touched == 0 && contact.Last.Sub(since) > c.settle // a try that fails is repeated in any case
		if !restarted && (!soon || repeats) {
			t.running++
		}
	}
	if blind {
		for _, t := range c.ticks {
			t.counted, t.unwatched = until, 0
		}
	}
}

// result adds the windows of a trial: while its block was held, and from then on until
// the device had recovered.
func (c *clock) result(r Result) {
	blind := r.Trial.blinds()
	c.add(r.Started, r.Started.Add(r.Held), r.byItself(), r.Trial.Block, r.Restarted, false, false, blind)
	if len(r.Later) > 0 {
		c.add(r.Started.Add(r.Held), r.Started.Add(r.Duration), r.Later, r.Trial.Block, false, true, r.restartedAfter(), blind)
	}
}

// blinds reports whether the device does not go where it would otherwise: it cannot look up
// names, or was told to go to the gateway.
func (t Trial) blinds() bool {
	named := len(t.StandIns) > 0 && t.Fault.ByName()
	return len(t.Ways) > 0 || named || slices.ContainsFunc(t.Block, Destination.resolves)
}

// of is what is known of a destination. known is how often it is contacted by what was
// known before; 0 if nothing was.
func (c *clock) of(d Destination, known time.Duration) Clock {
	t := c.ticks[d]
	if t == nil {
		return Clock{Every: known, Silence: c.watched}
	}
	switch {
	case t.kept > 0 && t.kept >= t.begun:
		return Clock{Kept: true}
	case len(t.common) > 0: // it may be contacted only while that is blocked: it has no clock then
		return Clock{Every: known}
	}
	between, open := max(t.between, known), t.silence(c.until)
	if t.running == 0 { // only starts were seen to make the device contact it
		between = known
	}
	k := Clock{Last: t.last, Tries: t.tries, Silence: max(t.before, between, open)}
	if between > 0 && GoesOn(between, open, c.settle) {
		k.Every = between
	}
	k.AtStart = c.starts > 0 && t.starts == c.starts && k.seldom(seldomAfter*c.settle)
	return k
}

// usual is how often a destination is contacted as long as it is reached; 0 if that is not known. After a failure the device
// may wait for longer.
func (c *clock) usual(d Destination) time.Duration {
	if t := c.ticks[d]; t != nil {
		return t.usual
	}
	return 0
}

// seldom reports whether a contact may take longer to come than some time.
func (k Clock) seldom(than time.Duration) bool {
	return k.Every > than || k.Every == 0 && k.Silence > than
}

// with adds up what two lanes or sittings showed.
func (k Clock) with(other Clock) Clock {
	return Clock{
		Every:   max(k.Every, other.Every),
		Last:    latest(k.Last, other.Last),
		Tries:   k.Tries + other.Tries,
		Silence: max(k.Silence, other.Silence),
		AtStart: k.AtStart || other.AtStart,
		Kept:    k.Kept || other.Kept,
	}
}

// clocksOfRows are the clocks of the run's rows.
func (h history) clocksOfRows() []Clock {
	known, clocks := make([]time.Duration, len(h.universe)), make([]Clock, len(h.universe))
	for _, contact := range h.run.imported() {
		i := h.index[contact.Destination]
		known[i] = max(known[i], contact.Quiet)
		clocks[i].Tries++
	}
	for d, every := range h.run.Settings.Known.periods() {
		if i, ok := h.index[h.row(d)]; ok {
			known[i] = max(known[i], every)
		}
	}
	benches := map[bench]*clock{}
	var order []bench
	for _, result := range h.run.Results {
		where := result.bench()
		if benches[where] == nil {
			benches[where] = &clock{settle: h.run.Settings.Settle}
			order = append(order, where)
		}
		benches[where].result(h.inRows(result))
	}
	share(slices.Collect(maps.Values(benches)))
	for i, d := range h.universe {
		clocks[i].Every = known[i]
		for _, where := range order {
			clocks[i] = clocks[i].with(benches[where].of(d, known[i]))
		}
	}
	return clocks
}

// share has each of several clocks know of what the others saw: on one lane, or in one sitting, a destination may have been contacted
// by chance only while something was blocked.
func share(clocks []*clock) {
	common := map[Destination][]Destination{}
	for _, c := range clocks {
		for d, t := range c.ticks {
			switch all, known := common[d]; {
			case t.tries == 0:
			case known:
				common[d] = within(all, t.common)
			default:
				common[d] = t.common
			}
		}
	}
	for _, c := range clocks {
		for d, t := range c.ticks {
			t.common = common[d]
		}
	}
}

// inRows is a result whose contacts are those of rows.
func (h history) inRows(r Result) Result {
	r.Seen.Contacts, r.Later = h.contactsOfRows(r.Seen.Contacts), h.contactsOfRows(r.Later)
	return r
}

func (h history) contactsOfRows(contacts []Contact) []Contact {
	rows := slices.Clone(contacts)
	for i := range rows {
		if index, known := h.index[rows[i].Destination]; known {
			rows[i].Destination = h.universe[index]
		}
	}
	return rows
}

// Periods is how often destinations are contacted, by the results of a run and by what
// was known before it, for example from a log or an earlier run: the longest time between two contacts.
func (r Run) Periods() map[Destination]time.Duration { return newHistory(r).periods() }

func (h history) periods() map[Destination]time.Duration {
	periods := map[Destination]time.Duration{}
	maps.Copy(periods, h.run.Settings.Known.periods())
	for i, k := range h.clocks {
		if k.Every > 0 {
			periods[h.universe[i]] = k.Every
		}
	}
	return periods
}

// begunIn are the contacts of a window that the device began, without what the clock does
// not need.
func begunIn(contacts []Contact) (begun []Contact) {
	for _, c := range contacts {
		if c.Tries+c.Attempts > 0 && !c.First.IsZero() {
			begun = append(begun, Contact{Destination: c.Destination, First: c.First, Last: c.Last, Tries: c.Tries, Attempts: c.Attempts, Quiet: c.Quiet})
		}
	}
	return begun
}
