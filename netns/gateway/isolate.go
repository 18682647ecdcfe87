package gateway

import (
	"slices"

	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// isolation is what stands behind the block: it keeps the device from the home
// network, and strangers from beginning anything. What is neither TCP nor UDP, and
// so no matter of the block, is let through and told of, but for ICMP.
func (c Config) isolation(family chains.Family) []chains.Chain {
	return []chains.Chain{
		{Table: "filter", Name: "NEEDWANT-ALONE", Hooks: []chains.Hook{{From: "FORWARD", Match: chains.Rulef("-i %s", c.Inside)}},
			Rules: slices.Concat(c.strangers(family), c.neighbours(family), others(family))},
		{Table: "filter", Name: "NEEDWANT-STRAY", Rules: []chains.Rule{
			chains.Rulef("-j %s", watch.At(watch.Stray)), chains.Rulef("-j DROP"),
		}},
		{Table: "filter", Name: "NEEDWANT-HOME", Rules: []chains.Rule{
			chains.Rulef("-j %s", watch.At(watch.Home)),
			chains.Rulef("-p tcp -j REJECT --reject-with tcp-reset"),
			chains.Rulef("-j REJECT"),
		}},
	}
}

// strangers may answer from behind the gateway, as a Home Assistant there does,
// but begin nothing, unless they are named as controllers.
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

func others(family chains.Family) (rules []chains.Rule) {
	icmp := map[chains.Family]string{chains.IPv4: "icmp", chains.IPv6: "ipv6-icmp"}[family]
	for _, protocol := range []string{"tcp", "udp", icmp} {
		rules = append(rules, chains.Rulef("-p %s -j RETURN", protocol))
	}
	return append(rules, chains.Rulef("-j %s", watch.At(watch.Stray)))
}
