package search

import (
	"slices"
	"time"
)

// Window is what the device contacted during one trial or control, whatever came
// of it.
type Window struct {
	Trial     int    // its number
	Reason    string // of the trial
	Blocked   Set    // all of which was blocked
	Contacted Set    // in any way, whether blocked or not
	Leftover  Set    // only on connections from the trial before: not in Contacted, and neither supports nor refutes
	Void      bool   // its result may not be used: what was contacted in it may refute, but not support

	Lasted time.Duration         // how long it was
	After  map[int]time.Duration // how long after its beginning a destination was first contacted
}

// Fallback says when a destination is contacted that takes part in nothing: only
// while the column is broken.
//
// Invariant: every window in which it was contacted blocked all of a proven cut
// that does not contain it, and the scenario passed in none of them. Therefore it
// is never needed in a state in which the scenario works.
type Fallback struct {
	While    []Set   // the cuts, one of which was blocked whenever it was contacted
	Trials   []int   // in which it was contacted
	Leftover []int   // trials with packets of connections from the trial before only; not among the windows
	Broken   int     // windows that blocked one of the cuts
	All      int     // windows that were long enough to see it
	Chance   float64 // that a destination which has nothing to do with the cuts is seen in just such windows

	spells int // of windows in a row in which it was contacted
}

const (
	// fallbackByChance is the highest [Fallback.Chance] that is accepted. A window
	// that fails lasts longer than one that passes, so that the real chance is
	// somewhat higher.
	fallbackByChance = 0.03
	fewestSpells     = 2 // one burst of traffic may span several windows in a row
	mostSeeAgain     = 3 // trials that ask a cut again to see a destination again
)

// certain reports whether enough was seen to rule out a coincidence.
func (f Fallback) certain() bool { return f.spells >= fewestSpells && f.Chance <= fallbackByChance }

// fallback is what the windows say of a destination outside of all proven cuts. It
// reports false if they refute that it is contacted only while the column is
// broken, or if it was never contacted.
func (t *theory) fallback(x int, cuts []Set) (f Fallback, ok bool) {
	var seen []Window
	for _, w := range t.Windows {
		if w.Contacted.Has(x) {
			seen = append(seen, w)
		}
	}
	if slices.ContainsFunc(seen, func(w Window) bool { return t.worked(w.Trial) }) {
		return f, false
	}
	if f.While = coveringCuts(cuts, seen, t.Windows); f.While == nil {
		return f, false
	}
	before, after := false, meanAfter(x, seen)
	for _, w := range t.Windows {
		if w.Leftover.Has(x) {
			f.Leftover = append(f.Leftover, w.Trial)
		}
		contacted := w.Contacted.Has(x)
		if w.Void || w.Leftover.Has(x) || !contacted && w.Lasted < after {
			continue
		}
		f.All++
		if blocksOne(f.While, w) {
			f.Broken++
		}
		if contacted {
			f.Trials = append(f.Trials, w.Trial)
		}
		if contacted && !before {
			f.spells++
		}
		before = contacted
	}
	f.Chance = allWithin(len(f.Trials), f.Broken, f.All)
	return f, true
}

// meanAfter is how long a window must be on average until a destination is contacted in it. A shorter one
// does not tell whether it would have been: what the device contacts once a day is seldom seen in minutes.
func meanAfter(x int, seen []Window) (mean time.Duration) {
	for _, w := range seen {
		mean += w.After[x] / time.Duration(len(seen))
	}
	return mean
}

// coveringCuts are a few cuts of which each of the windows seen blocked one; nil
// if there are none. Of cuts that explain as much, it takes the one that fewest
// windows blocked.
func coveringCuts(cuts []Set, seen, all []Window) (chosen []Set) {
	for len(seen) > 0 {
		var best Set
		most, fewest := 0, 0
		for _, k := range cuts {
			explains, blocked := countBlocking(k, seen), countBlocking(k, all)
			if explains > most || explains == most && blocked < fewest {
				best, most, fewest = k, explains, blocked
			}
		}
		if most == 0 {
			return nil
		}
		chosen = append(chosen, best)
		seen = slices.DeleteFunc(slices.Clone(seen), func(w Window) bool { return best.SubsetOf(w.Blocked) })
	}
	return chosen
}

func countBlocking(cut Set, windows []Window) (n int) {
	for _, w := range windows {
		if cut.SubsetOf(w.Blocked) {
			n++
		}
	}
	return n
}

func blocksOne(cuts []Set, w Window) bool {
	return slices.ContainsFunc(cuts, func(k Set) bool { return k.SubsetOf(w.Blocked) })
}

// allWithin is the chance that m windows, drawn from all at random, lie within a
// given part of them: C(part, m) / C(all, m).
func allWithin(m, part, all int) float64 {
	chance := 1.0
	for i := range m {
		chance *= float64(part-i) / float64(all-i)
	}
	return chance
}

// worked reports whether the scenario passed in a trial.
func (t *theory) worked(trial int) bool {
	return slices.ContainsFunc(t.knowledge, func(a Answer) bool { return a.Passed && a.Trial == trial })
}

// proven are the cuts that count as proven, those of one member first.
func (t *theory) proven() []Set {
	return slices.DeleteFunc(append(t.singles(), t.cuts...), t.unconfirmed)
}

// seeAgain asks for a cut again under which a destination was seen that may be a
// fallback, so that it is either seen again or not. What was tried in a passing
// trial needs none of this.
func (t *theory) seeAgain() []Question {
	if len(t.Windows) == 0 {
		return nil
	}
	rest := t.universe
	for _, k := range t.failing {
		rest = rest.Minus(k)
	}
	tried, cuts := attempted(t.knowledge), t.proven()
	var questions []Question
	for _, x := range rest.Members() {
		if len(tried[x]) > 0 {
			continue
		}
		f, ok := t.fallback(x, cuts)
		if !ok || f.certain() || f.Broken == f.All { // without a window that blocked something else, the chance stays 1
			continue
		}
		for _, k := range f.While {
			if t.asksAgain(x, k) {
				questions = append(questions, Question{Block: k, Reason: SeeAgain, Fails: 0.95})
			}
		}
	}
	return questions
}

// asksAgain reports whether a cut may be asked once more to see a destination
// again. It was asked so often as it was since the destination was first seen.
func (t *theory) asksAgain(x int, k Set) bool {
	guessed := func(a Answer) bool { return a.Trial == 0 && a.Blocked.Equal(k) }
	if slices.ContainsFunc(t.knowledge, guessed) {
		return false
	}
	asked, known := 0, false
	for _, w := range t.Windows {
		if known && !w.Void && w.Reason == SeeAgain && w.Blocked.Equal(k) {
			asked++
		}
		known = known || w.Contacted.Has(x)
	}
	return asked < mostSeeAgain
}
