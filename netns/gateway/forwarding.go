package gateway

import (
	"errors"
	"fmt"
	"slices"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// sysctl is one kernel parameter.
type sysctl struct{ key, value string }

// forwarding makes a namespace a gateway. Without limits on ICMP the kernel
// answers a device only six times in a row and then once a second, and a
// reject turns into a drop.
var forwarding = []sysctl{
	{"net.ipv4.ip_forward", "1"},
	{"net.ipv6.conf.all.forwarding", "1"},
	{"net.ipv4.icmp_ratelimit", "0"},
	{"net.ipv6.icmp.ratelimit", "0"},
}

// parameters are those to set. In shared tables that is the counting alone: the
// machine forwards already, and its limits are its owner's business.
func (c Config) parameters() []sysctl {
	if c.Shared {
		return counting
	}
	return slices.Concat(counting, forwarding)
}

// counting makes connection tracking count packets. The parameter exists only
// once a rule uses connection tracking.
var counting = []sysctl{{"net.netfilter.nf_conntrack_acct", "1"}}

func apply(namespace *netns.Namespace, parameters []sysctl) error {
	var problems []error
	for _, p := range parameters {
		problems = append(problems, namespace.Sysctl(p.key, p.value))
	}
	return errors.Join(problems...)
}

// translation hides the device behind the gateway's uplink address, and the
// controllers on the LAN behind its inside address.
func translation(layout chains.Layout, family chains.Family) chains.Chain {
	rules := []chains.Rule{chains.Rulef("-o %s -j MASQUERADE", layout.Uplink)}
	if lan := chains.Prefixes(family, layout.LAN); lan != "" {
		rules = append(rules, chains.Rulef("-o %s -s %s -j MASQUERADE", layout.Inside, lan))
	}
	return chains.Chain{Table: "nat", Name: "NEEDWANT-NAT", Hooks: []chains.Hook{chains.On("POSTROUTING")}, Rules: rules}
}

// install writes the chains that do not belong to the block.
func (g *Gateway) install() error {
	for _, family := range chains.Families() {
		layout := g.config.layout()
		own := g.log.Chains(layout, family)
		if !g.config.Shared {
			own = append(own, translation(layout, family), catching(layout, family, g.addresses.own))
		}
		if family == chains.IPv4 && len(g.config.Forward) > 0 {
			own = append(own, forwards(g.config.layout(), g.config.Forward))
		}
		if err := g.barrier.tables.Install(family, own); err != nil {
			return fmt.Errorf("installing the gateway: %w", err)
		}
	}
	return nil
}
