package harness

import "slices"

// Fault is how a destination is blocked.
type Fault string

// The faults. The table in faultKinds says what each does.
const (
	Reject   Fault = "reject"
	Drop     Fault = "drop"
	NXDomain Fault = "nxdomain"
	Refused  Fault = "refused"
	Null     Fault = "null"
)

// faultKind is all that is said of a fault. Only how it is done is elsewhere: in
// package block, and in package resolver.
type faultKind struct {
	fault   Fault
	about   string // what becomes of the traffic, a few words
	gateway bool   // a gateway has it, which the device's packets cross
	byName  bool   // it decides how DNS queries for a name are answered, so that a resolver has it
}

// faultKinds lists what there is, the plainest first.
func faultKinds() []faultKind {
	return []faultKind{
		{Reject, "refused at once", true, false}, // TCP reset, ICMP administratively prohibited
		{Drop, "no answer", true, false},
		{NXDomain, "the name does not exist", true, true}, // a gateway rejects bare addresses
		{Refused, "DNS queries for the name refused", false, true},
		{Null, "the name answered with 0.0.0.0 and ::", false, true}, // as from a blocklist
	}
}

// Faults lists what there is.
func Faults() []Fault { return faultsThat(func(faultKind) bool { return true }) }

// GatewayFaults lists those that a gateway has, which the device's packets cross. The
// first is usual.
func GatewayFaults() []Fault { return faultsThat(func(k faultKind) bool { return k.gateway }) }

// ResolverFaults lists those that a resolver has. The first is usual.
func ResolverFaults() []Fault { return faultsThat(func(k faultKind) bool { return k.byName }) }

func faultsThat(want func(faultKind) bool) (faults []Fault) {
	for _, kind := range faultKinds() {
		if want(kind) {
			faults = append(faults, kind.fault)
		}
	}
	return faults
}

// ByName reports whether the fault blocks a name by how DNS queries for it are
// answered.
func (f Fault) ByName() bool { return f.kind().byName }

// About is the fault with what it does, for example "reject (refused at once)". One
// that is not known is its name alone.
func (f Fault) About() string {
	if about := f.kind().about; about != "" {
		return string(f) + " (" + about + ")"
	}
	return string(f)
}

func (f Fault) kind() faultKind {
	kinds := faultKinds()
	if i := slices.IndexFunc(kinds, func(k faultKind) bool { return k.fault == f }); i >= 0 {
		return kinds[i]
	}
	return faultKind{}
}
