package lablane

import (
	"cmp"
	"crypto/rand"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
)

// NewRun is a run on a world that has not begun. What the settings leave open
// is filled in: one lane, ipset, reject, steady, exact, and the world itself.
func NewRun(world lab.World, settings harness.Settings) harness.Run {
	settings.Text = world.Text()
	settings.Settle = world.Settle()
	settings.Isolated = true
	settings.Simulated = true
	settings.Lanes = max(settings.Lanes, 1)
	settings.Longest = cmp.Or(settings.Longest, usualLongest)
	fill(&settings.Source, world.Name)
	fill(&settings.Driver, "ipset")
	fill(&settings.Order, "exact")
	if settings.Faults == nil {
		settings.Faults = []harness.Fault{harness.Reject}
	}
	if settings.Regimes == nil {
		settings.Regimes = []harness.Regime{harness.Steady}
	}
	if settings.Provoke == nil {
		settings.Provoke = []harness.Provoker{harness.ByLease, harness.ByLink}
		if slices.Contains(settings.Regimes, harness.ColdBoot) {
			settings.Provoke = harness.Provokers()
		}
	}
	if settings.Kept == nil {
		settings.Kept = []string{"dhcp", "dns"}
	}
	return harness.Run{
		ID:        rand.Text(),
		Started:   time.Now(),
		Status:    harness.Running,
		Device:    harness.Device{Name: world.Name, Model: world.Device.Model, Firmware: world.Device.Firmware},
		Settings:  settings,
		Scenarios: Infos(world),
	}
}

func fill(field *string, usual string) {
	if *field == "" {
		*field = usual
	}
}
