package harness

import (
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// A person's answer is expensive. If other columns share the trials, they are decided first,
// and what they need is what the person's columns are expected to need. The person is asked
// only in trials whose answer does not follow from the answers up to then. The audits are
// left to the other columns.

// inTurn are the columns of one regime and fault in the order in which they are decided:
// those of a list together. There are two lists if a person judges some and not all. A
// matrix that is tested again has its own questions, and needs no other order.
func (h history) inTurn(regime Regime, fault Fault) [][]Column {
	all := h.columns(regime, fault)
	var automatic, person []Column
	for _, column := range all {
		if column.Scenario.Person {
			person = append(person, column)
		} else {
			automatic = append(automatic, column)
		}
	}
	if len(automatic) == 0 || len(person) == 0 || h.run.Settings.Known != nil {
		return [][]Column{all}
	}
	return [][]Column{automatic, person}
}

// journalsOf are the journals of the columns of each turn.
func (h history) journalsOf(turns [][]Column) (journals [][][]search.Answer) {
	for _, columns := range turns {
		journals = append(journals, h.journals(columns))
	}
	return journals
}

// saves reports whether a person judges a column who is asked as little as possible.
func (h history) saves(column Column) bool {
	return column.Scenario.Person && len(h.inTurn(column.Regime, column.Fault)) > 1
}

// nextOf asks the search for the next set to block in one regime, with one fault, and returns
// the columns that it is asked for. The journals are those of the columns of each turn. The
// safe list ends the last turn alone, for all columns.
func (h history) nextOf(turns [][]Column, journals [][][]search.Answer, pending []search.Set, adjust func(*search.Options)) (search.Question, []Column, bool) {
	var decided []search.Explanation
	for i, columns := range turns {
		if len(columns) == 0 { // of a run without scenarios
			continue
		}
		options := h.options(columns, journals[i]...)
		adjust(&options)
		last := i == len(turns)-1
		if i > 0 {
			before := options.Earlier
			options.Earlier = func() []search.Explanation { return append(before(), decided...) }
			options.Likely = cutsOf(decided)
			options.Audits = 0
		}
		asks := func(pending []search.Set) (search.Question, bool) {
			q, ok := search.NextOfAll(journals[i], h.asked, pending, options)
			return q, ok && (last || q.Reason != search.SafeList)
		}
		if q, ok := asks(pending); ok || last {
			return q, columns, ok
		}
		if len(pending) > 0 {
			if _, waits := asks(nil); waits {
				break
			}
		}
		for n, column := range columns {
			options := options.Of(n)
			options.FalseFail = max(options.FalseFail, h.falseFail(column))
			decided = append(decided, search.Explain(journals[i][n], h.asked, options))
		}
	}
	return search.Question{}, nil, false
}

// cutsOf are the cuts of some columns, each once.
func cutsOf(explanations []search.Explanation) (cuts []search.Set) {
	for _, explanation := range explanations {
		for _, cut := range explanation.Cuts {
			if !slices.ContainsFunc(cuts, cut.Members.Equal) {
				cuts = append(cuts, cut.Members)
			}
		}
	}
	return cuts
}

// unasked are the scenarios that are not checked in a trial: a person judges them, and it is
// not asked for these columns, or their answer is known. The person is asked at least for
// one of the columns that it is asked for.
func (h history) unasked(trial Trial, asked []Column) (names []string) {
	left := 0
	for _, column := range h.columns(trial.Regime, trial.Fault) {
		if !h.saves(column) {
			continue
		}
		of := slices.ContainsFunc(asked, func(c Column) bool { return c.ID == column.ID })
		if of && !h.knows(column, trial) {
			left++
			continue
		}
		names = append(names, column.Scenario.Name)
	}
	if left == 0 && len(asked) > 0 && h.saves(asked[0]) {
		return nil
	}
	return names
}

// knows reports whether the answer of a column in a trial follows from what is known.
func (h history) knows(column Column, trial Trial) bool {
	journal := h.answers(column)
	return search.Settled(journal, h.asked, h.set(trial.Block), h.options([]Column{column}, journal))
}

// unaskedInControl are the scenarios that are not checked in a control: a person has said
// in this sitting that they work with nothing blocked.
func (p plan) unaskedInControl(control Trial) (names []string) {
	for _, column := range p.columns(control.Regime, control.Fault) {
		name := column.Scenario.Name
		if p.saves(column) && slices.ContainsFunc(p.run.Results[p.sitting:], func(r Result) bool {
			return r.good() && r.Trial.Regime == control.Regime && r.Outcomes[name].Answer == Pass
		}) {
			names = append(names, name)
		}
	}
	return names
}

// asked are those of some scenarios that the trial checks.
func (t Trial) asked(scenarios []Scenario) []Scenario {
	return slices.DeleteFunc(slices.Clone(scenarios), func(s Scenario) bool { return slices.Contains(t.Unasked, s.Name) })
}
