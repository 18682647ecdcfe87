package systems

import (
	"math/rand/v2"

	"github.com/needwant/needwant/harness/search"
)

// Growing is a system that contacts some of its destinations only while others are blocked.
type Growing struct {
	System
	After map[int]search.Set // contacted only while all of these are blocked
}

// Spares are the system with groups of alternatives that are contacted one after the other,
// each member only while those before it are blocked; but not groups that overlap. As many
// optional destinations as idle says, or fewer, are contacted only while another one is blocked.
func (s System) Spares(idle int, random *rand.Rand) Growing {
	g := Growing{System: s, After: map[int]search.Set{}}
	rest := search.All(s.N)
	for i, cut := range s.Cuts {
		rest = rest.Minus(cut)
		if s.overlaps(i) {
			continue
		}
		var before search.Set
		for _, x := range cut.Members() {
			g.After[x] = before
			before = before.With(x)
		}
	}
	optional := rest.Members()
	random.Shuffle(len(optional), func(i, j int) { optional[i], optional[j] = optional[j], optional[i] })
	for i := range min(idle, len(optional)/2) {
		g.After[optional[i]] = search.Of(optional[len(optional)-1-i])
	}
	return g
}

// overlaps reports whether a cut shares a member with another.
func (s System) overlaps(cut int) bool {
	for i, other := range s.Cuts {
		if i != cut && other.Intersects(s.Cuts[cut]) {
			return true
		}
	}
	return false
}

// contacted are the destinations that the device contacts while a set is blocked.
func (g Growing) contacted(blocked search.Set) (all search.Set) {
	for x := range g.N {
		if g.After[x].SubsetOf(blocked) {
			all = all.With(x)
		}
	}
	return all
}

// Run searches the system, whose destinations join when they are contacted first. told says
// that the search learns what was contacted when.
func (g Growing) Run(options search.Options, told bool) Outcome {
	var out Outcome
	seen := g.contacted(search.Set{})
	order := seen.Members()
	windows := []search.Window{{Contacted: seen}}
	for {
		if told {
			options.Windows = windows
		}
		q, ok := search.Next(out.Knowledge, order, nil, options)
		if !ok {
			break
		}
		out.Trials++
		contacted := g.contacted(q.Block)
		tried := q.Block.Intersect(contacted)
		out.Knowledge = append(out.Knowledge, search.Answer{
			Trial: out.Trials, Blocked: q.Block, Touched: tried, Attempted: tried, Passed: !g.Fails(q.Block),
		})
		windows = append(windows, search.Window{Trial: out.Trials, Reason: q.Reason, Blocked: q.Block, Contacted: contacted})
		order = append(order, contacted.Minus(seen).Members()...)
		seen = seen.Union(contacted)
	}
	out.Explanation = search.Explain(out.Knowledge, order, options)
	return out
}
