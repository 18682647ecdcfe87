package search

import (
	"math/rand/v2"
	"slices"
)

// audit asks for sets that nobody has tried by themselves, though their answer
// is implied. A device with an offline mode that wakes once everything is dead
// answers otherwise, and would be called undemanding, because it survived the
// largest block, or too demanding, because nobody blocked just what wakes it.
func (t *theory) audit() []Question {
	var questions []Question
	for _, part := range t.parts(t.safe) {
		if !t.tried(part) {
			questions = append(questions, t.toAudit(part))
		}
	}
	return questions
}

// toAudit is the question that audits a set.
func (t *theory) toAudit(part Set) Question {
	if t.fails(part) {
		return Question{Block: part, Reason: Audit, Fails: 0.95}
	}
	return Question{Block: part, Reason: Audit, Fails: 0.05}
}

// tried reports whether a trial blocked just s.
func (t *theory) tried(s Set) bool { return slices.ContainsFunc(t.blocked, s.Equal) }

// parts are the sets to audit: random halves of the safe list, each followed
// by its other half so that two audits try every destination without half of
// the others, then each kind of service alone.
func (t *theory) parts(safe Set) []Set {
	if t.Audits > 0 && len(t.Hold) > 0 && t.MaxNoise == 0 {
		return t.partsByTier(safe)
	}
	var parts []Set
	for i := range t.Audits {
		half := t.half(safe, uint64(i/2))
		if i%2 == 1 {
			half = safe.Minus(half)
		}
		parts = append(parts, half)
	}
	if t.Audits > 0 {
		for _, kind := range kinds(t.Services, t.universe) {
			parts = append(parts, t.ofKind(t.Services, []int{kind}))
		}
	}
	return proper(parts, safe)
}

// proper leaves out what is no proper part of a set.
func proper(parts []Set, of Set) []Set {
	return slices.DeleteFunc(parts, func(s Set) bool { return s.IsEmpty() || s.Equal(of) })
}

// half is a random half of the safe list, the same for the same seed.
func (t *theory) half(safe Set, i uint64) Set {
	random := rand.New(rand.NewPCG(t.Seed, i))
	members := safe.Members()
	random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return Of(members[:len(members)/2]...)
}
