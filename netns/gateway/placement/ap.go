package placement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/radio"
)

// AP places the gateway between a Wi-Fi that it opens for the device alone, and the
// home network.
const AP Kind = "ap"

func ap() way {
	return way{
		kind: AP, moves: true, takes: true,
		locks: lockInside, work: inNamespace, readdress: renew,
		validate: func(c Config) error { return errors.Join(c.needLinks(), c.wifi().Validate()) },
		complete: func(c Config) error { return radio.ValidatePassphrase(c.Passphrase) },
		check: func(p *Plan) error {
			inside, err := p.checkRadio()
			if err != nil {
				return err
			}
			return p.checkHome(inside)
		},
		steps: func(p *Plan) []step {
			c := p.config
			return append([]step{
				{what: fmt.Sprintf("create a private network namespace, and note in %s how %s is now", c.Folder, c.Inside), do: p.begin},
				{what: "start the cleanup process, which gives " + c.Inside + " back if needwant dies", do: p.watch},
				{what: "move the radio of " + c.Inside + ", and the interface with it, into the namespace", machine: true, do: p.moveRadio},
				p.furnishing(p.addressInside), // hostapd sets it up
				{what: fmt.Sprintf("open the Wi-Fi %q there, on channel %d, by %s, for %s alone", c.SSID, radio.Channel, radio.Program, c.MAC), do: p.openWiFi},
			}, p.home()...)
		},
	}
}

// wifi is the Wi-Fi of placement ap.
func (c Config) wifi() radio.Network {
	return radio.Network{Link: c.Inside, SSID: c.SSID, Passphrase: c.Passphrase, Only: c.MAC}
}

// moveRadio moves the radio of the link inside, and the link with it.
func (p *Plan) moveRadio(_ context.Context, placed *Placed) error {
	link, err := p.config.Machine.Netlink().LinkByName(p.config.Inside)
	if err != nil {
		return err
	}
	found, err := radio.Of(p.config.Machine, link.Attrs().Index)
	if errors.Is(err, radio.ErrNone) {
		return fmt.Errorf("inside: %s has no radio any more, which placement ap needs: was it unplugged? Plug it in again", p.config.Inside)
	}
	if err != nil {
		return err
	}
	return found.Move(p.config.Machine, placed.Namespace)
}

// openWiFi runs hostapd in the namespace, until Close.
func (p *Plan) openWiFi(ctx context.Context, placed *Placed) (err error) {
	placed.wifi, err = radio.Open(ctx, placed.Namespace, p.config.wifi(), p.config.Tell)
	return err
}

// checkRadio looks whether the link inside is one of a radio that can be moved,
// and be an access point, and that nothing depends on.
func (p *Plan) checkRadio() (netlink.Link, error) {
	link, err := p.linkNamed("inside", p.config.Inside)
	if err != nil {
		return nil, err
	}
	found, err := radio.Of(p.config.Machine, link.Attrs().Index)
	if err != nil && !errors.Is(err, radio.ErrNone) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("inside: %s is not a Wi-Fi link, which placement ap needs: name one, as wlan0 ('iw dev' lists them), or take placement nic: %w", p.config.Inside, err)
	}
	return link, cmp.Or(p.checkAbilities(found), p.checkAlone(found, link), checkProgram(), p.checkFree(link), p.checkLifeline(link, true))
}

// checkAbilities refuses a radio that serves others already, or cannot serve.
func (p *Plan) checkAbilities(found radio.Radio) error {
	if found.Mode == radio.ModeAccessPoint {
		return fmt.Errorf("inside: %s is an access point of this machine already: stop its hostapd, or take placement host, with the device in that Wi-Fi", p.config.Inside)
	}
	abilities, err := found.Abilities(p.config.Machine)
	switch {
	case err != nil:
		return err
	case !slices.Contains(abilities.Modes, radio.ModeAccessPoint):
		return fmt.Errorf("inside: the radio of %s cannot be an access point ('iw list' says what it can be): take another, as a USB one that can, or placement nic with an access point on a second card", p.config.Inside)
	case !abilities.Movable:
		return fmt.Errorf("inside: the driver of %s does not let its radio be moved into a network namespace: take another radio, or placement nic with an access point on a second card", p.config.Inside)
	}
	return nil
}

// checkAlone refuses a radio with other links, which would go with it.
func (p *Plan) checkAlone(found radio.Radio, inside netlink.Link) error {
	links, err := found.Links(p.config.Machine)
	if err != nil {
		return err
	}
	var others []string
	for _, index := range links {
		link, err := p.config.Machine.Netlink().LinkByIndex(index)
		if index == inside.Attrs().Index || netns.Absent(err) {
			continue
		}
		if err != nil {
			return err
		}
		others = append(others, link.Attrs().Name)
	}
	if len(others) == 0 {
		return nil
	}
	return fmt.Errorf("inside: the radio of %s has %s too, which would go with it: remove that ('iw dev %s del'), or take another radio", p.config.Inside, strings.Join(others, " and "), others[0])
}

// checkProgram looks for what opens a Wi-Fi.
func checkProgram() error {
	if _, err := exec.LookPath(radio.Program); err != nil {
		return fmt.Errorf("placement ap needs %s, which is not installed: 'apt-get install %s' or your distribution's package: %w", radio.Program, radio.Program, err)
	}
	return nil
}
