package gateway

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// redirect brings what the device asks the machine's resolver to ours, where the
// machine has one of its own, and lets it in there. All connections of the device
// are forgotten then: queries would go on to the other, and a connection that began
// before packets were counted would never be.
func (b *barrier) redirect(a addresses) error {
	if !b.config.Shared {
		return nil
	}
	layout := b.config.layout()
	for _, family := range chains.Families() {
		own := of(family, a.own)
		inside := of(family, a.inside)
		if len(own) == 0 || len(inside) == 0 {
			continue
		}
		if err := b.tables.Install(family, redirection(layout, family, own, inside[0])); err != nil {
			return fmt.Errorf("bringing the device's queries to our resolver: %w", err)
		}
	}
	return block.ForgetAll(b.tracked, layout.Address)
}

// redirection are the chains for it. Before a query is accepted the block is
// asked, which may concern the resolver.
func redirection(layout chains.Layout, family chains.Family, own []string, inside string) []chains.Chain {
	to := netip.AddrPortFrom(netip.MustParseAddr(inside), layout.Resolver)
	var rules []chains.Rule
	for _, protocol := range []string{"udp", "tcp"} {
		rules = append(rules, chains.Rulef("-d %s -p %s -j DNAT --to-destination %s", strings.Join(own, ","), protocol, to))
	}
	return []chains.Chain{
		{Table: "filter", Name: "NEEDWANT-IN", Hooks: layout.ToGateway(family), Rules: []chains.Rule{
			chains.Rulef("-j %s", block.Entrance), chains.Rulef("-j ACCEPT"),
		}},
		{Table: "nat", Name: "NEEDWANT-DNS", Hooks: layout.Queries(family), Rules: rules},
	}
}

// of are the addresses of one family that are good beyond one link, as iptables
// writes them.
func of(family chains.Family, addresses []netip.Addr) (texts []string) {
	for _, address := range addresses {
		if chains.FamilyOf(address) == family && !address.IsLinkLocalUnicast() {
			texts = append(texts, address.String())
		}
	}
	return texts
}
