package search

import (
	"cmp"
	"slices"
)

// Surely is the chance that an audit or the safe list, which every search ends
// with, will still be a question when what is in flight has ended.
const Surely = 0.95

// ofTheEnd is a question that every search ends with.
func ofTheEnd(q Question, inflight []Set) Question {
	if q.Needed = Surely; len(inflight) == 0 {
		q.Needed = 1
	}
	return q
}

// NextOfAll chooses the next trial for several columns that share their
// trials: what is likeliest to be needed, and of what is equally likely the
// question of the first column. When all are done, or are if one more trial passes, it
// audits for all of them at once, inside the joint safe list and each kind of service. In the end it asks for
// the safe list of these columns together with those of [Options].Earlier, so that the
// last trial of a run blocks just what the report recommends to block. A further lane
// audits the kinds of service already if it could do nothing else that will surely be
// needed.
//
// With [Options].Known it tests the hypotheses instead, in one trial for each cut and one or
// two for the safe list if they hold. What does not is searched, with the rest still believed.
func NextOfAll(columns [][]Answer, order []int, inflight []Set, options Options) (Question, bool) {
	if options.Known != nil {
		if q, ok := recheckAll(columns, order, inflight, options); ok || !options.Whole {
			return q, ok
		}
	}
	plain := options
	plain.Audits = 0
	tiers := Tiers(order, options)
	for _, tier := range tiers[:len(tiers)-1] {
		narrow := make([][]Answer, len(columns))
		for i, knowledge := range columns {
			narrow[i] = Within(knowledge, tier)
		}
		if q, ok := likeliest(narrow, tier, inflight, plain); ok {
			return q, true
		}
	}
	if best, ok := likeliest(columns, order, inflight, plain); ok {
		if len(inflight) == 0 {
			return atLast(best, columns, order, options), true
		}
		if best.Needed >= Surely {
			return best, true
		}
		if kind, ok := auditOfAll(columns, order, inflight, options, Set{}); ok {
			return kind, true
		}
		return best, true
	}
	var explained []Explanation
	for i, knowledge := range columns {
		if _, waits := Next(knowledge, order, nil, plain.Of(i)); waits {
			return Question{}, false // for what is in flight
		}
		explained = append(explained, Explain(knowledge, order, plain.Of(i)))
	}
	if q, ok := auditOfAll(columns, order, inflight, options, JointSafe(explained...)); ok {
		return q, true
	}
	return lastOf(columns, explained, inflight, options)
}

// lastOf asks for the safe list of columns that are decided, together with those of
// [Options].Earlier, unless it was the last to be blocked.
func lastOf(columns [][]Answer, explained []Explanation, inflight []Set, options Options) (Question, bool) {
	safe := JointSafe(explained...)
	if options.Earlier != nil {
		if ofAll := JointSafe(append(options.Earlier(), explained...)...); !ofAll.IsEmpty() {
			safe = ofAll
		}
	}
	if safe.IsEmpty() || slices.ContainsFunc(inflight, safe.Equal) || endsWith(columns, safe) {
		return Question{}, false
	}
	return ofTheEnd(Question{Block: safe, Reason: SafeList, Last: true}, inflight), true
}

// Of are the options of one column, by its number.
func (o Options) Of(column int) Options {
	if o.FalseFails != nil {
		o.FalseFail = o.FalseFails[column]
	}
	if o.Known != nil {
		o.Known = o.Known[column : column+1]
	}
	return o
}

// likeliest is the question of the column that most surely needs one.
func likeliest(columns [][]Answer, order []int, inflight []Set, options Options) (best Question, ok bool) {
	for i, knowledge := range columns {
		q, asks := Next(knowledge, order, inflight, options.Of(i))
		if asks && q.Needed > best.Needed {
			best, ok = q, true
		}
		if best.Needed == 1 {
			break
		}
	}
	return best, ok
}

// auditOfAll asks for a set to audit, of this safe list or a kind of service,
// that no column has tried.
func auditOfAll(columns [][]Answer, order []int, inflight []Set, options Options, safe Set) (Question, bool) {
	all := learn(slices.Concat(columns...), order, options)
	for _, part := range all.parts(safe) {
		if !all.tried(part) && !slices.ContainsFunc(inflight, part.Equal) {
			return ofTheEnd(all.toAudit(part), inflight), true
		}
	}
	return Question{}, false
}

// endsWith reports whether the last trial that blocked something blocked s, and
// failed in no column.
func endsWith(columns [][]Answer, s Set) bool {
	var last []Answer
	for _, answer := range slices.Concat(columns...) {
		switch {
		case answer.Blocked.IsEmpty() || len(last) > 0 && answer.Trial < last[0].Trial:
		case len(last) > 0 && answer.Trial == last[0].Trial:
			last = append(last, answer)
		default:
			last = []Answer{answer}
		}
	}
	for _, answer := range last {
		if !answer.Passed || !answer.Blocked.Equal(s) {
			return false
		}
	}
	return len(last) > 0
}

// JointSafe is the largest set that is safe for all columns together. Only what was
// attempted, while it was blocked, in a passing trial of each column is in it. Of sets
// of one size it is the one that a trial blocked last, or else the first in the order
// of [Set.Compare].
func JointSafe(columns ...Explanation) Set {
	if len(columns) == 0 {
		return Set{}
	}
	joint := slices.Clone(columns[0].Passing)
	for _, column := range columns[1:] {
		var both []Set
		for _, a := range joint {
			for _, b := range column.Passing {
				both = addMaximal(both, a.Intersect(b))
			}
		}
		joint = shortlist(both)
	}
	for i, set := range joint {
		joint[i] = proved(set, columns...)
	}
	return slices.MaxFunc(append(joint, Set{}), func(a, b Set) int {
		return cmp.Or(cmp.Compare(a.Len(), b.Len()), cmp.Compare(lastBlocked(a, columns), lastBlocked(b, columns)), b.Compare(a))
	})
}

// lastBlocked is the last trial that blocked just this set and passed in a column; 0 if
// none did.
func lastBlocked(s Set, columns []Explanation) (trial int) {
	for _, column := range columns {
		for _, answer := range column.knowledge {
			if answer.Passed && !answer.Again && answer.Blocked.Equal(s) {
				trial = max(trial, answer.Trial)
			}
		}
	}
	return trial
}

// proved are the members of a set that were attempted, while they were blocked, in
// a passing trial of each column.
func proved(set Set, columns ...Explanation) Set {
	var members []int
	for _, x := range set.Members() {
		if !slices.ContainsFunc(columns, func(e Explanation) bool { return len(e.Attempted[x]) == 0 }) {
			members = append(members, x)
		}
	}
	return Of(members...)
}

// shortlist keeps the 1,000 largest sets, for columns with very many ways to
// be safe.
func shortlist(sets []Set) []Set {
	slices.SortStableFunc(sets, func(a, b Set) int { return b.Len() - a.Len() })
	return sets[:min(len(sets), 1000)]
}
