package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// StandIn is a kind of service that the gateway can offer instead of a destination.
type StandIn string

// The stand-ins. The table in standInKinds says what each answers for.
const (
	TimeServer StandIn = "ntp"
	Resolver   StandIn = "dns"
	ProbePages StandIn = "probe"
	EchoReply  StandIn = "icmp"
	ForeignTLS StandIn = "tls"
	SilentTCP  StandIn = "tcp"
	MiIOCloud  StandIn = "miio-cloud"
)

// standInKind is all that is said of a stand-in. Only how it answers is elsewhere: in
// package standin.
type standInKind struct {
	standIn StandIn
	own     string // what its owner would have at home instead
	asked   bool   // it is used only if it is asked for by name
	answers func(Destination) bool
}

// standInKinds lists what there is. No destination has two.
func standInKinds() []standInKind {
	return []standInKind{
		{TimeServer, "your own time server", false, func(d Destination) bool { return d.Protocol == UDP && d.Port == 123 }},
		{Resolver, "your own DNS server", false, func(d Destination) bool {
			return (d.Protocol == UDP || d.Protocol == TCP) && d.Port == 53 && d.Host() == ""
		}},
		{ProbePages, "your own page for connectivity checks", false, func(d Destination) bool { return d.Protocol == TCP && d.Port == 80 }},
		{EchoReply, "your own answer to pings", false, func(d Destination) bool { return d.Protocol == ICMP }},
		{ForeignTLS, "your own TLS server", true, func(d Destination) bool { return d.Protocol == TCP && d.Port == 443 }},
		{SilentTCP, "your own silent server", true, func(d Destination) bool {
			return d.Protocol == TCP && !d.EveryPort() && !slices.Contains([]uint16{53, 80, 443}, d.Port)
		}},
		{MiIOCloud, "your own keep-alives of the miIO cloud", true, func(d Destination) bool { return d.Protocol == UDP && d.Port == 8053 }},
	}
}

// NamedStandIns lists those that must be asked for by name.
func NamedStandIns() []StandIn {
	return slices.DeleteFunc(AllStandIns(), func(s StandIn) bool { return slices.Contains(StandIns(), s) })
}

// AllStandIns lists what there is.
func AllStandIns() (all []StandIn) {
	for _, kind := range standInKinds() {
		all = append(all, kind.standIn)
	}
	return all
}

// StandIns lists those that need not be asked for by name.
func StandIns() (usual []StandIn) {
	for _, kind := range standInKinds() {
		if !kind.asked {
			usual = append(usual, kind.standIn)
		}
	}
	return usual
}

// ParseStandIn reads the name of a stand-in.
func ParseStandIn(text string) (StandIn, error) {
	if slices.Contains(AllStandIns(), StandIn(text)) {
		return StandIn(text), nil
	}
	var names []string
	for _, kind := range AllStandIns() {
		names = append(names, string(kind))
	}
	return "", fmt.Errorf("%q is not a stand-in: write %s", text, strings.Join(names, ", "))
}

// Own is what a device's owner would have at home instead, e.g. "your own time server".
func (s StandIn) Own() string {
	for _, kind := range standInKinds() {
		if kind.standIn == s {
			return kind.own
		}
	}
	return string(s)
}

// AnswersFor reports whether the stand-in can answer instead of a destination.
func (s StandIn) AnswersFor(d Destination) bool {
	return slices.ContainsFunc(standInKinds(), func(k standInKind) bool { return k.standIn == s && k.answers(d) })
}

// StandInsFor finds which of some stand-ins can answer for which destinations. It is nil
// if there are none.
func StandInsFor(destinations []Destination, allowed []StandIn) (found map[Destination]StandIn) {
	for _, d := range destinations {
		for _, s := range allowed {
			if !s.AnswersFor(d) {
				continue
			}
			if found == nil {
				found = map[Destination]StandIn{}
			}
			found[d] = s
		}
	}
	return found
}

// BlockOn blocks on a gateway what the trial blocks, with its stand-ins. The error says if
// the gateway cannot stand in.
func (t Trial) BlockOn(ctx context.Context, gateway Gateway) error {
	if len(t.StandIns) == 0 {
		return gateway.Block(ctx, t.Block, t.Fault)
	}
	standing, can := gateway.(StandInGateway)
	if !can {
		return errors.New("this placement has no stand-ins: leave out --stand-ins")
	}
	return standing.BlockWith(ctx, t.Block, t.Fault, t.StandIns, t.Ways)
}

// StoodIn is what a stand-in answered instead of a destination.
type StoodIn struct {
	Destination Destination `json:"destination"`
	Kind        StandIn     `json:"kind"`
	Answers     int         `json:"answers"`
	By          Way         `json:"by,omitempty"`    // how the device came there; "" by redirection
	Doubt       string      `json:"doubt,omitempty"` // why its answers prove nothing, e.g. that the clock of the gateway is wrong; "" if they do
}

// brokenStandIn says which stand-in of a window proves nothing, and why; "" if there is none.
func brokenStandIn(seen Observation) string {
	for _, stood := range seen.StoodIn {
		if stood.Doubt != "" {
			return fmt.Sprintf("the stand-in %q is broken: %s", stood.Kind, stood.Doubt)
		}
	}
	return ""
}

// CheckStandIns finds what keeps stand-ins from answering for what a trial blocks.
func CheckStandIns(standIns map[Destination]StandIn, block []Destination) error {
	for _, d := range slices.SortedFunc(maps.Keys(standIns), Destination.Compare) {
		if kind := standIns[d]; !kind.AnswersFor(d) {
			return fmt.Errorf("the stand-in %q cannot answer for %s", kind, d)
		}
		if !slices.Contains(block, d) {
			return fmt.Errorf("a stand-in for %s answers only while that is blocked, and it is not", d)
		}
	}
	return nil
}
