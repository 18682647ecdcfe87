package harness

import (
	"fmt"
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// Way is how a device is brought to a stand-in.
type Way string

// The ways, from the gentlest on. Redirection works for every device. The others leave its
// packets alone, but the device must take part.
const (
	WayOption   Way = "option-42" // DHCP names the gateway as the time server
	WayName     Way = "name"      // the destination's name is answered with the gateway's address
	WayRedirect Way = "redirect"  // packets to the destination are led to the gateway
)

// Ways lists the ways, the gentlest first.
func Ways() []Way { return []Way{WayOption, WayName, WayRedirect} }

// standInWayReason is the reason of trials that find out whether a gentler way is enough.
const standInWayReason = "stand-in-way"

// CheckWays finds what keeps the ways of a trial from leading anywhere.
func (t Trial) CheckWays() error {
	for d, way := range t.Ways {
		switch kind := t.StandIns[d]; {
		case kind == "":
			return fmt.Errorf("there is a way to a stand-in for %s, and no stand-in", d)
		case way == WayOption && kind != TimeServer:
			return fmt.Errorf("DHCP names time servers alone, and %s has the stand-in %q", d, kind)
		case way == WayName && !d.nameable():
			return fmt.Errorf("%s has no name of its own that could be answered", d)
		case way != WayOption && way != WayName:
			return fmt.Errorf("%q is not a way to the stand-in for %s", way, d)
		}
	}
	return nil
}

// OffersTime reports whether DHCP names the gateway as the time server in the trial.
func (t Trial) OffersTime() bool { return t.goes(WayOption) }

// answersNames reports whether names are answered with the gateway's address in the trial.
func (t Trial) answersNames() bool { return t.goes(WayName) }

func (t Trial) goes(by Way) bool {
	for _, way := range t.Ways {
		if way == by {
			return true
		}
	}
	return false
}

// nameable reports whether a destination has one name, which can be answered with another
// address.
func (d Destination) nameable() bool {
	_, wide := d.Domain()
	return d.Host() != "" && !wide && !d.EveryPort()
}

// waysBy finds which of some destinations can be brought to their stand-ins by a way, if
// a set is blocked. A name that something has too that is not blocked is left alone.
func (h history) waysBy(way Way, block, replaced search.Set) map[Destination]Way {
	if way == WayOption && !slices.ContainsFunc(h.facts, func(f fact) bool { return f.Seen.AsksTime }) {
		return nil
	}
	ways := map[Destination]Way{}
	for d, kind := range StandInsFor(h.destinations(replaced), h.sound()) {
		open := func(i int) bool { return !block.Has(i) && h.universe[i].Host() == d.Host() }
		switch {
		case way == WayOption && kind != TimeServer:
		case way == WayName && (!d.nameable() || slices.ContainsFunc(h.order, open)):
		default:
			ways[d] = way
		}
	}
	return ways
}

// gently are the trials of a group in which a gentler way was tried.
func (h history) gently(regime Regime, fault Fault, way Way) (facts []fact) {
	for _, f := range h.facts {
		if f.Trial.Regime == regime && f.Trial.Fault == fault && f.Trial.goes(way) {
			facts = append(facts, f)
		}
	}
	return facts
}

// wantedByWay is how many trials must agree on a way. Each adds to others that proved that
// the stand-in would do.
func (h history) wantedByWay() int {
	if h.run.Settings.MaxNoise > 0 {
		return 2
	}
	return 1
}

// gentler asks, when all that can be replaced is known to be replaceable at once by
// redirection, whether a gentler way would be enough: once for each, for all cuts together. If
// the fault blocks names, they have been the way already.
func (p plan) gentler(g group) (Trial, bool) {
	if _, _, proved := p.provedOutside(g); !proved || g.columns[0].Fault.ByName() {
		return Trial{}, false
	}
	block, replaced := p.outside(g, false)
	block, replaced = block.Minus(p.kept), replaced.Minus(p.kept)
	for _, way := range Ways() {
		ways := p.waysBy(way, block, replaced)
		if way == WayRedirect || len(ways) == 0 || p.knownWay(g, way, block) {
			continue
		}
		trial, ok := p.withStandIns(g, block, p.withWays(g, replaced, ways), standInWayReason, 0)
		trial.Ways = ways
		return trial, ok
	}
	return Trial{}, false
}

// withWays leaves out of what can be replaced what is not brought to its stand-in by a way,
// if each cut that it is in has something that is: the cut would prove nothing of the way.
func (p plan) withWays(g group, replaced search.Set, ways map[Destination]Way) (answered search.Set) {
	var led, needed search.Set
	for _, i := range replaced.Members() {
		if ways[p.universe[i]] != "" {
			led = led.Union(search.Of(i))
		}
	}
	for _, explained := range g.explained {
		for _, cut := range explained.Cuts {
			if !cut.Members.Intersects(led) {
				needed = needed.Union(cut.Members)
			}
		}
	}
	return led.Union(needed.Intersect(replaced))
}

// knownWay reports whether trials have told what a way is worth, or cannot.
func (p plan) knownWay(g group, way Way, block search.Set) bool {
	told, void := 0, 0
	for _, f := range p.gently(g.columns[0].Regime, g.columns[0].Fault, way) {
		switch {
		case !f.whole.Equal(block):
		case !f.usable:
			void++
		default:
			told++
		}
	}
	return told >= p.wantedByWay() || void >= voidTries
}

// wayProof is a way that was enough, and the trials that showed it.
type wayProof struct {
	way    Way
	trials []int
	mixed  bool // of redirection: what has a name was brought there by that
}

// enough are the ways that were enough for a cut of a column, the gentlest first: the
// column worked, and a stand-in was used by that way, and none by another. Redirection is
// always one, since the cut is known to be replaceable by it; or if the fault blocks
// names, it is the one if the names were not enough.
func (h history) enough(column Column, cut search.Set) (proofs []wayProof) {
	if column.Fault.ByName() {
		return h.enoughByName(column, cut)
	}
	onset := h.lateFailure(column)
	for _, way := range Ways() {
		proof := wayProof{way: way}
		for _, f := range h.gently(column.Regime, column.Fault, way) {
			led := h.ledBy(f, way, cut)
			used := len(h.usedFor(led, f)) > 0 && len(h.usedFor(cut.Minus(led), f)) == 0
			if used && f.usable && f.passed(column) && f.Held >= onset && cut.SubsetOf(f.whole) {
				proof.trials = append(proof.trials, f.Trial.Number)
			}
		}
		if way == WayRedirect || len(proof.trials) >= h.wantedByWay() {
			proofs = append(proofs, proof)
		}
	}
	return proofs
}

// enoughByName is the way to a replaceable cut under a fault that blocks names. The device
// is brought by redirection to what the gateway knows no name of.
func (h history) enoughByName(column Column, cut search.Set) []wayProof {
	var trials []int
	mixed := false
	for _, f := range h.standing(column.Regime, column.Fault) {
		named, redirected := h.usedBy(WayName, cut, f)
		mixed = mixed || named
		if named && !redirected && f.usable && f.passed(column) && f.Held >= h.lateFailure(column) && cut.SubsetOf(f.whole) {
			trials = append(trials, f.Trial.Number)
		}
	}
	if len(trials) < h.wantedByWay() {
		return []wayProof{{way: WayRedirect, mixed: mixed}}
	}
	return []wayProof{{way: WayName, trials: trials}}
}

// usedBy reports whether stand-ins for members of a set were used by a way, and by another.
func (h history) usedBy(way Way, set search.Set, f fact) (by, other bool) {
	for _, stood := range f.Seen.StoodIn {
		i, known := h.index[stood.Destination]
		used := known && set.Has(i) && stood.Answers > 0
		by, other = by || used && stood.By == way, other || used && stood.By != way
	}
	return by, other
}

// ledBy is the part of a set whose stand-ins a trial brought the device to by a way.
func (h history) ledBy(f fact, way Way, set search.Set) search.Set {
	var led []int
	for _, i := range set.Members() {
		if f.Trial.Ways[h.universe[i]] == way {
			led = append(led, i)
		}
	}
	return search.Of(led...)
}

// common are the ways that were enough for each of several cuts.
func common(a, b []wayProof) (both []wayProof) {
	for _, one := range a {
		i := slices.IndexFunc(b, func(p wayProof) bool { return p.way == one.way })
		if i >= 0 {
			both = append(both, wayProof{one.way, merged(slices.Concat(one.trials, b[i].trials)), one.mixed || b[i].mixed})
		}
	}
	return both
}

func waysOf(proofs []wayProof) (ways []Way) {
	for _, proof := range proofs {
		ways = append(ways, proof.way)
	}
	return ways
}

// whyWay says which way was the gentlest that was enough.
func whyWay(proofs []wayProof) string {
	gentlest := proofs[0]
	switch gentlest.way {
	case WayOption:
		return fmt.Sprintf(" It was enough to name the gateway as the time server by DHCP (option 42), in %s.", numbers(gentlest.trials))
	case WayName:
		return fmt.Sprintf(" It was enough to answer its name with the gateway's address, in %s.", numbers(gentlest.trials))
	}
	if gentlest.mixed {
		return " Names were answered with the gateway's address, and what has no name was redirected there."
	}
	return " Its packets were redirected to the gateway."
}
