package gateway

import (
	"fmt"
	"net/netip"

	"github.com/needwant/needwant/netns/gateway/chains"
)

// Forward leads from a port of the gateway's own address in the home network to
// the device, for controllers that have no route to it.
type Forward struct {
	Protocol string         // "tcp" or "udp"
	Port     uint16         // of the gateway
	To       netip.AddrPort // of the device, over IPv4
}

func (f Forward) validate() error {
	if (f.Protocol != "tcp" && f.Protocol != "udp") || f.Port == 0 || !f.To.IsValid() || !f.To.Addr().Is4() {
		return fmt.Errorf("%s/%d cannot be handed on to %s: it takes a port of tcp or udp, and an address over IPv4", f.Protocol, f.Port, f.To)
	}
	return nil
}

// forwards leads what comes to the gateway's ports to the device.
func forwards(layout chains.Layout, ports []Forward) chains.Chain {
	chain := chains.Chain{Table: "nat", Name: "NEEDWANT-FORWARD", Hooks: []chains.Hook{{From: "PREROUTING", Match: chains.Rulef("-i %s -m addrtype --dst-type LOCAL", layout.Uplink)}}}
	for _, f := range ports {
		chain.Rules = append(chain.Rules, chains.Rulef("-p %s --dport %d -j DNAT --to-destination %s", f.Protocol, f.Port, f.To))
	}
	return chain
}
