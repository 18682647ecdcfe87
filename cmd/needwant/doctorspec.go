package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
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

// The times that the device gets to show up, and then to contact anything.
const (
	doctorWait  = 30 * time.Second
	doctorWatch = 30 * time.Second
)

// crossing looks whether what the device sends crosses the gateway, and puts the
// network back.
func crossing(ctx context.Context, file scenarios.File, list scenarios.List) (finding, error) {
	stand, err := openStand(ctx, nil, file, list, standOptions{standFlags: standFlags{wait: doctorWait}, quiet: true})
	if err != nil {
		return finding{}, err
	}
	seen, err := firstContacts(ctx, stand.bench.Gateway)
	mark, failure := marked(ctx, stand.lane)
	if err := errors.Join(err, failure, stand.close()); err != nil {
		return finding{}, err
	}
	return crossed(seen, mark)
}

// crossed says what was seen of a device that is there, and what was tried.
func crossed(seen []harness.Contact, mark placement.Mark) (finding, error) {
	const back = "a marked packet from another subnet came back across it"
	switch {
	case len(seen) == 0 && mark == placement.MarkCameBack:
		return finding{}, fmt.Errorf("it contacted nothing in %s, though %s: is it at rest? Switch it off and on", span.Words(doctorWatch), back)
	case len(seen) == 0:
		return finding{}, fmt.Errorf("it is there, but nothing that it sends crossed the gateway in %s: does it have another way out, e.g. a second Wi-Fi or a fixed router?", span.Words(doctorWatch))
	}
	found := ok(fmt.Sprintf("is there, and what it sends crosses the gateway, e.g. to %s", seen[0].Destination))
	switch mark {
	case placement.MarkCameBack:
		found.text += "; " + back
	case placement.MarkNotBack:
		found.note = true
		found.text += "; it did not answer a marked packet from another subnet: if checks from lan fail, judge it from the gateway (from: gateway)"
	}
	return found, nil
}

// marked sends a real device a marked packet, unless that cannot be done here.
func marked(ctx context.Context, lane harness.Lane) (placement.Mark, error) {
	if stand, placed := lane.(*bench.Stand); placed {
		return stand.Placed.Marked(ctx)
	}
	return placement.MarkNotSent, nil
}

// firstContacts waits until the device contacts something; none, where it does
// not in time.
func firstContacts(ctx context.Context, gateway harness.Gateway) ([]harness.Contact, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorWatch)
	defer cancel()
	again := time.NewTicker(glance)
	defer again.Stop()
	for {
		seen, err := gateway.Observe(context.WithoutCancel(ctx))
		if err != nil || len(seen.Contacts) > 0 {
			return seen.Contacts, err
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-again.C:
		}
	}
}
