package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios/hass"
	"github.com/needwant/needwant/scenarios/miio"
)

// Site is where a file's scenarios are carried out, and what is known there that
// the file leaves open.
type Site struct {
	Places map[string]Place // by "gateway", "lan" and "host"

	// Of a lab. They go before what the file says, so that a spec for a real
	// device can be tried as it is.
	Device    netip.AddrPort
	MiioToken string
	HassToken string

	Path    func(ctx context.Context, controller []netip.Addr) (Watch, error) // see [Engine]
	Ask     Asker
	Restart func(ctx context.Context) error

	// Polling is how Home Assistant polls the device: [UsualPolling], or that of a
	// lab's stand-in.
	Polling Polling

	// Pace is the shortest time between two attempts at one host on the internet,
	// from all places together: [UsualPace], or nothing in a lab, which has an
	// internet of its own.
	Pace time.Duration

	// Start is what the device needs to start, where the file says nothing.
	Start time.Duration
}

// Bind makes scenarios of a file in a place. The error says which secret is not
// there, or what the site lacks.
func (f File) Bind(list List, site Site) ([]harness.Scenario, error) {
	engines, err := f.engines(site)
	if err != nil {
		return nil, err
	}
	var bound []harness.Scenario
	for _, spec := range list {
		engine, ok := engines[spec.Info().Vantage]
		if !ok {
			return nil, fmt.Errorf("scenario %s: nothing can be judged from %s here", spec.Name, spec.Info().Vantage)
		}
		scenario, err := engine.Scenario(spec)
		if err != nil {
			return nil, err
		}
		bound = append(bound, scenario)
	}
	return bound, nil
}

// engines makes one for each place.
func (f File) engines(site Site) (map[string]*Engine, error) {
	token, text, err := f.miioToken(site)
	if err != nil {
		return nil, err
	}
	home, err := f.hassToken(site)
	if err != nil {
		return nil, err
	}
	address := site.Device
	if !address.IsValid() {
		address = netip.AddrPortFrom(f.Device.Address, 0)
	}
	engines, pace, turns, homes := map[string]*Engine{}, &pace{apart: site.Pace}, &turns{}, &homes{}
	for name, place := range site.Places {
		engine := &Engine{Place: place, Home: home, Polling: site.Polling, Folder: f.folder, Path: site.Path, Ask: site.Ask, Restart: site.Restart, pace: pace, turns: turns, homes: homes}
		engine.Environment = []string{"NEEDWANT_DEVICE=" + address.Addr().String()}
		if token != nil {
			engine.Environment = append(engine.Environment, "NEEDWANT_MIIO_TOKEN="+text)
			engine.conceal = append(engine.conceal, token.Conceal)
			engine.Device = &miio.Client{Address: address, Token: *token, Dial: place.dialAddress}
		}
		engines[name] = engine
	}
	return engines, nil
}

// miioToken is the device's, and its text; nil where no step asks for it. A
// Ginkgo suite may do without.
func (f File) miioToken(site Site) (*miio.Token, string, error) {
	told := site.MiioToken != "" || f.Secrets.Miio != ""
	if !f.uses("miio") && !(f.uses("ginkgo") && told) {
		return nil, "", nil
	}
	text, err := known(site.MiioToken, f.Secrets.Miio, f.folder)
	if err != nil {
		return nil, "", fmt.Errorf("secret miio: %w", err)
	}
	token, err := miio.ParseToken(text)
	if err != nil {
		return nil, "", fmt.Errorf("secret miio: %w: look at %s", err, f.Secrets.Miio)
	}
	return &token, text, nil
}

func (f File) hassToken(site Site) (hass.Token, error) {
	if !f.usesHome() {
		return hass.Token{}, nil
	}
	text, err := known(site.HassToken, f.Secrets.Hass, f.folder)
	if err != nil {
		return hass.Token{}, fmt.Errorf("secret hass: %w", err)
	}
	return hass.NewToken(text), nil
}

// usesHome reports whether a Home Assistant is asked for anything.
func (f File) usesHome() bool {
	if f.uses("hass") {
		return true
	}
	for _, power := range f.powers() {
		if power.Hass != "" {
			return true
		}
	}
	return false
}

// known is the site's secret, or else the file's.
func known(site string, secret Secret, folder string) (string, error) {
	if site != "" {
		return site, nil
	}
	return secret.Read(folder)
}

// Restarter makes the file's power switch into a function, which is operated from
// the machine itself and returns when the device has had its time to start. It
// is nil where the file has no cold boot.
func (f File) Restarter(site Site) (func(ctx context.Context) error, error) {
	boot := f.Regimes.ColdBoot
	if boot == nil {
		return nil, nil
	}
	engines, err := f.engines(site)
	if err != nil {
		return nil, err
	}
	power := boot.Power
	if power == nil {
		power = &Power{}
	}
	timeout := power.usual()
	if boot.Timeout > 0 {
		timeout = boot.Timeout + power.least()
	}
	deed, err := power.prepare(engines["host"], timeout)
	if err != nil {
		return nil, fmt.Errorf("regime cold_boot: %w", err)
	}
	start := boot.Wait
	setDefault(&start, site.Start)
	return func(ctx context.Context) error {
		if _, err := deed.run(ctx); err != nil {
			return errors.New(deed.conceal(err.Error()))
		}
		if !pauseUntil(ctx, time.Now().Add(start)) {
			return ctx.Err()
		}
		return nil
	}, nil
}
