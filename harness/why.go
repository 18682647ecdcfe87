package harness

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/internal/span"
)

// The sentences that stand behind the verdicts. Each names the trials it rests
// on, so that a person can look them up.

func whyRequired(cut search.Cut, explanation search.Explanation) string {
	why := fmt.Sprintf("With only this at the block it failed in %s", numbers(cut.Trials))
	if explanation.SafeTrial > 0 {
		why += fmt.Sprintf("; with %d others blocked together it worked in trial %d", explanation.Safe.Len(), explanation.SafeTrial)
	}
	return why + "."
}

func whyAlternative(others []Destination, cut search.Cut) string {
	return fmt.Sprintf("Blocked together with %s it failed in %s; with any one of them open it worked (%s).",
		names(others), numbers(cut.Trials), numbers(merged(cut.Proof)))
}

func whyOptional(passed []int) string {
	return fmt.Sprintf("The device tried it while it was blocked, and all worked, in %s; no set that breaks the scenario needs it.", numbers(passed))
}

// whyOnlyWhile says of a fallback what is blocked whenever it is contacted.
func whyOnlyWhile(cuts [][]Destination, f search.Fallback) string {
	var while []string
	for _, cut := range cuts {
		if len(cut) == 1 {
			while = append(while, names(cut)+" is blocked, which is required")
			continue
		}
		while = append(while, "all of "+names(cut)+" are blocked, of which one is needed")
	}
	leftover := ""
	if len(f.Leftover) > 0 {
		leftover = fmt.Sprintf(" A connection from the trial before was still open in %s.", numbers(f.Leftover))
	}
	return fmt.Sprintf("Contacted only while %s: in %s, of %d that blocked this, and in none of %d others.%s So it is not needed while the scenario works.",
		strings.Join(while, ", or while "), numbers(f.Trials), f.Broken, f.All-f.Broken, leftover)
}

// whyDegraded says how much worse, in which trials, and how seldom that comes by chance: the medians of
// these trials, and of the others, controls included.
func whyDegraded(worse, with, without string, trials []int, others int, chance float64, comparisons int) string {
	return fmt.Sprintf("It works without it, but %s%s (the median of %s, which blocked it) against %s (the median of %d other trials and controls). "+
		"By chance that comes once in %s comparisons, and this run made %d (rank-sum test).",
		worse, with, numbers(trials), without, others, rounded(1/chance), comparisons)
}

// rounded writes a large number with its first two digits.
func rounded(n float64) string {
	scale := math.Pow(10, max(0, math.Floor(math.Log10(n))-1))
	return strconv.FormatFloat(math.Floor(n/scale)*scale, 'f', 0, 64)
}

const whyNotExercised = "No set that breaks the scenario needs it, yet the device never tried it while it was blocked and all worked, " +
	"so nothing is proved: make the device use it, for example by a restart (regime cold_boot), or wait longer after each block (timing: settle)."

// whyExercised says what made the device try a destination, and in the first few trials when.
func whyExercised(by []Provoker, exercises []exercise) string {
	var when []string
	for _, e := range exercises[:min(3, len(exercises))] {
		when = append(when, fmt.Sprintf("%s after that in trial %d", span.Words(e.after.Round(time.Second/10)), e.trial))
	}
	return fmt.Sprintf(" It was tried only right after %s (%s): what the device does when it contacts this by itself later was not tested.",
		EachWords(by), strings.Join(when, ", "))
}

const whyKept = "A person ordered to keep it reachable, so that it was not blocked from then on."

// whyUndecided says what is known of a destination, by its index, and what would decide.
func whyUndecided(i int, explanation search.Explanation) (string, []int) {
	if c := explanation.Contradiction; c != nil {
		return fmt.Sprintf("Blocking more repaired it: it failed in %s and worked, with more blocked, in %s.",
			numbers(c.FailedTrials), numbers(c.PassedTrials)), merged(c.FailedTrials, c.PassedTrials)
	}
	for _, failed := range explanation.Unproven {
		switch others := failed.Members.Len() - 1; {
		case !failed.Members.Has(i):
		case others == 0:
			return fmt.Sprintf("With only this at the block it failed in %s. Still missing: another trial that confirms it.", numbers(failed.Trials)), failed.Trials
		case others == 1:
			return fmt.Sprintf("It failed with this and 1 other blocked, in %s. %s", numbers(failed.Trials), missingProof), failed.Trials
		default:
			return fmt.Sprintf("It failed with this and %d others blocked, in %s. %s", others, numbers(failed.Trials), missingProof), failed.Trials
		}
	}
	if passed := explanation.Attempted[i]; len(passed) > 0 {
		return fmt.Sprintf("It worked without this in %s. Still missing: trials that show whether it is one of several of which some are needed.", numbers(passed)), passed
	}
	return "No trial has shown yet whether it works without this.", nil
}

const missingProof = "Still missing: trials that confirm it, or show which of them it needs."

// whyUnclear says for how long scenarios could not be judged with nothing blocked.
func whyUnclear(controls []Result) string {
	last := controls[len(controls)-1]
	lasted := last.Started.Add(last.Duration).Sub(controls[0].Started)
	return fmt.Sprintf("with nothing blocked, %d trials in a row could not be judged, over %s: %s",
		len(controls), span.Words(lasted.Round(time.Second)), failures(last))
}

// mostOffered is how many hosts a message offers to block.
const mostOffered = 3

// offline says what to do about a device that works only while it does not reach
// one of its hosts; "" if the device reached none in this control.
func offline(control Result) string {
	var hosts []string
	for _, contact := range control.Seen.Contacts {
		if name := contact.Destination.Name; contact.Answered && !slices.Contains(hosts, name) && len(hosts) < mostOffered {
			hosts = append(hosts, name)
		}
	}
	if len(hosts) == 0 {
		return ""
	}
	return fmt.Sprintf("; if the device works only while it does not reach one of its hosts, block that host in every trial, "+
		"in the controls too: block: {always: [HOST]} in the spec (it reached e.g. %s)", and(hosts))
}

// numbers writes trial numbers as people read them: "trials 4 and 9".
func numbers(trials []int) string {
	words := make([]string, 0, len(trials))
	for _, trial := range slices.Compact(slices.Clone(trials)) {
		words = append(words, fmt.Sprint(trial))
	}
	switch len(words) {
	case 0:
		return "no trial"
	case 1:
		return "trial " + words[0]
	}
	return "trials " + and(words)
}

// names writes a few destinations in words, by their hosts.
func names(destinations []Destination) string {
	words := make([]string, 0, len(destinations))
	for _, d := range destinations {
		words = append(words, d.Name)
	}
	return and(words)
}

// and joins words: "a", "a and b", "a, b and c".
func and(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
