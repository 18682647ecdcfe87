package harness

import (
	"context"
	"fmt"
	"time"
)

// Together makes one scenario of several: it passes if all of them do. They are checked
// one after another, and those after the first that does not pass are not: put what
// costs most last. Scenarios that are watched over the whole trial stay as they are.
func Together(info ScenarioInfo, scenarios []Scenario) []Scenario {
	var watched, checked []Scenario
	for _, scenario := range scenarios {
		if scenario.Watch != nil {
			watched = append(watched, scenario)
			continue
		}
		checked = append(checked, scenario)
	}
	if len(checked) < 2 {
		return scenarios
	}
	return append(watched, Scenario{
		Name: info.Name, Title: info.Title, Vantage: info.Vantage,
		Check: func(ctx context.Context) Outcome { return checkInTurn(ctx, checked) },
	})
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
