package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/names"
)

// Questions to other resolvers are caught, except for shared tables: whatever the device sends to port 53
// is delivered to the gateway's own resolver, its address unchanged, so that the
// log, the block and the attribution see who it was meant for.

// caught is the bit that questions carry from one chain to the routes.
const caught = 0x04000000

// questionTable is the number of the routing table that delivers them here.
const questionTable = 20053

// catching marks what the device asks others than the gateway.
func catching(layout chains.Layout, family chains.Family, own []netip.Addr) chains.Chain {
	chain := chains.Chain{Table: "mangle", Name: "NEEDWANT-ASKED"}
	for _, protocol := range []string{"udp", "tcp"} {
		chain.Hooks = append(chain.Hooks, chains.Hook{From: "PREROUTING", Match: chains.Rulef("-i %s -p %s --dport %d", layout.Inside, protocol, names.Port)})
	}
	for _, address := range own {
		if chains.FamilyOf(address) == family {
			chain.Rules = append(chain.Rules, chains.Rulef("-d %s -j RETURN", address))
		}
	}
	chain.Rules = append(chain.Rules, chains.Rulef("-j MARK --set-xmark %s", caughtMark()))
	return chain
}

// questions are the hooks for what was caught, which is forwarded no more.
func questions(layout chains.Layout) []chains.Hook {
	if layout.Shared {
		return nil
	}
	return []chains.Hook{{From: "INPUT", Match: chains.Rulef("-i %s -m mark --mark %s", layout.Inside, caughtMark())}}
}

func caughtMark() string { return fmt.Sprintf("%#x/%#x", caught, caught) }

// catchQuestions gives marked packets a route to the gateway itself.
func (c Config) catchQuestions() error {
	if c.Shared { // see redirect
		return nil
	}
	handle := c.Namespace.Netlink()
	lo, err := handle.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("catching questions: %w", err)
	}
	everything := map[int]*net.IPNet{
		unix.AF_INET:  {IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)},
		unix.AF_INET6: {IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)},
	}
	for family, all := range everything {
		route := &netlink.Route{Dst: all, LinkIndex: lo.Attrs().Index, Type: unix.RTN_LOCAL, Scope: unix.RT_SCOPE_HOST, Table: questionTable}
		err := errors.Join(handle.RouteReplace(route), handle.RuleAdd(questionRule(family)))
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("catching questions: %w", err)
		}
	}
	return nil
}

func questionRule(family int) *netlink.Rule {
	rule := netlink.NewRule()
	rule.Family, rule.Table, rule.Mark = family, questionTable, caught
	mask := uint32(caught)
	rule.Mask = &mask
	return rule
}
