package gateway

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// The walls are the chains that stand around the block. They are the same whatever
// is blocked, so that a function fails because of what is blocked, and for no other
// reason.
//
//	enter    what may come in from the device at all: packets that connection tracking
//	         understands, from an address in the device's network
//	through  what is forwarded: only what comes from the device or goes to it
//	alone    the device begins nothing in the home network, and other hosts behind the
//	         gateway begin nothing
//	others   what is neither TCP nor UDP nor an ICMP echo, and so cannot be tested, does
//	         not leave
//
// In shared tables the device is at home, and the machine's owner has rules for the
// rest: only enter, others and elsewhere are written.
func (c Config) walls(family chains.Family, a addresses) []chains.Chain {
	all := []chains.Chain{c.enter(family, a), c.others(family)}
	switch {
	case c.Shared && family == chains.IPv4:
		return append(all, c.elsewhere())
	case c.Shared:
		return all
	}
	return append(all, c.through(family), c.alone(family), stray("NEEDWANT-STRAY"), home())
}

// elsewhere is for what the device sends to the internet in shared tables with
// another source address than its own, by which no other chain knows it.
func (c Config) elsewhere() chains.Chain {
	chain := stray("NEEDWANT-ELSEWHERE")
	chain.Hooks = c.layout().FalseSource()
	chain.Rules = slices.Concat(c.layout().SparedOut(chains.IPv4), chain.Rules)
	return chain
}

// enter is in mangle, so that nothing that it drops is seen or translated. Packets
// that connection tracking calls INVALID have no direction: rules about who began a
// connection do not match them, and address translation leaves them as they are.
func (c Config) enter(family chains.Family, a addresses) chains.Chain {
	chain := chains.Chain{Table: "mangle", Name: "NEEDWANT-ENTER", Rules: []chains.Rule{chains.Rulef("-m conntrack --ctstate INVALID -j DROP")}}
	if c.Shared {
		chain.Hooks = c.layout().Outgoing(family)
		return chain
	}
	chain.Hooks = []chains.Hook{{From: "PREROUTING", Match: chains.Rulef("-i %s", c.Inside)}}
	if family == chains.IPv6 {
		chain.Rules = append(chain.Rules, append(routerAnnouncement(), "-j", "DROP"))
	}
	// What most packets match stands first. The kernel hands the gateway's own broadcasts
	// back to it: they are dropped without a report.
	for _, network := range a.networks {
		if chains.FamilyOf(network.Addr()) != family {
			continue
		}
		for _, own := range a.own {
			if network.Contains(own) {
				chain.Rules = append(chain.Rules, chains.Rulef("-s %s -j DROP", own))
			}
		}
		chain.Rules = append(chain.Rules, chains.Rulef("-s %s -j RETURN", network))
	}
	for _, own := range of(family, a.own) {
		chain.Rules = append(chain.Rules, chains.Rulef("-s %s -j DROP", own))
	}
	for _, prefix := range local(family) {
		chain.Rules = append(chain.Rules, chains.Rulef("-s %s -j RETURN", prefix))
	}
	chain.Rules = append(chain.Rules, chains.Rulef("-j %s", watch.At(watch.Stray)), chains.Rulef("-j DROP"))
	return chain
}

// routerAnnouncement matches what an IPv6 router sends (RFC 4861, section 4.2). The
// kernel remembers each sender as a neighbour, in one table of limited length for
// the whole machine.
func routerAnnouncement() chains.Rule { return chains.EchoOf(chains.IPv6).Of(134) }

// local are the source addresses of a host that has no other yet: they are good for
// DHCP and for finding neighbours, and the kernel does not forward them.
func local(family chains.Family) []netip.Prefix {
	if family == chains.IPv4 {
		return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/32")}
	}
	return []netip.Prefix{netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("::/128")}
}

// through lets nothing pass between the home network, the internet and the machine's
// own programs. What connection tracking does not follow is not forwarded: rules about
// who began a connection do not match it. Over IPv4 enter has dropped that already, if
// it came from the device; over IPv6 there are messages between neighbours, too, which
// enter lets in to the gateway itself.
func (c Config) through(family chains.Family) chains.Chain {
	chain := chains.Chain{Table: "filter", Name: "NEEDWANT-THROUGH", Rules: []chains.Rule{
		chains.Rulef("-m conntrack --ctstate INVALID,UNTRACKED -j DROP"),
		chains.Rulef("-i %s -j RETURN", c.Inside),
		chains.Rulef("-o %s -j RETURN", c.Inside),
		chains.Rulef("-j DROP"),
	}}
	if family == chains.IPv4 {
		chain.Hooks = []chains.Hook{{From: "FORWARD", Match: chains.Rulef("! -i %s", c.Inside)}}
	} else {
		chain.Hooks = []chains.Hook{chains.On("FORWARD")}
	}
	return chain
}

// alone keeps the device from the home network, and other hosts from beginning
// anything.
func (c Config) alone(family chains.Family) chains.Chain {
	return chains.Chain{Table: "filter", Name: "NEEDWANT-ALONE", Hooks: []chains.Hook{{From: "FORWARD", Match: chains.Rulef("-i %s", c.Inside)}},
		Rules: slices.Concat(c.strangers(family), c.neighbours(family))}
}

// stray drops packets that are not to be taken for the device's, and reports them.
func stray(name string) chains.Chain {
	return chains.Chain{Table: "filter", Name: name, Rules: []chains.Rule{
		chains.Rulef("-j %s", watch.At(watch.Stray)), chains.Rulef("-j DROP"),
	}}
}

func home() chains.Chain {
	return chains.Chain{Table: "filter", Name: "NEEDWANT-HOME", Rules: []chains.Rule{
		chains.Rulef("-j %s", watch.At(watch.Home)),
		chains.Rulef("-p tcp -j REJECT --reject-with tcp-reset"),
		chains.Rulef("-j REJECT"),
	}}
}

// strangers may answer from behind the gateway, e.g. a Home Assistant there, but
// begin nothing, unless they are named as controllers.
func (c Config) strangers(family chains.Family) (rules []chains.Rule) {
	if !c.Alone || c.MAC == nil {
		return nil
	}
	if named := chains.Prefixes(family, c.Controllers); named != "" {
		rules = append(rules, chains.Rulef("-s %s -m mac ! --mac-source %s -j RETURN", named, c.MAC))
	}
	return append(rules, chains.Rulef("-m mac ! --mac-source %s -m conntrack --ctdir ORIGINAL -j NEEDWANT-STRAY", c.MAC))
}

// neighbours are the hosts of the home network.
func (c Config) neighbours(family chains.Family) (rules []chains.Rule) {
	lan := chains.Prefixes(family, c.LAN)
	if c.Mingle || lan == "" {
		return nil
	}
	if allowed := chains.Prefixes(family, c.Controllers); allowed != "" {
		rules = append(rules, chains.Rulef("-d %s -j RETURN", allowed))
	}
	return append(rules, chains.Rulef("-d %s -m conntrack --ctdir ORIGINAL -j NEEDWANT-HOME", lan))
}

// others stops what cannot be tested, on its way to the internet, and reports it.
func (c Config) others(family chains.Family) chains.Chain {
	layout := c.layout()
	chain := chains.Chain{Table: "filter", Name: "NEEDWANT-OTHERS"}
	for _, hook := range layout.Outgoing(family) { // most small packets are of UDP: they do not enter at all
		chain.Hooks = append(chain.Hooks, chains.Hook{From: hook.From, Match: slices.Concat(chains.Rulef("! -p udp"), hook.Match)})
	}
	for _, match := range testable(family) {
		chain.Rules = append(chain.Rules, append(match, "-j", "RETURN"))
	}
	chain.Rules = append(chain.Rules, layout.SparedOut(family)...)
	return c.untested(chain, c.OtherProtocols)
}

// testable matches what can be blocked as a destination.
func testable(family chains.Family) []chains.Rule {
	return []chains.Rule{chains.Rulef("-p tcp"), chains.Rulef("-p udp"), chains.EchoOf(family).Request()}
}

// untested ends a chain with what is done to all that is not testable. An ICMP error
// about a connection, e.g. that a port is closed, is not reported: most devices send
// some.
func (c Config) untested(chain chains.Chain, pass bool) chains.Chain {
	verdict := "DROP"
	if pass {
		verdict = "RETURN"
	}
	chain.Rules = append(chain.Rules,
		chains.Rulef("-i %s -m conntrack --ctstate RELATED -j %s", c.Inside, verdict),
		chains.Rulef("-i %s -j %s", c.Inside, watch.At(watch.Other)),
		chains.Rulef("-i %s -j %s", c.Inside, verdict))
	return chain
}

// isolate writes the walls, which stand behind the block, and so before it.
func (b *barrier) isolate(a addresses) error {
	for _, family := range chains.Families() {
		if err := b.tables.Install(family, b.config.walls(family, a)); err != nil {
			return fmt.Errorf("isolating the device: %w", err)
		}
	}
	return nil
}
