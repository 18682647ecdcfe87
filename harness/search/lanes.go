package search

import "slices"

// guess is a possible outcome of trials that are still in flight.
type guess struct {
	knowledge []Answer // with the answers guessed so far
	inflight  []Set    // those still open
	chance    float64  // that the guessed answers come true
}

// mostGuesses bounds the search for something to do on a further lane.
const mostGuesses = 64

// speculate plans for a further lane. It asks what would be asked next if the
// trials in flight came out in the likeliest way, then in the second likeliest,
// until that is something which is not in flight already.
func speculate(knowledge []Answer, order []int, inflight []Set, options Options) (Question, bool) {
	guesses := []guess{{knowledge, inflight, 1}}
	for range mostGuesses {
		if len(guesses) == 0 {
			break
		}
		g := takeLikeliest(&guesses)
		q, ok := learn(g.knowledge, order, options).next(g.inflight)
		if !ok {
			continue
		}
		awaited := slices.IndexFunc(g.inflight, q.Block.Equal)
		if awaited < 0 {
			q.Needed = g.chance
			return q, true
		}
		rest := slices.Delete(slices.Clone(g.inflight), awaited, awaited+1)
		guesses = append(guesses,
			guess{g.with(q, false), rest, g.chance * q.Fails},
			guess{g.with(q, true), rest, g.chance * (1 - q.Fails)})
	}
	return Question{}, false
}

// with is the knowledge once the question has this answer.
func (g guess) with(q Question, passed bool) []Answer {
	return append(slices.Clone(g.knowledge), Answer{Blocked: q.Block, Touched: q.Block, Passed: passed})
}

// takeLikeliest removes the first of the likeliest guesses.
func takeLikeliest(guesses *[]guess) guess {
	best := 0
	for i, g := range *guesses {
		if g.chance > (*guesses)[best].chance {
			best = i
		}
	}
	g := (*guesses)[best]
	*guesses = slices.Delete(*guesses, best, best+1)
	return g
}

// Settled reports whether the journal already implies what a trial that blocks s
// would answer, so that a lane still busy with it may give it up. Where answers
// may be wrong, nothing is settled.
func Settled(knowledge []Answer, order []int, s Set, options Options) bool {
	t := learn(knowledge, order, options)
	return t.MaxNoise == 0 && (t.passes(s) || t.fails(s))
}
