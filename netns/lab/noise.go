package lab

import (
	"math/rand/v2"
	"time"
)

// noise is what makes a healthy device unreliable, drawn from a seed.
type noise struct {
	Noise
	seed uint64
}

// ignores reports whether the nth request falls on deaf ears. Requests are
// independent of each other.
func (n noise) ignores(nth uint64) bool { return n.draw(1, nth) < n.Deaf }

// spell reports whether the device is having a spell, this long after its start.
// The chance comes at the beginning of each period.
func (n noise) spell(age time.Duration) bool {
	s := n.Spell
	if s.Chance == 0 {
		return false
	}
	for period := int64(age / s.Every); period >= 0; period-- {
		begin := time.Duration(period) * s.Every
		if age-begin >= s.For {
			return false
		}
		if n.draw(2, uint64(period)) < s.Chance {
			return true
		}
	}
	return false
}

// draw is a number from 0 to 1 that depends on nothing but the seed, what it is
// for, and which one it is.
func (n noise) draw(purpose, which uint64) float64 {
	return rand.New(rand.NewPCG(n.seed+purpose, which)).Float64()
}
