package lab

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/internal/yamlfile"
	"github.com/needwant/needwant/scenarios/miio"
)

// defaultToken is the miIO token of a world that names none.
const defaultToken = "00112233445566778899aabbccddeeff"

func usualTempo() Tempo {
	return Tempo{Contact: 200 * time.Millisecond, Patience: 3, Poll: 400 * time.Millisecond}
}

// fillIn gives the world what its text leaves out, and names one spelling.
func (w *World) fillIn() {
	setDefault(&w.Device.Token, defaultToken)
	setDefault(&w.Failure, Silent)
	if len(w.Scenarios) == 0 {
		w.Scenarios = []string{NativeApp, HomeAssistant}
	}
	destinations := maps.Clone(w.Destinations)
	for id, destination := range destinations {
		destination.Host = strings.ToLower(strings.TrimSuffix(destination.Host, "."))
		setDefault(&destination.When, Always)
		destinations[id] = destination
	}
	w.Destinations = destinations
}

func setDefault[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// check finds the first flaw of a world that has been filled in.
func (w World) check() *flaw {
	for _, check := range []func() *flaw{
		w.checkHead, w.checkDevice, w.checkTempo, w.checkNoise, w.checkDestinations,
		w.checkNames, w.checkAfter, w.checkFunctions, w.checkAssistant, w.checkScenarios, w.checkWatch, w.checkMonotone,
	} {
		if flaw := check(); flaw != nil {
			return flaw
		}
	}
	return nil
}

func (w World) checkHead() *flaw {
	switch {
	case w.APIVersion != "needwant/v1":
		return flawAt(keys("apiVersion"), "write apiVersion: needwant/v1", "apiVersion is %q", w.APIVersion)
	case w.Kind != "World":
		return flawAt(keys("kind"), "write kind: World", "kind is %q", w.Kind)
	case !namePattern.MatchString(w.Name):
		return flawAt(keys("name"), "write letters, digits, dots, dashes and underscores", "%q is not a name", w.Name)
	case !slices.Contains([]Failure{Silent, WithError, Mute}, w.Failure):
		return flawAt(keys("failure"), suggest(string(w.Failure), []string{"silent", "error", "mute"}), "unknown failure %q", w.Failure)
	}
	return nil
}

func (w World) checkDevice() *flaw {
	if w.Device.Model == "" {
		return flawAt(keys("device", "model"), "write model: roborock.vacuum.s5, for example", "the device has no model")
	}
	if len(w.Device.Model)+len(w.Device.Firmware) > 200 {
		return flawAt(keys("device", "model"), "shorten it", "model and firmware do not fit into one miIO answer")
	}
	if _, err := miio.ParseToken(w.Device.Token); err != nil {
		return flawAt(keys("device", "token"), "write 32 hexadecimal digits, in quotes", "the token is not good")
	}
	if resolver := w.Device.Resolver; resolver.IsValid() {
		if why := unusable(resolver); why != "" {
			return flawAt(keys("device", "resolver"), "leave it out to ask the gateway", "%s %s", resolver, why)
		}
	}
	return nil
}

func (w World) checkTempo() *flaw {
	usual := func(duration time.Duration) bool {
		return duration >= 10*time.Millisecond && duration <= 10*time.Minute
	}
	if !usual(w.Tempo.Contact) {
		return flawAt(keys("tempo", "contact"), "write a time from 10ms to 10m", "contact is %s", span.Typed(w.Tempo.Contact))
	}
	if !usual(w.Tempo.Poll) {
		return flawAt(keys("tempo", "poll"), "write a time from 10ms to 10m", "poll is %s", span.Typed(w.Tempo.Poll))
	}
	if w.Tempo.Patience < 1 || w.Tempo.Patience > 100 {
		return flawAt(keys("tempo", "patience"), "write a number from 1 to 100", "patience is %d", w.Tempo.Patience)
	}
	return nil
}

func (w World) checkNoise() *flaw {
	for _, chance := range []struct {
		path  []string
		value float64
	}{{keys("noise", "deaf"), w.Noise.Deaf}, {keys("noise", "spell", "chance"), w.Noise.Spell.Chance}} {
		if !(chance.value >= 0 && chance.value <= 1) {
			return flawAt(chance.path, "write a number from 0 to 1", "%v is not a probability", chance.value)
		}
	}
	if spell := w.Noise.Spell; spell.Chance > 0 && (spell.Every < 10*time.Millisecond || spell.For <= 0) {
		return flawAt(keys("noise", "spell"), "write {chance: 0.1, every: 2s, for: 2s}", "a spell needs every (10ms at least) and for")
	}
	if w.Duty.Up > 0 && w.Duty.Down == 0 {
		return flawAt(keys("duty"), "write how long it is down, or leave duty out", "with nothing in down, no function would ever fail")
	}
	return nil
}

func (w World) checkDestinations() *flaw {
	if len(w.Destinations) == 0 {
		return flawAt(keys("destinations"), "write at least one", "the device contacts nothing")
	}
	for _, id := range w.IDs() {
		at := func(key ...string) []string { return append(keys("destinations", id), key...) }
		if !idPattern.MatchString(id) || id == "true" || id == "false" {
			return flawAt(at(), "begin with a letter; go on with letters, digits, _ - and .", "%q is not an id", id)
		}
		if flaw := w.Destinations[id].check(at); flaw != nil {
			return flaw
		}
	}
	return nil
}

func (d Destination) check(at func(key ...string) []string) *flaw {
	switch {
	case !slices.Contains(protocolNames(), d.Protocol):
		return flawAt(at("protocol"), "write tcp, udp or icmp", "protocol is %q", d.Protocol)
	case d.Protocol == ICMP && d.Port != 0:
		return flawAt(at("port"), "leave it out", "icmp has no port")
	case d.Protocol != ICMP && d.Port == 0:
		return flawAt(at("port"), "write a number from 1 to 65535", "there is no port")
	case d.Host != "" && !goodHost(d.Host):
		return flawAt(at("host"), "write a name such as time.example.net; for a bare address leave host out", "%q is not a host name", d.Host)
	case len(d.Addresses) == 0:
		return flawAt(at("addresses"), "write addresses: [192.0.2.1]", "there are no addresses")
	case d.Host == "" && len(d.Addresses) > 1:
		return flawAt(at("addresses"), "make each address a destination of its own, or give a host", "without a host there can be only one address")
	case d.ttl()%time.Second != 0:
		return flawAt(at("ttl"), "DNS counts in whole seconds; 0s means not to keep it at all", "ttl is %s", span.Typed(d.ttl()))
	case d.Rotate != 0 && (d.Host == "" || d.Rotate < 10*time.Millisecond):
		return flawAt(at("rotate"), "give a host, and 10ms at least", "rotate is %s", span.Typed(d.Rotate))
	}
	if flaw := cmp.Or(d.checkHangs(at), d.checkContent(at)); flaw != nil {
		return flaw
	}
	return d.checkAddresses(at)
}

// checkContent refuses stand-ins that cannot answer for the destination.
func (d Destination) checkContent(at func(key ...string) []string) *flaw {
	if d.Content == nil {
		return nil
	}
	can := map[string]string{"udp/123": ownTime, "udp/8053": ownCloud, "tcp/80": ownProbe, "tcp/443": anyTLS}[fmt.Sprintf("%s/%d", d.Protocol, d.Port)]
	switch {
	case can == "" && d.Protocol == "tcp" && d.Port != 53:
		can = openLine
	case can == "":
		return flawAt(at("content_with"), "leave it out", "only udp/123, udp/8053 and tcp have it")
	case can == ownCloud && len(*d.Content) == 0:
		return flawAt(at("content_with"), "leave it out", "the device has no other way to know the cloud")
	}
	for i, kind := range *d.Content {
		if kind != can || i > 0 {
			return flawAt(at("content_with", strconv.Itoa(i)), "write ["+can+"] or []", "%q cannot answer for %s/%d, or is given twice", kind, d.Protocol, d.Port)
		}
	}
	return nil
}

// checkHangs refuses what a client cannot hang on, and a rest in the past.
func (d Destination) checkHangs(at func(key ...string) []string) *flaw {
	if d.Sticks < 0 {
		return flawAt(at("sticks"), "write a time, or leave it out", "sticks is %s", span.Typed(d.Sticks))
	}
	for i, hang := range d.Hangs {
		place := at("hangs", strconv.Itoa(i))
		switch {
		case !slices.Contains(hangNames(), string(hang)):
			return flawAt(place, suggest(string(hang), hangNames()), "unknown hang %q", hang)
		case slices.Contains(d.Hangs[:i], hang):
			return flawAt(place, "leave one out", "%s is given twice", hang)
		case hang == OnNoName && d.Host == "":
			return flawAt(place, "give a host, or leave it out", "without a host there is no name that might not exist")
		}
	}
	return nil
}

func (d Destination) checkAddresses(at func(key ...string) []string) *flaw {
	for i, address := range d.Addresses {
		place := at("addresses", strconv.Itoa(i))
		if why := unusable(address); why != "" {
			return flawAt(place, "take one of 192.0.2.0/24 or 2001:db8::/32, or the real one", "%s %s", address, why)
		}
		if slices.Contains(d.Addresses[:i], address) {
			return flawAt(place, "leave one out", "%s is given twice", address)
		}
	}
	return nil
}

// checkNames refuses what the gateway could not tell apart. Two names may share
// an address and a port, as on shared hosting; a name and a bare address may not.
func (w World) checkNames() *flaw {
	byID, byHost, byPlace := map[string]string{}, map[string]string{}, map[place]string{}
	for _, id := range w.IDs() {
		d := w.Destinations[id]
		if other, taken := byID[d.ID()]; taken {
			return flawAt(keys("destinations", id), "leave one out", "%s is also destination %q", d.ID(), other)
		}
		byID[d.ID()] = id
		if other, taken := byHost[d.Host]; d.Host != "" && taken && !d.sameAnswer(w.Destinations[other]) {
			return flawAt(keys("destinations", id, "addresses"), "a name has one answer: give both the same addresses, rotate and ttl", "%s has other addresses in %q", d.Host, other)
		}
		byHost[d.Host] = id
		for i, address := range d.Addresses {
			at := place{d.Protocol, d.Port, address}
			if other, taken := byPlace[at]; taken && (d.Host == "" || w.Destinations[other].Host == "") {
				return flawAt(keys("destinations", id, "addresses", strconv.Itoa(i)), "give one of them another address or port", "%s/%d/%s is also contacted as %q", d.Protocol, d.Port, address, other)
			}
			byPlace[at] = id
		}
	}
	other := byPlace[place{"udp", 53, w.Device.Resolver}]
	if w.Destinations[other].Host != "" {
		return flawAt(keys("device", "resolver"), "let the device ask another address", "%s is also contacted as %q", w.Device.Resolver, other)
	}
	return nil
}

// place is where packets go.
type place struct {
	protocol string
	port     uint16
	address  netip.Addr
}

func (d Destination) sameAnswer(other Destination) bool {
	mine, theirs := slices.Clone(d.Addresses), slices.Clone(other.Addresses)
	slices.SortFunc(mine, netip.Addr.Compare)
	slices.SortFunc(theirs, netip.Addr.Compare)
	return slices.Equal(mine, theirs) && d.Rotate == other.Rotate && d.ttl() == other.ttl()
}

var (
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	idPattern    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)
	labelPattern = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`) // of a host's name
)

// goodHost follows RFC 1123, and allows the underscore that real names have.
func goodHost(host string) bool {
	if len(host) > 253 {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	for part := range strings.SplitSeq(host, ".") {
		if !labelPattern.MatchString(part) {
			return false
		}
	}
	return true
}

// Error says what is wrong with a world, where, and what to do about it.
type Error = yamlfile.Error

// flaw is something wrong with a world's meaning, by the keys that lead to it.
type flaw = yamlfile.Flaw

func flawAt(path []string, remedy, format string, values ...any) *flaw {
	return yamlfile.FlawAt(path, remedy, format, values...)
}

// keys is a path of keys.
func keys(steps ...string) []string { return steps }
