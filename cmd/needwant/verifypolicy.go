package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

// applied is a policy as a gateway takes it.
type applied struct {
	policy    policy.Policy
	scenarios []string          // that it is for
	known     []harness.Contact // what the run saw of the device
}

// nothingProved says of a run that a policy of it would block nothing.
const nothingProved = "the run has not proved of any destination that it can be blocked"

// proposed is the policy that the run in a file stands for.
func proposed(run harness.Run, path string, options policy.Options) (a applied, err error) {
	a.known = run.Contacts()
	matrix := reports.New(run, harness.Judge(run))
	if a.policy, err = policy.New(matrix, options); err != nil {
		return a, err
	}
	for _, column := range matrix.Columns {
		if slices.Contains(a.policy.Columns, column.ID) {
			a.scenarios = append(a.scenarios, column.Scenario)
		}
	}
	if len(a.policy.Blocked) == 0 && a.policy.Kind == policy.BlockOptional {
		return a, fmt.Errorf("%s, so there is no policy to apply.\n  %s holds %s", nothingProved, path, held(run, path))
	}
	return a, nil
}

// refused and open are the policy's destinations as a gateway takes them.
func (a applied) refused() []harness.Destination { return policy.IDs(a.policy.Blocked) }
func (a applied) open() []harness.Destination    { return policy.IDs(a.policy.Open) }

// trial is what the policy blocks, and with which stand-ins.
func (a applied) trial() harness.Trial {
	return harness.Trial{Block: a.refused(), Fault: a.policy.Fault(), StandIns: a.policy.StandIns}
}

// judges reports whether a scenario must keep working.
func (a applied) judges(scenario string) bool { return slices.Contains(a.scenarios, scenario) }

// confiner is a gateway that can refuse all but what is open.
type confiner interface {
	Confine(ctx context.Context, open []harness.Destination, fault harness.Fault) error
}

// confined is a gateway on which every block refuses all but what is open.
type confined struct {
	harness.Gateway
	confiner confiner
	open     []harness.Destination
	held     bool
}

// Block confines the device, and the next time sets it free.
func (c *confined) Block(ctx context.Context, _ []harness.Destination, fault harness.Fault) error {
	if c.held {
		return c.Gateway.Block(ctx, nil, fault)
	}
	c.held = true
	return c.confiner.Confine(ctx, c.open, fault)
}
