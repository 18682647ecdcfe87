// Package specbench puts a spec file on a bench: the device that it names, behind
// the gateway that it places, with its scenarios to check.
//
// [OnLab] does it for a simulated device. All that a scenario sends leaves by the
// namespace of the host that it is judged from.
package specbench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/scenarios"
)

// Options are the choices that a spec leaves open.
type Options struct {
	Driver string            // "ipset", which "" means, or "iptables"
	Ask    scenarios.Asker   // asks a person; nil if nobody is there
	Only   *harness.OnlyList // the blocklist whose names alone are tested; nil if there is none
}

// World is the one that a spec with placement lab names. A relative path begins
// where the spec lies. The error is a [*lab.Error], or a [*scenarios.Error] if there
// is no such world, or if the spec gives it less time to settle than it needs.
func World(file scenarios.File) (lab.World, error) {
	world, err := named(file)
	if settle := file.Timing.Settle; err == nil && settle > 0 && settle < world.Settle() {
		return world, file.Wrong(fmt.Sprintf("settle is %s, and the device of the world %s needs %s", span.Typed(settle), world.Name, span.Typed(world.Settle())),
			"write "+span.Typed(world.Settle())+" or more, or leave settle out", "timing", "settle")
	}
	return world, err
}

func named(file scenarios.File) (lab.World, error) {
	name := file.Gateway.World
	beside := filepath.Join(file.Folder(), name)
	if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() && !filepath.IsAbs(name) {
		return lab.Load(beside)
	}
	world, err := lab.Find(name)
	if missing, ok := errors.AsType[*lab.Error](err); ok && missing.Line == 0 {
		return world, file.Wrong(fmt.Sprintf("world %q: %s", name, missing.Message), missing.Remedy, "gateway", "world")
	}
	return world, err
}

// OnLab starts a lane of a world, with the scenarios of a file in place of the
// world's own.
func OnLab(ctx context.Context, file scenarios.File, list scenarios.List, world lab.World, options Options) (*lablane.Lane, error) {
	settings := harness.Settings{Kept: file.Block.Keep, Always: file.Block.Patterns(), Driver: options.Driver, Only: options.Only}
	for _, fault := range file.Block.Faults {
		settings.Faults = append(settings.Faults, harness.Fault(fault))
	}
	lane, err := lablane.Start(ctx, lablane.NewRun(world, settings), world, 1)
	if err != nil {
		return nil, err
	}
	err = furnish(lane, file, list, options, world.Settle())
	if err == nil {
		err = span.Wait(ctx, world.Settle()) // the device starts
	}
	if err != nil {
		return nil, errors.Join(err, lane.Close())
	}
	return lane, nil
}

func furnish(lane *lablane.Lane, file scenarios.File, list scenarios.List, options Options, start time.Duration) (err error) {
	site := Site(lane, options)
	site.Start = start
	lane.Wake = nil // what is watched from the first moment on would hold a start against the device
	if lane.Scenarios, err = file.Bind(list, site); err != nil {
		return err
	}
	obey(&lane.Timing, file.Timing)
	if file.Regimes.ColdBoot != nil {
		lane.Restart, err = file.Restarter(site)
	}
	return err
}

// obey puts what a spec says in place of the world's own timing.
func obey(timing *harness.Timing, spec scenarios.Timing) {
	if spec.Settle > 0 {
		timing.Settle, timing.Patience = spec.Settle, spec.Settle
	}
	if spec.Recover > 0 {
		timing.Recover = spec.Recover
	}
}

// Site is what scenarios need to know of a lab.
func Site(lane *lablane.Lane, options Options) scenarios.Site {
	l := lane.Lab
	return scenarios.Site{
		Places: map[string]scenarios.Place{
			"gateway": bench.PlaceIn(l.Gateway.Namespace, l.Gateway.Upstream),
			"lan":     bench.PlaceIn(l.App, l.Gateway.Upstream),
			"host":    bench.PlaceIn(l.Phone, l.Gateway.Upstream),
		},
		Device:    netip.AddrPortFrom(l.Device.Address, 0),
		MiioToken: l.Device.Token,
		HassToken: l.Assistant.Token,
		Path:      lane.Path(),
		Polling:   lablane.Polling(l.Assistant),
		Ask:       options.Ask,
		Restart:   l.Restart,
	}
}
