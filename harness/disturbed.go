package harness

import (
	"fmt"
	"strings"
)

// A failure proves nothing if something other than the block may have caused it: the network, the
// home's resolver, this machine. Then [Result].Suspect says what.

// suspicion says why a window is not to be trusted, or "".
func suspicion(seen Observation) string {
	if seen.Broken != "" {
		return "the block did not hold: " + seen.Broken
	}
	if seen.Disturbed != "" {
		return "the gateway's network was disturbed: " + seen.Disturbed
	}
	if seen.Lost > 0 {
		return fmt.Sprintf("%d messages of the kernel were lost", seen.Lost)
	}
	if broken := brokenStandIn(seen); broken != "" {
		return broken
	}
	if len(seen.Doubts) > 0 {
		return "there was traffic that cannot be attributed: " + strings.Join(seen.Doubts, "; ")
	}
	return ""
}

// mostSlow limits the names that a bench remembers, which a device chooses.
const mostSlow = 4096

// silence says why a failure may be due to the home's resolver, or "". That a name got
// its answer late, or none, is harmless if the same happened once while every scenario
// passed. A late answer does not show that none is harmless.
func (b *Bench) silence(result *Result, seen Observation) string {
	if !result.answered(Fail) {
		b.excuse(result, seen)
		return ""
	}
	for _, name := range seen.Silent {
		if !b.mute[name] {
			return "the home's resolver did not answer for " + name
		}
	}
	for _, name := range seen.Late {
		if !b.slow[name] && !b.mute[name] {
			return "the home's resolver took long to answer for " + name
		}
	}
	return ""
}

// excuse remembers names whose answers were late, or missing, while every scenario passed.
func (b *Bench) excuse(result *Result, seen Observation) {
	if result.answered(Inconclusive) {
		return
	}
	if b.slow == nil {
		b.slow, b.mute = map[string]bool{}, map[string]bool{}
	}
	for _, name := range seen.Late {
		if len(b.slow) < mostSlow {
			b.slow[name] = true
		}
	}
	for _, name := range seen.Silent {
		if len(b.mute) < mostSlow {
			b.mute[name] = true
		}
	}
}

// doubt asks Doubt about the block of a trial, and counts the trials in a row that it spoke
// against.
func (b *Bench) doubt(result Result) string {
	if b.Doubt == nil {
		return ""
	}
	why := b.Doubt(result.Started)
	if b.window = result.Held; why == "" {
		b.doubted = 0
	} else {
		b.doubted++
	}
	return why
}
