package systems

import (
	"github.com/needwant/needwant/harness/search"
)

// Questions searches two systems of the same destinations, of which a person judges the
// second, and returns how many trials the person is asked in. With cheap, the first is
// decided before, and the person is asked only what does not follow from the answers up to
// then. Without, both share every trial.
func Questions(automatic, person System, cheap bool, options search.Options) (asked int, out search.Explanation) {
	order := person.Order()
	var journals [2][]search.Answer
	trial := 0
	ask := func(column int, system System, block search.Set) {
		answer := Experiment{System: system}.answer(trial, block)
		journals[column] = append(journals[column], answer)
	}
	for trial < 2000 {
		trial++
		if !cheap {
			q, ok := search.NextOfAll(journals[:], order, nil, options)
			if !ok {
				break
			}
			ask(0, automatic, q.Block)
			ask(1, person, q.Block)
			asked++
			continue
		}
		if q, ok := search.Next(journals[0], order, nil, options); ok {
			ask(0, automatic, q.Block)
			continue
		}
		guided := options
		for _, cut := range search.Explain(journals[0], order, options).Cuts {
			guided.Likely = append(guided.Likely, cut.Members)
		}
		q, ok := search.Next(journals[1], order, nil, guided)
		if !ok {
			break
		}
		ask(1, person, q.Block)
		asked++
	}
	return asked, search.Explain(journals[1], order, options)
}
