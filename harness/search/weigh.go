package search

import "math"

const (
	listed   = 8  // destinations, at most, of which every set is weighed
	climbs   = 6  // rounds in which the best question is changed by one destination
	fewDrawn = 20 // worlds are not enough to choose by
)

// weigh replaces a question of the rules by the one that the worlds recommend.
//
// A trial is worth the information that its answer gives, in bits, and something more if
// it may be one of the proofs that the certificate will rest on: that a cut fails by
// itself, or that a maximal set passes. Beside trials in flight, only the information
// counts that they will not give.
func (t *theory) weigh(q Question, inflight []Set) Question {
	if t.universe.Minus(t.required).Len() > widest {
		return q
	}
	f := newField(t)
	s := scale{field: f, worlds: f.worlds(), tried: map[uint64]bool{}}
	if len(s.worlds) < fewDrawn {
		return q
	}
	s.await(f.bitsOf(inflight))
	s.try(f.bits(q.Block))
	if len(f.members) <= listed {
		for set := range f.all + 1 {
			s.try(set)
		}
	}
	s.proofs()
	s.chunks(f.bits(t.suspects), f.bits(t.safe))
	for range climbs {
		before := s.set
		for x := f.all; x != 0; x &= x - 1 {
			s.try(before ^ x&-x)
		}
	}
	block := f.set(s.set)
	if t.passes(block) || t.fails(block) || s.set == 0 {
		return q
	}
	needed := 1.0
	if len(inflight) > 0 {
		needed = min(1, s.score/max(information(s.fails)+s.proves, 0.01))
	}
	return Question{Block: block, Reason: q.Reason, Fails: s.fails, Needed: needed}
}

// scale weighs sets against each other, and keeps the best.
type scale struct {
	*field
	worlds          []world
	tried           map[uint64]bool
	answers         []int // of what is in flight, in each world, as bits
	broken, counted []int // by answers

	set                  uint64
	score, fails, proves float64 // of the set; what it is worth beside what is in flight, and as a proof
}

// mostAwaited is how many trials in flight are taken into account.
const mostAwaited = 8

// await sorts the worlds by the answers of what is in flight.
func (s *scale) await(inflight []uint64) {
	inflight = inflight[:min(len(inflight), mostAwaited)]
	s.answers = make([]int, len(s.worlds))
	s.counted, s.broken = make([]int, 1<<len(inflight)), make([]int, 1<<len(inflight))
	for i, w := range s.worlds {
		for bit, set := range inflight {
			if s.tried[set] = true; w.fails(set) {
				s.answers[i] |= 1 << bit
			}
		}
		s.counted[s.answers[i]]++
	}
}

// try weighs a set.
func (s *scale) try(set uint64) {
	if set == 0 || s.tried[set] {
		return
	}
	s.tried[set] = true
	clear(s.broken)
	proving := 0
	for i, w := range s.worlds {
		fails, proves := w.answer(set, s.all)
		if fails {
			s.broken[s.answers[i]]++
		}
		if proves {
			proving++
		}
	}
	n, fails, informs := float64(len(s.worlds)), 0.0, 0.0
	proves := float64(s.proof * float64(proving) / n)
	for i, counted := range s.counted {
		if counted > 0 {
			fails += float64(s.broken[i]) / n
			informs += float64(float64(counted) / n * information(float64(s.broken[i])/float64(counted)))
		}
	}
	if score := informs + proves; score > s.score+1e-9 {
		s.set, s.score, s.fails, s.proves = set, score, fails, proves
	}
}

// proofs tries what would be proofs in some of the worlds.
func (s *scale) proofs() {
	for i := 0; i < len(s.worlds); i += 4 {
		for _, n := range s.worlds[i] {
			s.try(s.some(n.group, n.breaks))
		}
		s.try(s.maximal(s.worlds[i]))
	}
}

// maximal is some maximal set that works in a world.
func (s *scale) maximal(w world) uint64 {
	set := s.all
	for _, n := range w {
		for n.broken(set) {
			set &^= s.some(n.group&set, 1)
		}
	}
	for rest := s.all &^ set; rest != 0; rest &= rest - 1 {
		if wider := set | rest&-rest; !w.fails(wider) {
			set = wider
		}
	}
	return set
}

// chunks tries the first suspects, alone and on top of the safe list, and failing sets
// without a member.
func (s *scale) chunks(suspects, safe uint64) {
	var chunk uint64
	for ; suspects != 0; suspects &= suspects - 1 {
		chunk |= suspects & -suspects
		s.try(chunk)
		s.try(chunk | safe)
	}
	for _, f := range s.failing {
		for x := f; x != 0; x &= x - 1 {
			s.try(f &^ (x & -x))
		}
	}
}

// information is what the answer to a bet is worth, in bits.
func information(p float64) float64 {
	if p <= 0 || p >= 1 {
		return 0
	}
	return -float64(p*math.Log2(p)) - float64((1-p)*math.Log2(1-p))
}
