package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/placement"
	"github.com/needwant/needwant/scenarios"
)

// doctor examines the machine and, where a spec is given, whether the device of
// the spec lives behind the gateway.
func doctor(ctx context.Context, nameOrPath string) ([]examination, error) {
	placements := examination{"placements", func(context.Context) (finding, error) { return usablePlacements() }, ""}
	if nameOrPath == "" {
		return append(examinations(), placements), privileges()
	}
	file, err := scenarios.Find(nameOrPath)
	if err != nil {
		return nil, usage(err)
	}
	if err := privilegesFor(file); err != nil {
		return nil, err
	}
	list, err := file.Expand(ctx, file.Scenarios)
	if err != nil {
		return nil, unfit(err)
	}
	if bench.OfResolver(file) {
		return resolverExaminations(file, list), nil
	}
	return append(append(examinations(), specExaminations(file, list)...), placements), nil
}

// specExaminations puts the device behind the gateway for a moment, after all
// that can be looked at without that.
func specExaminations(file scenarios.File, list scenarios.List) []examination {
	const more = "docs/placement.md says more"
	var lacking error // what the scenarios need
	device := examination{"device", func(ctx context.Context) (finding, error) {
		if lacking != nil {
			return finding{}, errors.New("not looked at: it takes the secrets")
		}
		return crossing(ctx, file, list)
	}, more}
	if file.Gateway.Placement == scenarios.Lab {
		return []examination{device}
	}
	return []examination{
		{"secrets", func(context.Context) (finding, error) {
			lacking = bench.Ready(file, list, bench.Options{Ask: personAt(io.Discard, interactive(), nil, nil).asker()})
			return ok("all there"), lacking
		}, more},
		{"placement", func(context.Context) (finding, error) { return placeable(file) }, more},
		{"Home Assistant", func(context.Context) (finding, error) {
			return metBy(list.Infos(bench.Around(file)), file.Gateway), nil
		}, more},
		device,
	}
}

// metBy says how Home Assistant reaches the device, of the scenarios that it judges alone:
// what the gateway cannot see, and what the user has to set up.
func metBy(infos []harness.ScenarioInfo, gateway scenarios.Gateway) finding {
	at := make(map[string][]string) // scenarios, by where Home Assistant is
	for _, info := range infos {
		at[info.Controller] = append(at[info.Controller], info.Name)
	}
	beside, lan, machine := at[harness.InDeviceNetwork], at["lan"], at["host"]
	router := gateway.Placement == string(placement.Host)
	switch {
	case len(beside) > 0:
		better := "on this machine, or in the home network outside of the device's network"
		if router {
			better = "on this router, or in another network of it; or choose a placement that moves the device to a network of its own"
		}
		return note(fmt.Sprintf("is in the device's own network for %s: no packet between the two crosses the gateway, so path stays unknown. "+
			"Put it %s, or check the device itself, e.g. with a miio step", strings.Join(beside, ", "), better))
	case len(lan) > 0 && !router && len(gateway.Forward) == 0:
		return note(fmt.Sprintf("is on another machine for %s, which needs a route to the device's network through the gateway; or write forward into the spec. "+
			"docs/placement.md says how, and needwant check tests it", strings.Join(lan, ", ")))
	case len(lan)+len(machine) > 0:
		return ok("reaches the device across the gateway, for " + strings.Join(append(lan, machine...), ", "))
	}
	return ok("judges no scenario alone, or its address is not known yet")
}

// placeable looks whether the placement can be carried out. It changes nothing.
func placeable(file scenarios.File) (finding, error) {
	machine, err := netns.Own()
	if err != nil {
		return finding{}, err
	}
	defer machine.Close()
	plan, err := bench.Plan(file, machine)
	if err != nil {
		return finding{}, err
	}
	return ok(fmt.Sprintf("nothing was found that prevents %s; it takes %d steps", file.Gateway.Placement, len(plan.Steps()))), plan.Check()
}
