// Package lablane makes lanes of labs: it starts a world, puts the gateway
// under test where the world leaves a place for it, and points the scenarios at
// the simulated device.
//
// Only what anybody could know of a real home crosses from the lab to the
// experiment: addresses, tokens, and how fast things happen.
package lablane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/blocklist"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns/gateway"
	"github.com/needwant/needwant/netns/gateway/capture"
	"github.com/needwant/needwant/netns/gateway/dhcp"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/talk"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/scenarios"
	"github.com/needwant/needwant/scenarios/hass"
	"github.com/needwant/needwant/scenarios/miio"
)

// Lane is a bench with a lab on it.
type Lane struct {
	*harness.Bench
	Lab     *lab.Lab
	Gateway *gateway.Gateway

	leases *dhcp.Server
}

// Start builds the lane with this number, from 1, for a run on a world. The gateway
// knows what the run has seen so far.
func Start(ctx context.Context, run harness.Run, world lab.World, number int) (*Lane, error) {
	l := &Lane{}
	if err := l.start(ctx, run, world, number); err != nil {
		return nil, errors.Join(fmt.Errorf("lane %d: %w", number, err), l.Close())
	}
	return l, nil
}

func (l *Lane) start(ctx context.Context, run harness.Run, world lab.World, number int) (err error) {
	// Every lane has noise of its own.
	seed := uint64(run.Settings.Seed) + uint64(number-1)<<32
	if l.Lab, err = lab.Start(ctx, world, lab.Options{Seed: seed}); err != nil {
		return err
	}
	site := l.Lab.Gateway
	only, err := blocklist.Open(run.Settings.Only)
	if err != nil {
		return err
	}
	l.leases, err = dhcp.Serve(site.Namespace, site.Inside, l.Lab.Device.MAC, lease(l.Lab), nil)
	if err != nil {
		return err
	}
	l.Gateway, err = gateway.New(ctx, gateway.Config{
		Namespace: site.Namespace,
		Leases:    l.leases,
		Inside:    site.Inside,
		Uplink:    site.Uplink,
		MAC:       l.Lab.Device.MAC,
		LAN:       site.Home,
		Upstream:  site.Upstream,
		Alone:     true,
		Apart:     slices.Contains(run.Settings.Faults, harness.NXDomain),
		Driver:    run.Settings.Driver,
		Keep:      run.Settings.Kept,
		Always:    run.Settings.Always,
		Only:      only.Finder(),
	})
	if err != nil {
		return err
	}
	if err := l.forgetPolls(); err != nil {
		return err
	}
	if err := l.Gateway.Know(run.Contacts()); err != nil {
		return err
	}
	// The device must find the gateway ready when it starts, also where no trial
	// will wake it.
	if err := l.Lab.Restart(ctx); err != nil {
		return err
	}
	checks, err := l.scenarios(world)
	if err != nil {
		return err
	}
	timing := timing(world)
	timing.Longest = cmp.Or(run.Settings.Longest, timing.Longest)
	l.Bench = &harness.Bench{
		Number:    number,
		Gateway:   l.Gateway,
		Scenarios: checks,
		Restart:   l.Lab.Restart,
		Provoke: harness.Means{
			harness.ByLease: l.Gateway.NewLease,
			harness.ByLink:  harness.AtOnce(func(ctx context.Context) error { return l.Gateway.Relink(ctx, world.Tempo.Contact) }),
			harness.ByStart: harness.AtOnce(l.Lab.Restart),
		},
		Timing:  timing,
		Periods: run.Periods(),
		Wake:    l.Lab.Restart,
		Doubt:   l.doubt(world.Tempo.Contact),
	}
	return nil
}

// forgetPolls shortens how long the gateway's kernel remembers a datagram, from 30 s to
// four times the longest time from one poll to the end of the next. The lab's Home
// Assistant polls many times a second, each time from another port, and every look at
// the polls lists all that are remembered.
func (l *Lane) forgetPolls() error {
	const usual = 30 * time.Second
	longest := 4 * (l.Lab.Assistant.Every + l.Lab.Assistant.Hangs)
	if longest == 0 || longest >= usual {
		return nil
	}
	seconds := (longest + time.Second - 1) / time.Second
	return l.Lab.Gateway.Namespace.Sysctl("net.netfilter.nf_conntrack_udp_timeout", strconv.Itoa(int(seconds)))
}

// lease is that of the simulated device, which has its address anyway. It is short, so that a
// device that asks for more than an address does so within a trial.
func lease(l *lab.Lab) dhcp.Lease {
	router, length := l.Gateway.Router, l.Gateway.Networks[0].Bits()
	return dhcp.Lease{Address: netip.PrefixFrom(l.Device.Address, length), Router: router, Resolver: router, Time: 2 * time.Second}
}

// doubt mistrusts what a machine showed that was too busy for the world's pace:
// the device stood still for a whole period, or for a quarter of the time.
func (l *Lane) doubt(period time.Duration) func(since time.Time) string {
	return func(since time.Time) string {
		longest, total := l.Lab.Stalled(since)
		elapsed := time.Since(since)
		if longest < period && total < elapsed/4 {
			return ""
		}
		return fmt.Sprintf("this machine was too busy: the simulated device, which acts every %v, stood still for %v",
			span.Words(period.Round(time.Millisecond)), span.Words(longest.Round(time.Millisecond)))
	}
}

// Close takes the lab down, and with it everything that the lane made.
func (l *Lane) Close() error {
	var errs []error
	if l.Gateway != nil {
		errs = append(errs, l.Gateway.Close())
	}
	if l.leases != nil {
		errs = append(errs, l.leases.Close())
	}
	if l.Lab != nil {
		errs = append(errs, l.Lab.Close())
	}
	return errors.Join(errs...)
}

// Capture lets a file have what passes on the lane, except for secrets.
func (l *Lane) Capture(file *capture.File, name string, secrets [][]byte) (*capture.Tap, error) {
	delete(l.Provoke, harness.ByLink) // a capture ends when the link goes down
	return l.Gateway.Capture(file, name, secrets)
}

// usualLongest bounds the hold of a trial for what the simulated device contacts seldom.
const usualLongest = 40 * time.Second

// timing follows from how often the simulated device tries its destinations.
func timing(world lab.World) harness.Timing {
	settle := world.Settle()
	return harness.Timing{
		Settle:   settle,
		Patience: settle,
		Longest:  usualLongest,
		Memory:   names.LongestTTL,
		Recover:  10*settle + 2*time.Second,
		Look:     min(max(world.Tempo.Contact/4, 5*time.Millisecond), 50*time.Millisecond),
	}
}

// scenarios are those that the world names, on the lab's hosts.
func (l *Lane) scenarios(world lab.World) ([]harness.Scenario, error) {
	token, err := miio.ParseToken(l.Lab.Device.Token)
	if err != nil {
		return nil, err
	}
	app := scenarios.Engine{
		Device: &miio.Client{
			Address:  netip.AddrPortFrom(l.Lab.Device.Address, 0),
			Token:    token,
			Attempts: 4, // of a device that ignores one request in five, 4 in a row fail once in 600
			Timeout:  max(world.Tempo.Contact/2, 80*time.Millisecond) + world.Late.By,
			Dial:     l.Lab.App.Dial,
		},
		Home:    hass.NewToken(l.Lab.Assistant.Token),
		Path:    l.Path(),
		Polling: Polling(l.Lab.Assistant),
		HTTP:    &http.Client{Transport: &http.Transport{DialContext: l.Lab.App.Dial, DisableKeepAlives: true}},
	}
	phone := scenarios.Engine{
		HTTP: &http.Client{Transport: &http.Transport{DialContext: l.Lab.Phone.Dial, DisableKeepAlives: true}},
	}
	var checks []harness.Scenario
	for _, spec := range specs(world, l.Lab.Assistant, l.Lab.Command) {
		engine := &app
		if spec.Name == lab.RemoteCommand {
			engine = &phone
		}
		check, err := engine.Scenario(spec)
		if err != nil {
			return nil, err
		}
		checks = append(checks, check)
	}
	return checks, nil
}

// Polling is how a lab's stand-in for Home Assistant polls.
func Polling(assistant lab.AssistantSite) scenarios.Polling {
	return scenarios.Polling{Every: assistant.Every, Hangs: assistant.Hangs}
}

// Path watches at the lane's gateway how a controller comes by the device's state.
func (l *Lane) Path() func(context.Context, []netip.Addr) (scenarios.Watch, error) {
	return bench.PathThrough(l.Gateway.Traffic().Flows, func(controller []netip.Addr) (talk.Topology, error) {
		site := l.Lab.Gateway
		return talk.Topology{Device: l.Lab.Device.Address, Controller: controller, Inside: site.Networks, Home: site.Home}, nil
	})
}

// Infos are what a report says of a world's scenarios.
func Infos(world lab.World) []harness.ScenarioInfo {
	var infos []harness.ScenarioInfo
	for _, spec := range specs(world, lab.AssistantSite{}, "") {
		infos = append(infos, spec.Info())
	}
	return infos
}
