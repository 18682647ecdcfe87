package bench

import (
	"context"
	"net/netip"
	"os/exec"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/talk"
	"github.com/needwant/needwant/scenarios"
	"github.com/needwant/needwant/scenarios/hass"
)

// site is what scenarios need to know of the stand. The machine stands in the
// home network, and so judges what is judged from there.
func (s *Stand) site(options Options) scenarios.Site {
	return scenarios.Site{
		Places: map[string]scenarios.Place{
			"gateway": PlaceIn(s.Placed.Namespace, s.Placed.Upstream),
			"lan":     {},
			"host":    {},
		},
		Apart: hass.Cooldown,
		Pace:  scenarios.UsualPace,
		Path:  PathThrough(s.Placed.Namespace, s.house),
		Ask:   options.Ask,
	}
}

// PlaceIn makes checks leave by a namespace, and by no other way.
func PlaceIn(namespace *netns.Namespace, resolver netip.AddrPort) scenarios.Place {
	return scenarios.Place{
		Dial:    namespace.Dial,
		Packets: namespace.ListenPacket,
		Command: func(ctx context.Context, name string, args ...string) (*exec.Cmd, func() error) {
			command := namespace.Command(ctx, name, args...)
			return command.Cmd, command.Run
		},
		Resolver: resolver,
	}
}

// house is where the device and a controller stand. A controller on this machine
// reaches the device by the cable, and so by the machine's address on that.
func (s *Stand) house(controller netip.Addr) (talk.House, error) {
	house := talk.House{
		Device: s.Placed.Device, Controller: []netip.Addr{controller},
		Inside: []netip.Prefix{s.Placed.Network}, Home: s.Placed.LAN,
	}
	ours, err := s.machine.Owns(controller)
	if ours {
		house.Controller = append(house.Controller, s.Placed.Machine)
	}
	return house, err
}

// PathThrough watches at a gateway how a controller comes by the device's state.
func PathThrough(gateway *netns.Namespace, house func(controller netip.Addr) (talk.House, error)) func(context.Context, netip.Addr) (func(context.Context) (string, error), error) {
	return func(_ context.Context, controller netip.Addr) (func(context.Context) (string, error), error) {
		stands, err := house(controller)
		if err != nil {
			return nil, err
		}
		before, err := talk.Flows(gateway)
		if err != nil {
			return nil, err
		}
		return func(context.Context) (string, error) {
			after, err := talk.Flows(gateway)
			if err != nil {
				return "", err
			}
			return talk.Path(talk.Since(before, after), stands), nil
		}, nil
	}
}
