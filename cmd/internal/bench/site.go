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
	return scenarios.Site{
		Places: map[string]scenarios.Place{
			"gateway": PlaceIn(s.Placed.Namespace, s.Placed.Upstream),
			"lan":     {},
			"host":    {},
		},
		Path: PathThrough(s.Placed.Namespace, s.Placed.Device, s.Placed.LAN),
		Ask:  options.Ask,
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

// PathThrough watches at a gateway how a controller comes by the device's state.
func PathThrough(gateway *netns.Namespace, device netip.Addr, home []netip.Prefix) func(context.Context, netip.Addr) (func(context.Context) (string, error), error) {
	return func(_ context.Context, controller netip.Addr) (func(context.Context) (string, error), error) {
		before, err := talk.Flows(gateway)
		if err != nil {
			return nil, err
		}
		return func(context.Context) (string, error) {
			after, err := talk.Flows(gateway)
			if err != nil {
				return "", err
			}
			return talk.Path(talk.Since(before, after), device, controller, home), nil
		}, nil
	}
}
