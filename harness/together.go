package harness

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Together joins scenarios as infos say ([ScenarioInfo.Of]). A joined scenario passes if
// all of its members do. They are checked one after another, and those after the first
// that does not pass are not checked. Scenarios that are in no joined one stay as they
// are, and come first.
func Together(infos []ScenarioInfo, scenarios []Scenario) []Scenario {
	single := slices.Clone(scenarios)
	var joined []Scenario
	for _, info := range infos {
		var members []Scenario
		for _, name := range info.Of {
			i := slices.IndexFunc(single, func(s Scenario) bool { return s.Name == name })
			if i >= 0 {
				members = append(members, single[i])
				single = slices.Delete(single, i, i+1)
			}
		}
		if len(members) > 0 {
			joined = append(joined, Scenario{
				Name: info.Name, Title: info.Title, Vantage: info.Vantage,
				Check: func(ctx context.Context) Outcome { return checkInTurn(ctx, members) },
			})
		}
	}
	return append(single, joined...)
}

func checkInTurn(ctx context.Context, scenarios []Scenario) (all Outcome) {
	var took time.Duration
	for _, scenario := range scenarios {
		outcome := scenario.Check(ctx)
		took += outcome.Duration
		all.Answer, all.Duration = outcome.Answer, took
		all.Steps = append(all.Steps, outcome.Steps...)
		if outcome.Answer != Pass {
			all.Why = fmt.Sprintf("%s: %s", scenario.Name, outcome.Why)
			return all
		}
	}
	return all
}
