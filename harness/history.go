package harness

import (
	"slices"
	"time"

	"github.com/needwant/needwant/harness/search"
)

// audits is the number of random sets inside the safe list that are tried
// before certifying.
const audits = 3

// history is what the results of a run say to the search. It is derived from the
// results alone, so that resuming is replaying.
type history struct {
	belonging
	run      Run
	universe []Destination // by index, in the order they were first seen
	index    map[Destination]int
	order    []int                   // the universe with likely group-mates adjacent
	rank     []int                   // where each of the universe is in that order
	kept     search.Set              // what a person ordered to keep reachable
	asked    []int                   // the order without those
	facts    []fact                  // one for each result
	clocks   []Clock                 // of the universe
	holds    []float64               // of the universe, see [history.holdsOfRows]
	took     map[rowIn]time.Duration // how long the device took to try it, see [history.firstTries]
	around   map[rowIn]time.Duration // how long it was blocked and reached all the same, see [history.wentAround]
	misses   map[rowIn]int           // in how many trials it was missed, see [history.miss]

	differing map[int][]Difference // by lane, see [history.exclude]
	decisive  []vote               // that showed these
}

// fact is what one result says, in rows.
type fact struct {
	Result
	usable    bool        // see [history.trust]
	blocked   search.Set  // of which something was blocked
	whole     search.Set  // all of which was blocked
	contacted search.Set  // by any packet of the device, whether blocked or not
	begun     search.Set  // of these, where the device began something: a connection, a datagram or a query
	touched   search.Set  // that the device ran into at the block
	attempted search.Set  // that it freshly tried to reach at the block
	attempts  map[int]int // how often, by row
	missed    search.Set  // that it may have needed more time to try, see [history.miss]

	missing map[int]miss // when it began, by row, see [history.carry]
	reached lastReached  // before it, if the device was started
}

// bench is where results follow one another: a lane, as it was opened once.
type bench struct{ lane, sitting int }

func (r Result) bench() bench { return bench{r.Lane, r.Sitting} }

func newHistory(run Run) history {
	h := history{run: run, index: map[Destination]int{}}
	h.belonging = run.belonging()
	for _, d := range run.destinations() {
		h.add(d, h.row(d))
	}
	for i := range h.universe {
		h.order = append(h.order, i)
	}
	slices.SortFunc(h.order, func(a, b int) int { return h.universe[a].Compare(h.universe[b]) })
	h.rank = make([]int, len(h.order))
	for rank, i := range h.order {
		h.rank[i] = rank
	}
	for _, result := range run.Results {
		h.facts = append(h.facts, h.fact(result))
	}
	h.keep()
	h.trust()
	h.differing = map[int][]Difference{}
	for again := true; again; again = h.exclude() {
		h.clocks = h.clocksOfRows()
		h.noteProvoked()
		h.holds = h.holdsOfRows()
		h.miss()
		h.unprove()
		h.carry()
	}
	return h
}

// fact translates a result into rows.
func (h history) fact(result Result) fact {
	f := fact{Result: result, attempts: map[int]int{}}
	f.blocked = h.set(result.Trial.Block)
	f.whole = h.set(slices.DeleteFunc(slices.Clone(result.Trial.Block), func(d Destination) bool { return h.universe[h.index[d]] != d }))
	var contacted, touched, attempted []int
	blocks := result.Trial.blocks()
	for _, contact := range result.Seen.Contacts {
		row := h.index[contact.Destination]
		if !contact.silent() {
			contacted = append(contacted, row)
		}
		if contact.Touched+contact.Attempts == 0 || !blocks(contact.Destination) {
			continue
		}
		if contact.Touched > 0 {
			touched = append(touched, row)
		}
		if contact.Attempts > 0 {
			attempted = append(attempted, row)
			f.attempts[row] += contact.Attempts
		}
	}
	f.contacted, f.begun = search.Of(contacted...), h.rowsBegun(result.Seen.Contacts)
	f.touched, f.attempted = search.Of(touched...), search.Of(attempted...)
	return f
}

// rowsBegun are the rows of some contacts in which the device began something.
func (h history) rowsBegun(contacts []Contact) search.Set {
	var begun []int
	for _, contact := range contacts {
		if contact.Tries > 0 {
			begun = append(begun, h.index[contact.Destination])
		}
	}
	return search.Of(begun...)
}

// destinations are all that the results name, in the order they were first seen, and
// then those that were known before.
func (r Run) destinations() (all []Destination) {
	seen := map[Destination]bool{}
	add := func(d Destination) {
		if !seen[d] {
			seen[d] = true
			all = append(all, d)
		}
	}
	for _, result := range r.Results {
		for _, contact := range result.Seen.Contacts {
			add(contact.Destination)
		}
		for _, destination := range result.Trial.Block {
			add(destination)
		}
	}
	for _, contact := range r.imported() {
		add(contact.Destination)
	}
	for _, d := range r.Settings.Known.destinations() {
		add(d)
	}
	return all
}

func (h *history) add(d, row Destination) {
	if _, known := h.index[row]; !known {
		h.index[row] = len(h.universe)
		h.universe = append(h.universe, row)
	}
	h.index[d] = h.index[row]
}

// set is the set of the rows that some destinations belong to.
func (h history) set(destinations []Destination) search.Set {
	rows := make([]int, 0, len(destinations))
	for _, d := range destinations {
		rows = append(rows, h.index[d])
	}
	return search.Of(rows...)
}

// destinations are the members of a set, in the order of [Destination.Compare].
func (h history) destinations(set search.Set) []Destination {
	members := set.Members()
	slices.SortFunc(members, func(a, b int) int { return h.rank[a] - h.rank[b] })
	var destinations []Destination
	for _, i := range members {
		destinations = append(destinations, h.universe[i])
	}
	return destinations
}

// passed reports whether a scenario passed.
func (f fact) passed(column Column) bool { return f.Outcomes[column.Scenario.Name].Answer == Pass }

// blockedIf is the set of rows that counts as blocked. If something failed although
// only a part of a row was blocked, it fails with all of the row blocked, too. If
// it passed, that says nothing about the rest of the row.
func (f fact) blockedIf(passed bool) search.Set {
	if passed {
		return f.whole
	}
	return f.blocked
}

// answers are the results of one column in the form that the search needs. They concern
// only destinations that may be asked.
func (h history) answers(column Column) []search.Answer {
	if h.kept.IsEmpty() {
		return h.allAnswers(column)
	}
	return search.Within(h.allAnswers(column), h.asked)
}

// allAnswers are the trusted results of one column, without those that passed and were held
// for less than it took another to fail. What the device lacked from the beginning counts as blocked in one that failed.
func (h history) allAnswers(column Column) []search.Answer {
	var answers []search.Answer
	heard, onset := h.heard(column), h.lateFailure(column)
	for _, f := range heard {
		if f.brief(column, onset) {
			continue
		}
		blocked, touched := f.blockedIf(f.passed(column)), h.touchedBy(f, column)
		if f.passed(column) {
			blocked = blocked.Minus(f.missed)
		} else {
			lacked := h.lacked(f, heard, column)
			blocked, touched = blocked.Union(lacked), touched.Union(lacked)
		}
		answers = append(answers, search.Answer{
			Trial:     f.Trial.Number,
			Blocked:   blocked,
			Touched:   touched.Intersect(blocked),
			Attempted: f.attempted.Intersect(blocked),
			Passed:    f.passed(column),
			Again:     f.Trial.Reason == compareReason,
			Weak:      h.aged(f, heard, column),
		})
	}
	return answers
}

// hears reports whether a trial speaks of the column. A control speaks for every fault.
// One with stand-ins says nothing of what is needed.
func (c Column) hears(trial Trial) bool {
	return len(trial.StandIns) == 0 && trial.Regime == c.Regime && (trial.Control() || trial.Fault == c.Fault)
}

// blocks returns a function that reports whether a destination was blocked in the
// trial, by itself or as one of those that another stands for.
func (t Trial) blocks() func(Destination) bool {
	exactly := map[Destination]bool{}
	var wide []Destination
	for _, d := range t.Block {
		if exactly[d] = true; d.wide() {
			wide = append(wide, d)
		}
	}
	return func(d Destination) bool {
		return exactly[d] || slices.ContainsFunc(wide, func(w Destination) bool { return w.Covers(d) })
	}
}

// ask asks the search for the next set to block in one regime, with one
// fault, and returns the columns that it is for. The scenarios share each trial.
func (h history) ask(regime Regime, fault Fault, inflight []Trial) (search.Question, []Column, bool) {
	var pending []search.Set
	for _, trial := range inflight {
		if !trial.Control() && trial.Regime == regime && trial.Fault == fault {
			pending = append(pending, h.set(trial.Block))
		}
	}
	turns := h.inTurn(regime, fault)
	return h.nextOf(turns, h.journalsOf(turns), pending, func(*search.Options) {})
}

// earlier explains the columns that a run decides before those of one regime and fault.
func (h history) earlier(regime Regime, fault Fault) (explanations []search.Explanation) {
	settings := h.run.Settings
	turn := func(r Regime, f Fault) int {
		return len(settings.Faults)*slices.Index(settings.Regimes, r) + slices.Index(settings.Faults, f)
	}
	for _, column := range h.run.Columns() {
		if turn(column.Regime, column.Fault) < turn(regime, fault) {
			explanations = append(explanations, h.explain(column))
		}
	}
	return explanations
}

// explain says what the answers of a column prove.
func (h history) explain(column Column) search.Explanation {
	return h.explainConfirmed(column, h.run.Settings.Confirm)
}

// explainConfirmed is the same if each cut must have failed so often.
func (h history) explainConfirmed(column Column, confirm int) search.Explanation {
	columns := h.columns(column.Regime, column.Fault)
	options := h.options(columns, h.journals(columns)...)
	if h.saves(column) {
		options.Audits = 0
	}
	options.FalseFail = max(options.MaxNoise, h.falseFail(column))
	options.Known, options.Confirm = h.hypotheses([]Column{column}), confirm
	explanation := search.Explain(h.answers(column), h.asked, options)
	if !h.kept.IsEmpty() { // what was proved with it blocked is proved
		options.Known = nil
		before := search.Explain(h.allAnswers(column), h.order, options)
		for _, cut := range before.Cuts {
			if before.Contradiction == nil && cut.Members.Intersects(h.kept) {
				explanation.Cuts = append(explanation.Cuts, cut)
			}
		}
	}
	for i, cut := range explanation.Cuts {
		explanation.Cuts[i].Trials = h.blocking(cut.Members, cut.Trials)
	}
	return explanation
}

// blocking are those of some trials that blocked all of a set; if none did, all of them. The others failed with a part of the set
// blocked, and the rest missing since the trial before: see [history.carry].
func (h history) blocking(set search.Set, trials []int) (those []int) {
	for _, f := range h.facts {
		if set.SubsetOf(f.whole) && slices.Contains(trials, f.Trial.Number) {
			those = append(those, f.Trial.Number)
		}
	}
	if len(those) == 0 {
		return trials
	}
	return those
}

// journals are the answers of some columns that share a regime and a fault.
func (h history) journals(columns []Column) [][]search.Answer {
	var journals [][]search.Answer
	for _, column := range columns {
		journals = append(journals, h.answers(column))
	}
	return journals
}

// columns are those that share a regime and a fault.
func (h history) columns(regime Regime, fault Fault) (columns []Column) {
	for _, column := range h.run.Columns() {
		if column.Regime == regime && column.Fault == fault {
			columns = append(columns, column)
		}
	}
	return columns
}

// firstContacts are how long after the beginning of a trial rows were first contacted.
func (h history) firstContacts(f fact) map[int]time.Duration {
	after := map[int]time.Duration{}
	for _, contact := range f.Seen.Contacts {
		row, first := h.index[contact.Destination], max(0, contact.First.Sub(f.Started))
		if known, ok := after[row]; !ok || first < known {
			after[row] = first
		}
	}
	return after
}

// windows are what the device contacted in each trial and control that speaks of
// one regime and fault, in the order they ended.
//
// What is left of an earlier connection may be its end: the device closes it late, or
// repeats packets of it because it is blocked by now. So it is left over if the device
// began something in the trial before on the same lane, or until it had recovered from
// that, or if it was left over then and is blocked again. Otherwise the device uses it.
// Before the first trial of a lane anything may have begun.
func (h history) windows(regime Regime, fault Fault) []search.Window {
	var windows []search.Window
	recent := map[bench]search.Set{} // what was begun since the beginning of the trial before, or left over and blocked in it
	for _, f := range h.facts {
		old := f.contacted.Minus(f.begun)
		leftover := old
		if known, ok := recent[f.bench()]; ok {
			leftover = old.Intersect(known)
		}
		recent[f.bench()] = f.begun.Union(h.rowsBegun(f.Later)).Union(leftover.Intersect(f.whole))
		if (Column{Regime: regime, Fault: fault}).hears(f.Trial) {
			windows = append(windows, search.Window{
				Trial: f.Trial.Number, Reason: f.Trial.Reason, Blocked: f.whole,
				Contacted: f.contacted.Minus(leftover), Leftover: leftover, Void: !f.usable,
				Lasted: f.Held, After: h.firstContacts(f),
			})
		}
	}
	return windows
}

// touchedBy is what the device ran into at the block until the scenario failed, or in all.
func (h history) touchedBy(f fact, column Column) search.Set {
	broke := f.Outcomes[column.Scenario.Name].Broke
	if broke == nil {
		return f.touched
	}
	known := func(d Destination) bool { _, known := h.index[d]; return known }
	return f.touched.Intersect(h.set(slices.DeleteFunc(slices.Clone(broke.Touched), func(d Destination) bool { return !known(d) })))
}
