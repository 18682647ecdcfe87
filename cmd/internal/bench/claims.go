package bench

import (
	"context"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/guard"
	"github.com/needwant/needwant/scenarios"
)

// Claims are what an experiment with a spec needs of the machine, for itself alone or
// shared with others. A lab needs nothing.
func Claims(ctx context.Context, file scenarios.File, machine *netns.Namespace) (guard.Names, error) {
	switch {
	case file.Gateway.Placement == scenarios.Lab:
		return guard.Names{}, nil
	case OfResolver(file):
		where, err := FindResolver(ctx, file)
		if where.Listen.IsValid() { // that no resolver answers is said later
			return guard.Names{Alone: []string{"DNS queries at " + where.Listen.String()}}, nil
		}
		return guard.Names{}, err
	}
	plan, err := Plan(file, machine)
	if err != nil {
		return guard.Names{}, err
	}
	return plan.Claims(), nil
}
