package block

import (
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// The chains of the block, all in filter.
const (
	Entrance = "NEEDWANT"
	RuleList = "NEEDWANT-RULES" // the driver's own
	drop     = "NEEDWANT-DROP"  // without an answer; what comes back from a blocked destination ends here under any fault
)

// Chains are those of one family, with the driver's rules in [RuleList].
func Chains(layout chains.Layout, family chains.Family, rules []chains.Rule) []chains.Chain {
	all := []chains.Chain{
		{Table: "filter", Name: Entrance, Hooks: hooks(layout, family),
			Rules: slices.Concat(layout.SparedOut(family), layout.SparedBack(family), []chains.Rule{chains.Rulef("-j %s", RuleList)}, forgotten(layout))},
		{Table: "filter", Name: RuleList, Rules: rules},
	}
	for _, t := range targets(layout, family) {
		logged := chains.Rulef("-j %s", watch.At(watch.Block))
		all = append(all, chains.Chain{Table: "filter", Name: t.chain, Rules: append([]chains.Rule{logged}, t.rules...)})
	}
	return all
}

// target is where what a fault blocks ends: a chain, which reports each packet first.
type target struct {
	fault harness.Fault
	chain string
	rules []chains.Rule
}

// targets are those of the faults that can be held by addresses and ports.
func targets(layout chains.Layout, family chains.Family) []target {
	prohibited := map[chains.Family]string{
		chains.IPv4: "icmp-admin-prohibited",
		chains.IPv6: "icmp6-adm-prohibited",
	}[family]
	return []target{
		{harness.Reject, "NEEDWANT-REJECT", []chains.Rule{
			chains.Rulef("-p tcp -j REJECT --reject-with tcp-reset"),
			chains.Rulef("-j REJECT --reject-with %s", prohibited),
		}},
		{harness.Drop, drop, []chains.Rule{
			// Nothing is established while it is dropped: this is a connection from before.
			chains.Rulef("-i %s -p tcp ! --syn -j REJECT --reject-with tcp-reset", layout.Inside),
			chains.Rulef("-j DROP"),
		}},
	}
}

// faults are those that can be held by addresses and ports.
func faults() (faults []harness.Fault) {
	for _, t := range targets(chains.Layout{}, chains.IPv4) {
		faults = append(faults, t.fault)
	}
	return faults
}

// Target is the chain where the device's packets go under a fault.
func Target(fault harness.Fault) string {
	all := targets(chains.Layout{}, chains.IPv4)
	if i := slices.IndexFunc(all, func(t target) bool { return t.fault == fault }); i >= 0 {
		return all[i].chain
	}
	return all[0].chain
}

// hooks let everything forwarded in, what the device sends to the gateway, and
// what arrives for the gateway that no connection of its own explains. Answers
// to the gateway itself pass: its resolver may be one that is blocked for the
// device. In shared tables what arrives for the machine is not ours to judge, but
// for the queries to our resolver, which a rule that lets them in sends here first.
func hooks(layout chains.Layout, family chains.Family) []chains.Hook {
	if layout.Shared {
		return layout.Forwarded(family)
	}
	return slices.Concat(layout.Forwarded(family), layout.ToGateway(family), []chains.Hook{
		{From: "INPUT", Match: chains.Rulef("-i %s -m conntrack ! --ctstate ESTABLISHED,RELATED", layout.Uplink)},
	})
}

// forgotten refuses a stream whose beginning nobody remembers, so that a device
// whose name was blocked, or that was stalled by a block which is over, begins a
// new one. In shared tables streams from before the gateway go on.
func forgotten(layout chains.Layout) []chains.Rule {
	if layout.Shared {
		return nil
	}
	return []chains.Rule{chains.Rulef("-i %s -p tcp ! --syn -m conntrack --ctstate NEW -j REJECT --reject-with tcp-reset", layout.Inside)}
}
