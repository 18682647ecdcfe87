package main

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

// noStandIns is the word of --stand-ins that turns them off.
const noStandIns = "none"

// standInsFlag adds --stand-ins.
func standInsFlag(command *cobra.Command, names *[]string) {
	all := append(kindNames(harness.AllStandIns()), noStandIns)
	command.Flags().StringSliceVar(names, "stand-ins", nil, "kinds of your own servers to try at the end, instead of needed destinations: "+strings.Join(all, ", ")+"; the default is that of the spec, or all but "+strings.Join(kindNames(harness.NamedStandIns()), ", "))
	completeFlag(command, "stand-ins", all...)
}

func kindNames(kinds []harness.StandIn) (names []string) {
	for _, kind := range kinds {
		names = append(names, string(kind))
	}
	return names
}

// standIns reads --stand-ins. Without the flag it is everything that need not be asked for
// by name, but nothing if a blocklist is tested.
func standIns(names []string, list bool) (kinds []harness.StandIn, err error) {
	switch {
	case len(names) == 0 && !list:
		return harness.StandIns(), nil
	case len(names) == 0 || slices.Equal(names, []string{noStandIns}):
		return []harness.StandIn{}, nil
	case list:
		return nil, errors.New("a blocklist is tested without stand-ins: leave out --stand-ins")
	}
	for _, name := range names {
		if name == noStandIns {
			return nil, errors.New("--stand-ins none goes with no other stand-in")
		}
		kind, err := harness.ParseStandIn(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds, nil
}

// chooseStandIns takes those of --stand-ins for a spec, or else the spec's own, or else
// everything that the spec's placement allows.
func (f *bisectFlags) chooseStandIns(file scenarios.File) (err error) {
	switch {
	case len(f.standIns) == 0 && file.Block.StandIns != nil:
		return nil
	case len(f.standIns) == 0 && !file.Gateway.CanStandIn():
		f.settings.StandIns = []harness.StandIn{}
		return nil
	case !file.Gateway.CanStandIn() && !slices.Equal(f.standIns, []string{noStandIns}):
		return fmt.Errorf("placement %s has no stand-ins: it sees names without ports, and so not which kind of server would do: leave out --stand-ins, or take another placement, such as nic or host", file.Gateway.Placement)
	}
	f.settings.StandIns, err = standIns(f.standIns, file.Block.Only != nil)
	return err
}

// ownServers reads --stand-in of export: the user's own servers, one for each family.
func ownServers(texts []string) (servers map[harness.StandIn][]netip.Addr, err error) {
	servers = map[harness.StandIn][]netip.Addr{}
	for _, text := range texts {
		name, server, _ := strings.Cut(text, "=")
		kind := harness.StandIn(name)
		if kind != harness.TimeServer && kind != harness.Resolver {
			return nil, fmt.Errorf("--stand-in %s: rules can lead to a time server or a DNS server only, e.g. ntp=192.168.1.10 or dns=192.168.1.10", text)
		}
		address, err := netip.ParseAddr(server)
		if err != nil || address.Zone() != "" {
			return nil, fmt.Errorf("--stand-in %s: write the address of %s, e.g. %s=192.168.1.10", text, kind.Own(), kind)
		}
		if slices.ContainsFunc(servers[kind], func(other netip.Addr) bool { return other.Is4() == address.Unmap().Is4() }) {
			return nil, fmt.Errorf("--stand-in %s: one server for each of IPv4 and IPv6 is enough", text)
		}
		servers[kind] = append(servers[kind], address.Unmap())
	}
	return servers, nil
}

// withStandInsFlag adds --with-stand-ins, for a policy.
func withStandInsFlag(command *cobra.Command, on *bool) {
	command.Flags().BoolVar(on, "with-stand-ins", false, "also block what the run proved to be replaceable, and answer instead of it")
}

// unkept warns that the device gets the time of a clock that nobody keeps; "" if that is not so.
func unkept(standIns map[harness.Destination]harness.StandIn, kept bool) string {
	if kept || !slices.Contains(slices.Collect(maps.Values(standIns)), harness.TimeServer) {
		return ""
	}
	return "warning: the device gets the time of this machine, whose clock no time server keeps; 'sudo timedatectl set-ntp true' changes that"
}

// answeredHere says which stand-in answers; "" if none does.
func answeredHere(kind harness.StandIn) string {
	if kind == "" {
		return ""
	}
	return fmt.Sprintf(" (%s is answered here)", kind)
}
