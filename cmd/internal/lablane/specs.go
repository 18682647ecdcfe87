package lablane

import (
	"fmt"

	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/scenarios"
)

// specs are the scenarios that a world names, on the lab's hosts.
func specs(world lab.World, assistant lab.AssistantSite, command string) []scenarios.Spec {
	home := scenarios.HomeAssistant(assistant.URL, assistant.Entity)
	home.Retry = scenarios.Retry{Attempts: 2} // one slow poll is no verdict
	var specs []scenarios.Spec
	for _, name := range world.Scenarios {
		switch name {
		case lab.NativeApp:
			specs = append(specs, scenarios.NativeApp())
		case lab.InfoOnly:
			specs = append(specs, infoOnly())
		case lab.HomeAssistant:
			specs = append(specs, home)
		case lab.HassLocal:
			specs = append(specs, local(home))
		case lab.RemoteCommand:
			specs = append(specs, scenarios.Remote(command))
		}
	}
	for i := range specs {
		specs[i] = watched(specs[i], world.Watch)
	}
	return specs
}

// infoOnly asks what many tools take for a sign of life.
func infoOnly() scenarios.Spec {
	return scenarios.Spec{
		Name:   lab.InfoOnly,
		Title:  "Required to be found?",
		From:   "gateway",
		Checks: "the first question of a client (miIO.info) over the miIO local protocol",
		Steps:  []scenarios.Step{{Do: &scenarios.Miio{Method: "miIO.info"}}},
	}
}

// local has Home Assistant's state come from the device itself.
func local(home scenarios.Spec) scenarios.Spec {
	home.Name = lab.HassLocal
	home.Title = "Required for HASS, locally?"
	home.Checks += ", and that it came from the device and not from the cloud"
	home.Steps = append([]scenarios.Step(nil), home.Steps...)
	home.Steps[0].Expect += ` && path == "lan"`
	return home
}

// watched has a scenario checked all the time where the world wants that.
func watched(spec scenarios.Spec, watch lab.Watch) scenarios.Spec {
	if watch == (lab.Watch{}) {
		return spec
	}
	spec.During, spec.Every, spec.For = "continuous", watch.Every, watch.For
	spec.Retry = scenarios.Retry{} // a check that waits for a better time would hide the worse one
	spec.PassWhen = fmt.Sprintf("ok_ratio >= %v", watch.Ratio)
	spec.Checks += fmt.Sprintf(", all the time for %s at least; it passes when that works for %.0f %% of the time", span.Words(watch.For), 100*watch.Ratio)
	return spec
}
