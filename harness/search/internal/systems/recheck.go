package systems

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// Hypothesis is what a complete search of the system finds.
func (s System) Hypothesis() search.Hypothesis {
	rest := search.All(s.N)
	for _, cut := range s.Cuts {
		rest = rest.Minus(cut)
	}
	return search.Hypothesis{Cuts: s.Cuts, Optional: rest}
}

// Recheck tests a hypothesis on the system, and gives up after 2,000 trials.
func (s System) Recheck(known search.Hypothesis, options search.Options) Outcome {
	return Experiment{System: s, Options: options}.Recheck(known)
}

// Recheck tests a hypothesis in place of a search, on one lane.
func (e Experiment) Recheck(known search.Hypothesis) (out Outcome) {
	e.Options.Known = []*search.Hypothesis{&known}
	order := e.System.Order()
	for out.Trials < 2000 {
		q, ok := search.NextOfAll([][]search.Answer{out.Knowledge}, order, nil, e.Options)
		if !ok {
			break
		}
		out.Trials++
		out.Knowledge = append(out.Knowledge, e.answer(out.Trials, q.Block))
	}
	out.Explanation = search.Explain(out.Knowledge, order, e.Options)
	return out
}

// Changes are the ways in which one need may change.
func Changes() []string {
	return []string{
		"an optional one becomes required", "a required one becomes optional", "an alternative becomes required",
		"a group is not needed any more", "a group gains a member", "a new pair of alternatives", "a new destination is required",
		"a required one gains an alternative",
	}
}

// Changed is a random system before and after one of the [Changes], or "nothing". It reports false if that change is
// not possible.
func Changed(how string, seed int) (before, after System, ok bool) {
	before = Random(rand.New(rand.NewPCG(71, uint64(seed))))
	if how == "nothing" {
		return before, before, true
	}
	after, ok = before.Change(how, rand.New(rand.NewPCG(72, uint64(seed))))
	return before, after, ok
}

// Change changes one need of the system at random, in one of the ways of [Changes]. It
// reports false if the system has nothing to change like that.
func (s System) Change(how string, random *rand.Rand) (System, bool) {
	changed := System{N: s.N, Cuts: slices.Clone(s.Cuts)}
	optional := s.Hypothesis().Optional.Members()
	random.Shuffle(len(optional), func(i, j int) { optional[i], optional[j] = optional[j], optional[i] })
	single := func(k search.Set) bool { return k.Len() == 1 }
	group := func(k search.Set) bool { return k.Len() > 1 }
	cut := func(like func(search.Set) bool) int {
		order := random.Perm(len(s.Cuts))
		if i := slices.IndexFunc(order, func(i int) bool { return like(s.Cuts[i]) }); i >= 0 {
			return order[i]
		}
		return -1
	}
	replace := func(i int, with ...search.Set) (System, bool) {
		if i < 0 {
			return s, false
		}
		changed.Cuts = slices.Delete(changed.Cuts, i, i+1)
		for _, k := range with {
			changed.Cuts = slices.DeleteFunc(changed.Cuts, k.SubsetOf)
			changed.add(k)
		}
		return changed, true
	}
	if len(optional) < 2 {
		return s, false
	}
	switch how {
	case "an optional one becomes required":
		changed.add(search.Of(optional[0]))
		return changed, true
	case "a new pair of alternatives":
		changed.add(search.Of(optional[:2]...))
		return changed, true
	case "a new destination is required":
		changed.N++
		changed.add(search.Of(s.N))
		return changed, true
	case "a required one becomes optional":
		return replace(cut(single))
	case "a required one gains an alternative":
		i := cut(single)
		if i < 0 {
			return s, false
		}
		return replace(i, s.Cuts[i].With(optional[0]))
	case "an alternative becomes required":
		i := cut(group)
		if i < 0 {
			return s, false
		}
		members := s.Cuts[i].Members()
		return replace(i, search.Of(members[random.IntN(len(members))]))
	case "a group is not needed any more":
		return replace(cut(group))
	case "a group gains a member":
		i := cut(group)
		if i < 0 {
			return s, false
		}
		return replace(i, s.Cuts[i].With(optional[0]))
	}
	panic(fmt.Sprintf("no change is called %q", how))
}
