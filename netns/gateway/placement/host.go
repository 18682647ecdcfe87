package placement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/guard"
	"github.com/needwant/needwant/netns/gateway/names"
)

// Host leaves everything where it is: the machine is the device's router already.
const Host Kind = "host"

func host() way {
	return way{
		kind: Host, shares: true,
		validate: func(c Config) error { return errors.Join(c.needMAC(), c.needLinks()) },
		locks: func(c Config) guard.Names {
			return guard.Names{Alone: []string{"the rules of this machine"}, Shared: []string{"interface " + c.Inside}}
		},
		check: (*Plan).checkHost,
		steps: func(p *Plan) []step {
			c := p.config
			return []step{
				{what: fmt.Sprintf("note in %s which tables of iptables there are, and the parameters of connection tracking", c.Folder), do: p.noteMachine},
				{what: "start the cleanup process, which removes our rules if needwant dies", do: p.watch},
				{what: fmt.Sprintf("find out which resolver the device is given on %s", c.Inside), do: p.findResolver},
			}
		},
		work: func(c Config) []string {
			return []string{
				fmt.Sprintf("write chains NEEDWANT* into the tables of iptables, and jumps to them that only packets of %s take, at %s, on %s: a packet log, the block; "+
					"nothing of others' is touched  (changes the machine)", c.MAC, c.Address, c.Inside),
				fmt.Sprintf("keep a set filled that these depend on: %.0f s after this program has died the kernel empties it  (changes the machine)", block.PulseLasts.Seconds()),
				"wait for the device, then block sets of its destinations",
			}
		},
		readdress: func(uses netip.Addr) string {
			return fmt.Sprintf("write device: {address: %s} in the spec, and reserve that address for it in this router's DHCP settings", uses)
		},
	}
}

func (p *Plan) noteMachine(_ context.Context, placed *Placed) error {
	c := p.config
	placed.Namespace, placed.Shared = c.Machine, true
	placed.Inside, placed.Uplink, placed.Device, placed.MAC = c.Inside, c.Uplink, c.Address, c.MAC
	placed.IPv6 = "IPv6 is watched and blocked as IPv4 is"
	own, err := p.insideAddress()
	if err != nil {
		return err
	}
	placed.Own, placed.Machine, placed.Network = own.Addr(), own.Addr(), own.Masked()
	if placed.LAN, err = p.privateNetworks(); err != nil {
		return err
	}
	machine, err := guard.NoteMachine(c.Machine)
	if err != nil {
		return err
	}
	placed.journal, err = guard.NewJournal(c.Folder, c.device(), guard.Link{}, machine)
	return err
}

// privateNetworks are those of the machine except for the device's own: the home,
// whose hosts are controllers and no destinations. A public network, as that of
// a provider, is none.
func (p *Plan) privateNetworks() (found []netip.Prefix, err error) {
	handle := p.config.Machine.Netlink()
	inside, err := handle.LinkByName(p.config.Inside)
	if err != nil {
		return nil, err
	}
	addresses, err := handle.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("listing addresses: %w", err)
	}
	for _, address := range addresses {
		prefix := prefixOf(address.IPNet)
		if address.LinkIndex != inside.Attrs().Index && prefix.Addr().IsPrivate() {
			found = append(found, prefix.Masked())
		}
	}
	return found, nil
}

func prefixOf(network *net.IPNet) netip.Prefix {
	bits, _ := network.Mask.Size()
	return netip.PrefixFrom(addressOf(network.IP), bits)
}

// findResolver looks who answers for names on this machine: what the device asks
// it is asked there.
func (p *Plan) findResolver(ctx context.Context, placed *Placed) error {
	candidates := []netip.AddrPort{netip.AddrPortFrom(placed.Own, names.Port)}
	known, err := names.Configured(p.config.resolvConf())
	problems := []error{err}
	for _, candidate := range append(candidates, known...) {
		err := names.Probe(ctx, placed.Namespace, candidate)
		if err == nil {
			placed.Upstream = candidate
			return nil
		}
		problems = append(problems, err)
	}
	return fmt.Errorf("no resolver answers on this router, neither on %s nor one of %s: %w", candidates[0], p.config.resolvConf(), errors.Join(problems...))
}

// checkHost looks whether the machine is the device's router.
func (p *Plan) checkHost() error {
	inside, err := p.linkNamed("inside", p.config.Inside)
	if err != nil {
		return err
	}
	uplink, err := p.linkNamed("uplink", p.config.Uplink)
	if err != nil {
		return err
	}
	_, err = p.insideAddress()
	return cmp.Or(err, p.checkBridged(inside), p.checkUp("inside", inside), p.checkUp("uplink", uplink), p.checkForwarding(), p.checkWayOut(uplink), p.checkForeign())
}

// checkForeign refuses a router on which packets pass rules that are not where
// ours are, or none at all.
func (p *Plan) checkForeign() error {
	legacy, err := chains.Legacy(p.config.Machine)
	if err != nil {
		return err
	}
	if len(legacy) > 0 {
		return fmt.Errorf("this router has rules of the legacy iptables (%s) beside those of nftables, and packets have to pass both: "+
			"move them over ('iptables-legacy-save | iptables-nft-restore -n', then flush the old ones; 'update-alternatives --config iptables' for what writes them)", strings.Join(legacy, ", "))
	}
	offloaded, err := chains.FlowTables(p.config.Machine)
	if err != nil {
		return err
	}
	if len(offloaded) > 0 {
		return fmt.Errorf("this router's flow offload (flow table %s) carries packets past every rule: switch it off "+
			"('nft delete flowtable %s' once no rule uses it; on OpenWrt 'uci set firewall.@defaults[0].flow_offloading=0')", offloaded[0], offloaded[0])
	}
	return nil
}

// checkBridged refuses a port of a bridge, as which no packet comes in that the
// machine forwards.
func (p *Plan) checkBridged(inside netlink.Link) error {
	if inside.Attrs().MasterIndex == 0 {
		return nil
	}
	bridge, err := p.config.Machine.Netlink().LinkByIndex(inside.Attrs().MasterIndex)
	if err != nil {
		return err
	}
	return fmt.Errorf("inside: %s is a port of %s: write inside: %s, where this router has its address", p.config.Inside, bridge.Attrs().Name, bridge.Attrs().Name)
}

func (p *Plan) checkUp(role string, link netlink.Link) error {
	if link.Attrs().RawFlags&unix.IFF_UP != 0 {
		return nil
	}
	return fmt.Errorf("%s: %s is down: set it up ('ip link set %s up'), or name another", role, link.Attrs().Name, link.Attrs().Name)
}

// insideAddress is the machine's address in the device's network.
func (p *Plan) insideAddress() (netip.Prefix, error) {
	inside, err := p.linkNamed("inside", p.config.Inside)
	if err != nil {
		return netip.Prefix{}, err
	}
	addresses, err := p.config.Machine.Netlink().AddrList(inside, netlink.FAMILY_V4)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("listing the addresses of %s: %w", p.config.Inside, err)
	}
	var known []string
	for _, address := range addresses {
		prefix := prefixOf(address.IPNet)
		if prefix.Addr() == p.config.Address {
			return netip.Prefix{}, fmt.Errorf("device: %s is this router's own address: write the device's", p.config.Address)
		}
		if prefix.Contains(p.config.Address) {
			return prefix, nil
		}
		known = append(known, prefix.Masked().String())
	}
	return netip.Prefix{}, fmt.Errorf("device: %s lies in no network of %s, which has %s: correct device: {address: …}, or inside: with placement host the device stays where it is",
		p.config.Address, p.config.Inside, cmp.Or(strings.Join(known, ", "), "none"))
}

func (p *Plan) checkForwarding() error {
	return p.config.Machine.Do(func() error {
		value, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
		if err == nil && strings.TrimSpace(string(value)) != "1" {
			return errors.New("this machine forwards no packets, so it is not the device's router: take placement nic or onearm, or make it one (net.ipv4.ip_forward=1)")
		}
		return err
	})
}

// checkWayOut refuses an uplink that is not the way to the internet.
func (p *Plan) checkWayOut(uplink netlink.Link) error {
	routes, err := p.routes()
	if err != nil {
		return err
	}
	var ways []string
	for _, route := range routes {
		if route.Dst != nil && !route.Dst.IP.IsUnspecified() || route.Type != unix.RTN_UNICAST {
			continue
		}
		over := []int{route.LinkIndex}
		for _, hop := range route.MultiPath {
			over = append(over, hop.LinkIndex)
		}
		if slices.Contains(over, uplink.Attrs().Index) {
			return nil
		}
		for _, index := range over {
			if link, err := p.config.Machine.Netlink().LinkByIndex(index); err == nil {
				ways = append(ways, link.Attrs().Name)
			}
		}
	}
	return fmt.Errorf("uplink: %s is not this router's way to the internet; that is %s: correct it in the spec",
		p.config.Uplink, cmp.Or(strings.Join(ways, ", "), "not there: it has no default route"))
}
