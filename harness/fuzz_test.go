package harness_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/needwant/needwant/harness"
)

// Whole experiments on random devices, in virtual time. Each verdict is compared with what the device really needs.
//
//	NEEDWANT_FUZZ_SEEDS=17        one seed
//	NEEDWANT_FUZZ_SEEDS=100-199   some
//	NEEDWANT_FUZZ_DIMENSIONS=late,lanes   with these dimensions and no others; "none" has none
//	go test ./harness -run TestSpecs -ginkgo.focus 'random device' -ginkgo.v
//
// To add a dimension: draw it in [drawn], and say in [dimensions] what it is.
const (
	fuzzSeeds      = "NEEDWANT_FUZZ_SEEDS"
	fuzzDimensions = "NEEDWANT_FUZZ_DIMENSIONS"
)

// dimensions are how a device or its run may differ from the plainest one. Each seed draws about a third of them.
var dimensions = []string{
	"rare",      // some is contacted once in hours or days
	"late",      // a token or cache lets a function work for hours without what it needs
	"misses",    // the device bears some failures in a row
	"retry",     // a contact that failed is repeated at another pace
	"fallbacks", // some is contacted only while another one fails
	"kept",      // connections are kept open
	"demand",    // some is contacted only when a function is used
	"degraded",  // the device stalls before it continues without something
	"answers",   // names are blocked, and the device uses DNS answers for longer than settle
	"lanes",     // two devices
	"columns",   // several functions
	"lab",       // the settings of a lab instead of those of a real device
	"start",     // the device is started when the run begins
	"horizon",   // the user chose one
	"boot",      // some is contacted only when the device starts, and the device is also started under the block
}

// fuzzed is one random experiment.
type fuzzed struct {
	seed   uint64
	has    map[string]bool // dimensions
	device simulated
	timing harness.Timing
	first  time.Duration // the first control lasts as long
	run    harness.Run
	judged harness.Judgement
	err    error
}

// chance is a source of its own for each purpose, so that a dimension changes nothing else of a seed.
func chance(seed uint64, purpose string) *rand.Rand {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(purpose))
	return rand.New(rand.NewPCG(seed, sum.Sum64()))
}

// between is a random time of any scale.
func between(random *rand.Rand, least, most time.Duration) time.Duration {
	scale := math.Log(float64(most) / float64(least))
	return time.Duration(float64(least) * math.Exp(random.Float64()*scale)).Round(second)
}

// drawn is the experiment of a seed, without some dimensions.
func drawn(seed uint64, without ...string) *fuzzed {
	f := &fuzzed{seed: seed, has: map[string]bool{}}
	only, forced := os.LookupEnv(fuzzDimensions)
	for _, dimension := range dimensions {
		f.has[dimension] = chance(seed, "has "+dimension).IntN(3) == 0
		if forced && only != "" {
			f.has[dimension] = slices.Contains(strings.Split(only, ","), dimension)
		}
	}
	for _, dimension := range without {
		f.has[dimension] = false
	}
	f.timing = f.drawTiming()
	f.device = f.drawDevice()
	f.run = f.drawRun()
	return f
}

func (f *fuzzed) drawTiming() harness.Timing {
	random := chance(f.seed, "timing")
	settle := between(random, 10*second, 2*minute)
	timing := harness.Timing{
		Settle: settle, Patience: settle, Tries: 3, Persist: settle, Memory: second,
		Recover: 10 * minute, Look: settle / 50, Longest: between(random, 30*minute, 72*hour),
	}
	if f.has["lab"] {
		timing.Tries, timing.Persist = 0, 0
	}
	f.first = between(random, 10*minute, 84*hour)
	return timing
}

func (f *fuzzed) drawDevice() (device simulated) {
	random := chance(f.seed, "device")
	n := 2 + random.IntN(6)
	if random.IntN(6) == 0 {
		n = 8 + random.IntN(5)
	}
	settle := f.timing.Settle
	for i := range n {
		word := fmt.Sprintf("%c", 'a'+i)
		if random.IntN(3) == 0 {
			word = "time" + word
		}
		p := part{word: word, every: between(random, 10*second, settle), retry: between(random, 5*second, settle/2)}
		f.vary(&p, device.parts)
		if p.every > 0 && p.while == "" {
			p.first = time.Duration(chance(f.seed, "first "+word).Int64N(int64(p.every)))
		}
		device.parts = append(device.parts, p)
	}
	for i := range 1 + random.IntN(3) {
		if i == 0 || f.has["columns"] {
			device.functions = append(device.functions, function{[]string{"app", "hass", "push"}[i], f.drawNeeds(device.parts, random)})
		}
	}
	return device
}

// vary applies the dimensions to a part.
func (f *fuzzed) vary(p *part, before []part) {
	random := chance(f.seed, "part "+p.word)
	draw := func(dimension string, one int) bool { return random.IntN(one) == 0 && f.has[dimension] }
	settle := f.timing.Settle
	if rare := between(random, settle, 72*hour); draw("rare", 2) {
		p.every = rare
	}
	if misses := 2 + random.IntN(3); draw("misses", 3) {
		p.misses = misses
	}
	if retry := between(random, 5*second, 4*minute); draw("retry", 2) {
		p.retry = retry
	}
	if p.misses > 0 && f.has["lab"] { // settle is how long a simulated device takes to give up
		p.retry = min(p.retry, settle/time.Duration(2*p.misses))
	}
	if lease := between(random, 10*minute, 36*hour); draw("late", 3) {
		p.lease = lease
	}
	if draw("kept", 3) && p.every < hour {
		p.kept = true
	}
	if draw("demand", 4) {
		p.every = 0
	}
	if pause := settle/8 + time.Duration(random.Int64N(int64(settle/2))); draw("degraded", 5) && !f.has["lab"] { // where each failure counts
		p.pause, p.kept = pause, false
	}
	if answer := between(random, settle, 4*hour); draw("answers", 2) {
		p.answer = answer
	}
	if draw("fallbacks", 3) && len(before) > 0 {
		if main := before[random.IntN(len(before))]; main.while == "" && main.every > 0 {
			p.while, p.kept, p.lease, p.pause = main.word, false, 0, 0
			p.every = max(p.every, 10*second)
		}
	}
	if boot := chance(f.seed, "boot "+p.word); f.has["boot"] && p.while == "" && boot.IntN(3) == 0 {
		p.every, p.boot, p.kept, p.first = 0, true, false, between(boot, second, settle)
	}
}

// drawNeeds draws what a function needs. A fallback stands in only for the part after which it is contacted.
func (f *fuzzed) drawNeeds(parts []part, random *rand.Rand) (needs []need) {
	var words []string
	for _, p := range parts {
		if p.while == "" && p.pause == 0 {
			words = append(words, p.word)
		}
	}
	random.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	for range random.IntN(3) {
		if len(words) == 0 {
			break
		}
		size := 1 + random.IntN(min(4, len(words)))
		n := need{1, slices.Clone(words[:size])}
		if random.IntN(3) == 0 {
			n.least = 1 + random.IntN(size)
		}
		if words = words[size:]; random.IntN(4) == 0 { // needs may share a part
			words = append(words, n.of[0])
		}
		for _, p := range parts {
			if n.least == 1 && slices.Contains(n.of, p.while) && random.IntN(2) == 0 {
				n.of = append(n.of, p.word)
			}
		}
		needs = append(needs, n)
	}
	return needs
}

func (f *fuzzed) drawRun() harness.Run {
	random := chance(f.seed, "run")
	truth := formula{scenarios: map[string]func(func(string) bool) bool{}}
	for _, function := range f.device.functions {
		truth.scenarios[function.name] = always
	}
	run := newRun(truth)
	settings := &run.Settings
	settings.Settle, settings.Longest, settings.Lanes, settings.Confirm = f.timing.Settle, f.timing.Longest, 1, 2
	if random.IntN(3) == 0 {
		settings.Order = "2"
	}
	if horizon := between(random, hour, 96*hour); f.has["horizon"] {
		settings.Horizon = horizon
	}
	if f.has["lab"] {
		settings.Confirm, settings.Order = 0, "exact"
	}
	if f.has["lanes"] {
		settings.Lanes = 2
	}
	if f.has["boot"] {
		settings.Regimes = []harness.Regime{harness.Steady, harness.ColdBoot}
	}
	if f.has["answers"] {
		settings.Faults = []harness.Fault{harness.NXDomain}
	}
	return run
}

// The most that a run may take: results, and time of the device.
const (
	mostResults = 400
	mostTime    = 20_000 * hour
)

// counted is a journal that ends a run which does not end.
type counted struct {
	memory
	end func()
}

func (c *counted) Append(result harness.Result) error {
	if len(c.results) >= mostResults {
		c.end()
	}
	return c.memory.Append(result)
}

// do carries the experiment out.
func (f *fuzzed) do() {
	synctest.Test(suite, func(*testing.T) {
		ctx, end := context.WithTimeout(context.Background(), mostTime)
		defer end()
		e := &harness.Experiment{Run: f.run, Journal: &counted{end: end}}
		for lane := range f.run.Settings.Lanes {
			u := newUnit(f.device, chance(f.seed, fmt.Sprint("unit ", lane)))
			bench := &harness.Bench{Number: lane + 1, Gateway: u, Restart: u.start, Scenarios: u.scenarios(), Timing: f.timing, First: f.first}
			if f.has["start"] {
				bench.Wake = u.start
			}
			e.Lanes = append(e.Lanes, bench)
		}
		f.err = e.Do(ctx)
		f.run = e.Run
	})
	f.judged = harness.Judge(f.run)
}

// words are destinations as the device's words for them.
func words(destinations []harness.Destination) (words []string) {
	for _, d := range destinations {
		words = append(words, strings.TrimSuffix(d.Name, ".example"))
	}
	return words
}

// wrong lists what is wrong with the run.
func (f *fuzzed) wrong() (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	switch {
	case f.err != nil:
		say("the run ended with an error: %s", f.err)
	case f.run.Status == harness.Interrupted && f.run.Why == "":
		say("the run had not ended after %d results and %s", len(f.run.Results), shown(f.run.Duration))
	case f.run.Status != harness.Complete && f.run.Why == "":
		say("the run ended with %s and no reason", f.run.Status)
	}
	for i, column := range f.judged.Columns {
		function := f.device.functions[slices.IndexFunc(f.device.functions, func(x function) bool { return x.name == column.Column.Scenario.Name })]
		truth := *f
		truth.device.cold = column.Column.Regime == harness.ColdBoot
		wrong = append(wrong, truth.wrongColumn(column, function, f.judged.Safe[i])...)
	}
	return wrong
}

// slack is how much later than the latest a failure may be seen: by the next check.
func (f *fuzzed) slack(held time.Duration) time.Duration { return 3*f.timing.Settle + held/12 }

// failsBy reports whether a function must have failed when a set had been blocked for some time.
func (f *fuzzed) failsBy(function function, set []string, held time.Duration) bool {
	by, fails := f.device.fails(function, set)
	return fails && by+f.slack(held) < held
}

// wrongColumn lists what is wrong with a column. Its cuts must be the device's smallest ones, whenever they fail. What is called optional,
// and the safe list, must work for as long as that was blocked.
func (f *fuzzed) wrongColumn(column harness.ColumnVerdict, function function, safe harness.SafeList) (wrong []string) {
	say := func(format string, args ...any) {
		wrong = append(wrong, function.name+": "+fmt.Sprintf(format, args...))
	}
	truth := f.device.cuts(function)
	isCut := func(set []string) bool {
		return slices.ContainsFunc(truth, func(cut []string) bool { return len(cut) == len(set) && contains(set, cut) })
	}
	for _, cut := range column.Cuts {
		if set := words(cut.Destinations); !isCut(set) {
			say("%v is called a cut; the cuts are %v", set, truth)
		}
		for _, number := range cut.Trials {
			if why := f.showsCut(number, cut.Destinations, function.name); why != "" {
				say("trial %d is said to show the cut %v: %s", number, words(cut.Destinations), why)
			}
		}
	}
	for d, cell := range column.Cells {
		word := words([]harness.Destination{d})[0]
		switch cell.Verdict {
		case harness.Required:
			if !isCut([]string{word}) {
				say("%s is called required; the cuts are %v", word, truth)
			}
		case harness.Optional, harness.Degraded:
			if f.failsBy(function, []string{word}, cell.Held) {
				say("%s is called %s, blocked for %s; the cuts are %v", word, cell.Verdict, shown(cell.Held), truth)
			}
			if cell.Verdict == harness.Degraded && f.device.part(word).pause == 0 {
				say("%s is called degraded, which never pauses the device: %s", word, cell.Why)
			}
			if len(cell.OnlyWhile) > 0 {
				continue
			}
			for _, number := range cell.Trials {
				if why := f.showsOptional(number, d, function.name); why != "" {
					say("trial %d is said to show that %s is optional: %s", number, word, why)
				}
			}
		}
	}
	if f.failsBy(function, words(safe.Destinations), safe.Held) {
		say("%v is called safe, blocked for %s; the cuts are %v", words(safe.Destinations), shown(safe.Held), truth)
	}
	if horizon := f.run.Horizon(); f.run.Status == harness.Complete && len(safe.Destinations) > 0 && !f.held(safe.Destinations, function.name, horizon-horizon/16) {
		say("the safe list %v was not blocked until the horizon, %s", words(safe.Destinations), shown(horizon))
	}
	if column.Certified == "exact" {
		wrong = append(wrong, f.missing(column, function, truth)...)
	}
	return wrong
}

// missing lists the cuts that a list which is said to be complete does not have: those that fail at the first failures.
func (f *fuzzed) missing(column harness.ColumnVerdict, function function, truth [][]string) (missing []string) {
	var known []string
	for d := range column.Cells {
		known = append(known, words([]harness.Destination{d})...)
	}
	for _, cut := range truth {
		prompt := !slices.ContainsFunc(cut, func(word string) bool {
			p := f.device.part(word)
			return p.lease > 0 || p.misses > 1 || p.answer > 0 || p.while != ""
		})
		listed := slices.ContainsFunc(column.Cuts, func(c harness.Cut) bool {
			set := words(c.Destinations)
			return len(set) == len(cut) && contains(set, cut)
		})
		if prompt && !listed && contains(known, cut) {
			missing = append(missing, fmt.Sprintf("%s: the list of cuts is certified, and %v is missing", function.name, cut))
		}
	}
	return missing
}

// held reports whether some destinations were blocked for so long in a trial that passed.
func (f *fuzzed) held(set []harness.Destination, scenario string, held time.Duration) bool {
	return slices.ContainsFunc(f.run.Results, func(r harness.Result) bool {
		return r.Held >= held && r.Outcomes[scenario].Answer == harness.Pass && contains(words(r.Trial.Block), words(set))
	})
}

// result finds a trial by its number.
func (f *fuzzed) result(number int) (harness.Result, bool) {
	i := slices.IndexFunc(f.run.Results, func(r harness.Result) bool { return r.Trial.Number == number })
	if i < 0 {
		return harness.Result{}, false
	}
	return f.run.Results[i], true
}

// showsCut says why a trial does not show that a cut fails; "" if it does.
func (f *fuzzed) showsCut(number int, cut []harness.Destination, scenario string) string {
	result, exists := f.result(number)
	switch {
	case !exists:
		return "there is no such trial"
	case result.Outcomes[scenario].Answer != harness.Fail:
		return "it did not fail"
	case slices.ContainsFunc(cut, func(d harness.Destination) bool { return !slices.Contains(result.Trial.Block, d) }):
		return "it blocked " + fmt.Sprint(words(result.Trial.Block))
	}
	return ""
}

// showsOptional says why a trial does not show that a destination is optional; "" if it does.
func (f *fuzzed) showsOptional(number int, d harness.Destination, scenario string) string {
	result, exists := f.result(number)
	contact, _ := result.Seen.Contact(d)
	switch {
	case !exists:
		return "there is no such trial"
	case result.Outcomes[scenario].Answer != harness.Pass:
		return "it did not pass"
	case !slices.Contains(result.Trial.Block, d):
		return "it blocked " + fmt.Sprint(words(result.Trial.Block))
	case contact.Attempts == 0:
		return "the device did not try it"
	}
	return ""
}
