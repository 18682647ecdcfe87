package bench

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/placement"
	"github.com/needwant/needwant/scenarios"
)

// NewRun is a run on a spec that has not begun. What the settings leave open
// comes from the spec; order 2, and blocking by ipset, are the usual ones.
func NewRun(source string, file scenarios.File, list scenarios.List, settings harness.Settings) harness.Run {
	settings.Source, settings.Text = source, file.Text()
	settings.Lanes = 1
	settings.Kept, settings.Always = file.Block.Keep, file.Block.Patterns()
	if settings.StandIns == nil {
		settings.StandIns = file.Block.Kinds()
	}
	settings.Isolated = isolated(file)
	if file.Gateway.Placement != scenarios.Lab { // a real device may fail for a while, for reasons of its own
		settings.Confirm = 2
	}
	for _, controller := range file.Gateway.Controllers {
		settings.Controllers = append(settings.Controllers, controller.String())
	}
	settings.MaxNoise = file.Trials.MaxNoise
	settings.Provoke = file.Provokers()
	settings.ControlEvery = file.Trials.ControlEvery
	settings.Faults, settings.Regimes = Faults(file), Regimes(file)
	fill(&settings.Settle, file.Timing.Settle)
	fill(&settings.Longest, file.Timing.Longest)
	fill(&settings.Budget, file.Trials.Budget)
	if settings.ByName = OfResolver(file); settings.ByName {
		settings.Driver = "dns"
	}
	fill(&settings.Driver, "ipset")
	fill(&settings.Order, "2")
	run := harness.Run{
		ID: rand.Text(), Started: time.Now(), Status: harness.Running,
		Device:   harness.Device{Name: Name(source, file), Model: file.Device.Model, Maker: file.Device.Maker},
		Settings: settings,
	}
	run.Scenarios = list.Infos(Around(file))
	return run
}

// labDevice is the device's address in every lab.
var labDevice = netip.AddrFrom4([4]byte{192, 168, 50, 10})

// Around tells where a controller is that a spec names. A lab has a machine of
// its own.
func Around(file scenarios.File) scenarios.Neighbourhood {
	const length = 24 // of the device's network
	if file.Gateway.Placement == scenarios.Lab {
		return scenarios.Neighbourhood{Device: netip.PrefixFrom(labDevice, length).Masked()}
	}
	around := scenarios.Neighbourhood{Machine: ours}
	if file.Device.Address.IsValid() {
		around.Device = netip.PrefixFrom(file.Device.Address, length).Masked()
	}
	return around
}

// ours reports whether this machine has an address. One that cannot be told is not.
func ours(address netip.Addr) bool {
	machine, err := netns.Own()
	if err != nil {
		return false
	}
	defer machine.Close()
	owned, err := machine.Owns(address)
	return err == nil && owned
}

// isolated reports whether the device is kept from the home network. On the user's
// own router it is at home, and nothing is between.
func isolated(file scenarios.File) bool {
	asked := file.Gateway.Isolate == nil || *file.Gateway.Isolate
	return asked && placement.Kind(file.Gateway.Placement) != placement.Host && !OfResolver(file)
}

// Name is what the device is called: as the spec says, or else as the spec is.
func Name(source string, file scenarios.File) string {
	if file.Device.Name != "" {
		return file.Device.Name
	}
	return strings.TrimSuffix(filepath.Base(source), filepath.Ext(source))
}

// Faults are those of the spec.
func Faults(file scenarios.File) (faults []harness.Fault) {
	for _, fault := range file.Block.Faults {
		faults = append(faults, harness.Fault(fault))
	}
	return faults
}

// Regimes are those of the spec.
func Regimes(file scenarios.File) (regimes []harness.Regime) {
	if file.Regimes.Steady != nil {
		regimes = append(regimes, harness.Steady)
	}
	if file.Regimes.ColdBoot != nil {
		regimes = append(regimes, harness.ColdBoot)
	}
	return regimes
}

// Listed are the scenarios of a spec that these infos of a run consist of. The error
// names one that the spec does not have.
func Listed(all scenarios.List, infos []harness.ScenarioInfo) (list scenarios.List, err error) {
	for _, info := range infos {
		for _, name := range info.Members() {
			i := slices.IndexFunc(all, func(spec scenarios.Spec) bool { return spec.Name == name })
			if i < 0 {
				return nil, fmt.Errorf("the run judges the scenario %s, which its spec does not have: begin a new run", name)
			}
			list = append(list, all[i])
		}
	}
	return list, nil
}

func fill[T comparable](value *T, usual T) {
	var zero T
	if *value == zero {
		*value = usual
	}
}
