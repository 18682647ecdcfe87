// Package optimum finds the fewest trials that any search can do with, for devices of
// up to five destinations. Nothing but the benchmark uses it.
//
// A search ends when its trials leave just one monotone device possible out of all that
// there are, not just out of the likely ones: each cut was seen to fail, and each maximal
// set without a cut was seen to pass. The optimum is the smallest mean number of trials
// of a search that ends so, for devices drawn from a [Prior] that it knows.
//
// What is known at any time is a set of blocks that fail and a set that pass. There are as many such
// states for n destinations as monotone functions of n + 1 variables: 7,581 for four
// destinations, 7,828,354 for five, and 2.4·10¹² for six, which no table holds. For more
// than five there is a lower bound: see bound.go.
package optimum

import (
	"math/bits"
	"math/rand/v2"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// Most is the highest number of destinations.
const Most = 5

// blocks are sets of blocks: bit b stands for the block whose destinations are the bits of b.
type blocks uint32

// Prior is how likely each device is. A device that differs from another by the names of
// its destinations only is as likely.
type Prior struct {
	n       int
	devices []device
	renamed []renaming
}

type device struct {
	fails  blocks
	chance float64
}

// renaming is a permutation of the destinations, as what each byte of a set of blocks becomes.
type renaming [4][256]blocks

// Sampled is the prior of n destinations, 1 to [Most], from so many draws.
func Sampled(n, draws int, draw func(*rand.Rand) systems.System) Prior {
	p := Prior{n: n}
	p.rename(nil)
	chances := map[blocks]float64{}
	share := 1 / float64(draws*len(p.renamed))
	for i := range draws {
		system := draw(rand.New(rand.NewPCG(50, uint64(i))))
		var fails blocks
		for b := range 1 << n {
			if system.Fails(setOf(b)) {
				fails |= 1 << b
			}
		}
		for _, r := range p.renamed {
			chances[r.apply(fails)] += share
		}
	}
	for fails, chance := range chances {
		p.devices = append(p.devices, device{fails, chance})
	}
	return p
}

// rename adds the renamings that begin with these destinations.
func (p *Prior) rename(begin []int) {
	if len(begin) == p.n {
		var r renaming
		for bit := range 1 << p.n {
			to := 0
			for x, y := range begin {
				to |= (bit >> x & 1) << y
			}
			for value := range 256 {
				if value>>(bit%8)&1 == 1 {
					r[bit/8][value] |= 1 << to
				}
			}
		}
		p.renamed = append(p.renamed, r)
		return
	}
	for y := range p.n {
		if !search.Of(begin...).Has(y) {
			p.rename(append(begin[:len(begin):len(begin)], y))
		}
	}
}

func (r *renaming) apply(b blocks) blocks {
	return r[0][b&255] | r[1][b>>8&255] | r[2][b>>16&255] | r[3][b>>24]
}

// setOf is a block as a set of destinations.
func setOf(block int) (s search.Set) {
	for x := 0; block>>x != 0; x++ {
		if block>>x&1 == 1 {
			s = s.With(x)
		}
	}
	return s
}

// Mean is the mean of what a method takes for each device.
func (p Prior) Mean(trials func(systems.System) int) float64 {
	mean := 0.0
	for _, d := range p.devices {
		system := systems.System{N: p.n}
		for b := range 1 << p.n {
			if p.minimal(d.fails)>>b&1 == 1 {
				system.Cuts = append(system.Cuts, setOf(b))
			}
		}
		mean += d.chance * float64(trials(system))
	}
	return mean
}

// minimal are the blocks that fail of which no part fails.
func (p Prior) minimal(fails blocks) (minimal blocks) {
	for b := range 1 << p.n {
		if fails>>b&1 == 1 && fails&below(b) == 1<<b {
			minimal |= 1 << b
		}
	}
	return minimal
}

// maximal are the blocks that pass that lie in no other.
func (p Prior) maximal(fails blocks) (maximal blocks) {
	for b := range 1 << p.n {
		if fails>>b&1 == 0 && p.above(b)&^fails == 1<<b {
			maximal |= 1 << b
		}
	}
	return maximal
}

// below are the parts of a block, itself among them.
func below(block int) (parts blocks) {
	for b := range block + 1 {
		if b&^block == 0 {
			parts |= 1 << b
		}
	}
	return parts
}

// above are the blocks that contain a block, itself among them.
func (p Prior) above(block int) (wider blocks) {
	for b := range 1 << p.n {
		if block&^b == 0 {
			wider |= 1 << b
		}
	}
	return wider
}

// state is what is known.
type state struct{ fails, passes blocks }

// Optimum is the smallest mean number of trials, and the smallest of a search whose first
// trial blocks everything; 0 if the answer to that is the same for all devices. The control
// is known beforehand.
func (p Prior) Optimum() (best, afterAll float64) {
	t := table{Prior: p, known: map[state]float64{}}
	for b := range 1 << p.n {
		t.up, t.down = append(t.up, p.above(b)), append(t.down, below(b))
	}
	nothing, all := state{passes: 1}, 1<<p.n-1
	return t.remaining(nothing, p.devices), t.after(all, nothing, p.devices)
}

// table holds what was found for each state, up to the names of the destinations.
type table struct {
	Prior
	up, down []blocks
	known    map[state]float64
}

// remaining is the mean number of trials that are left, if these are all devices of the
// prior that are still possible.
func (t *table) remaining(s state, possible []device) float64 {
	if len(possible) == 1 { // what is left is to prove it
		f := possible[0].fails
		return float64(bits.OnesCount32(uint32(t.minimal(f)&^s.fails | t.maximal(f)&^s.passes)))
	}
	key := t.canonical(s)
	if best, ok := t.known[key]; ok {
		return best
	}
	best := 0.0
	for b := range t.up {
		if (s.fails|s.passes)>>b&1 == 1 {
			continue
		}
		if mean := t.after(b, s, possible); mean > 0 && (best == 0 || mean < best) {
			best = mean
		}
	}
	t.known[key] = best
	return best
}

// after is the mean number of trials if this block is the next; 0 if all possible devices
// answer alike, so that it can wait until the device is known.
func (t *table) after(block int, s state, possible []device) float64 {
	var failing, passing []device
	broken, works := 0.0, 0.0
	for _, d := range possible {
		if d.fails>>block&1 == 1 {
			failing, broken = append(failing, d), broken+d.chance
		} else {
			passing, works = append(passing, d), works+d.chance
		}
	}
	if broken == 0 || works == 0 {
		return 0
	}
	return 1 + (broken*t.remaining(state{s.fails | t.up[block], s.passes}, failing)+
		works*t.remaining(state{s.fails, s.passes | t.down[block]}, passing))/(broken+works)
}

// canonical is the first of the states that are this one with other names.
func (t *table) canonical(s state) state {
	first := s
	for i := range t.renamed {
		r := &t.renamed[i]
		other := state{r.apply(s.fails), r.apply(s.passes)}
		if other.fails < first.fails || other.fails == first.fails && other.passes < first.passes {
			first = other
		}
	}
	return first
}
