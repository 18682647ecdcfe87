package bench

import (
	"context"
	"net/netip"
	"os/exec"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/talk"
	"github.com/needwant/needwant/scenarios"
)

// site is what scenarios need to know of the stand. The machine stands in the
// home network, and so judges what is judged from there.
func (s *Stand) site(options Options) scenarios.Site {
	if s.Resolver != nil { // this machine is in the device's network, and sees none of its packets
		return scenarios.Site{
			Places:  map[string]scenarios.Place{"gateway": {}, "lan": {}, "host": {}},
			Polling: scenarios.UsualPolling(),
			Pace:    scenarios.UsualPace,
			Ask:     options.Ask,
		}
	}
	return scenarios.Site{
		Places: map[string]scenarios.Place{
			"gateway": PlaceIn(s.Placed.Namespace, s.Placed.Upstream),
			"lan":     {},
			"host":    {},
		},
		Polling: scenarios.UsualPolling(),
		Pace:    scenarios.UsualPace,
		Path:    PathThrough(s.Gateway.Traffic().Flows, s.topology),
		Ask:     options.Ask,
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

// topology is where the device and a controller are. A controller on this machine
// may use any of the machine's addresses, including that of the veth pair that
// leads to the gateway.
func (s *Stand) topology(controller []netip.Addr) (talk.Topology, error) {
	where := talk.Topology{
		Device: s.Placed.Device, Controller: controller,
		Inside: []netip.Prefix{s.Placed.Network}, Home: s.Placed.LAN,
	}
	for _, address := range controller {
		owned, err := s.machine.Owns(address)
		if err != nil {
			return where, err
		}
		where.Machine = where.Machine || owned
	}
	if !where.Machine {
		return where, nil
	}
	addresses, err := s.machine.Addresses()
	addresses = append(addresses, s.Placed.Machine)
	where.Controller = addresses
	return where, err
}

// PathThrough watches how a controller, which has these addresses, gets the device's
// state, from the connections that a gateway tracks.
func PathThrough(flows func(want func(talk.Flow) bool) ([]talk.Flow, error), topology func(controller []netip.Addr) (talk.Topology, error)) func(context.Context, []netip.Addr) (scenarios.Watch, error) {
	return func(_ context.Context, controller []netip.Addr) (scenarios.Watch, error) {
		where, err := topology(controller)
		if err != nil {
			return scenarios.Watch{}, err
		}
		watch, err := talk.Begin(flows, where)
		if err != nil {
			return scenarios.Watch{}, err
		}
		return scenarios.Watch{Sees: where.Sees(), Since: func(context.Context) (scenarios.Traffic, error) {
			seen, err := watch.Look()
			return scenarios.Traffic{Path: seen.Path, Asked: seen.Asked, Answered: seen.Answered, Open: seen.Open}, err
		}}, nil
	}
}
