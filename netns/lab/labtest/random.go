package labtest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/needwant/needwant/netns/lab"
)

// Random makes a world from a seed: names, addresses of both families, kinds,
// order and formulas are drawn, so that nothing about it can be known
// beforehand. Its functions work while nothing is blocked, and blocking more
// never repairs one. The same seed gives the same world.
func Random(seed uint64) lab.World {
	draw := &lottery{Rand: rand.New(rand.NewPCG(seed, 1))}
	for {
		world, err := Make(draw.world(seed))
		if err == nil && worksUnblocked(world) {
			return world
		}
	}
}

// worksUnblocked reports whether the steady device does everything while nothing
// is blocked.
func worksUnblocked(w lab.World) bool {
	return !slices.ContainsFunc([]string{lab.Info, lab.Status, lab.Control, lab.Remote}, func(function string) bool {
		works, err := Works(w, function, Steady)
		return err != nil || !works
	})
}

// lottery draws the parts of a world.
type lottery struct {
	*rand.Rand
	ids   []string
	drawn map[netip.Addr]bool
}

func (l *lottery) world(seed uint64) lab.World {
	l.ids, l.drawn = l.words(4+l.IntN(6)), map[netip.Addr]bool{}
	world := lab.World{
		APIVersion:   "needwant/v1",
		Kind:         "World",
		Name:         fmt.Sprintf("random-%d", seed),
		Device:       lab.Device{Model: "random.device.v1"},
		Tempo:        lab.Tempo{Contact: 60 * time.Millisecond, Patience: 3, Poll: 150 * time.Millisecond},
		Destinations: map[string]lab.Destination{},
	}
	for _, id := range l.ids {
		world.Destinations[id] = l.destination()
	}
	if l.IntN(3) == 0 {
		l.fallback(world)
	}
	world.Functions = lab.Functions{Status: l.expression(), Control: l.expression()}
	return world
}

// words draws different words of two to four syllables.
func (l *lottery) words(count int) []string {
	var words []string
	for len(words) < count {
		var word strings.Builder
		for range 2 + l.IntN(3) {
			word.WriteString(l.one("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu"))
		}
		if !slices.Contains(words, word.String()) {
			words = append(words, word.String())
		}
	}
	return words
}

func (l *lottery) one(choices ...string) string { return choices[l.IntN(len(choices))] }

func (l *lottery) destination() lab.Destination {
	d := lab.Destination{Protocol: "udp", Addresses: []netip.Addr{l.address()}}
	if l.IntN(5) > 0 {
		d.Host = strings.Join(l.words(1+l.IntN(3)), ".") + "." + l.one("example", "test", "invalid")
		if l.IntN(3) == 0 {
			d.Addresses = append(d.Addresses, l.address())
		}
	}
	switch l.IntN(7) {
	case 0, 1:
		d.Protocol, d.Port = "tcp", 443
	case 2:
		d.Port = 123
	case 3:
		d.Port = 8053
	case 4:
		d.Protocol, d.Port = "tcp", uint16(1024+l.IntN(60000))
	case 5:
		d.Port = uint16(1024 + l.IntN(60000))
	case 6:
		d.Protocol, d.Port = "tcp", 8883
	}
	return d
}

// address draws one that was not drawn for this world yet.
func (l *lottery) address() netip.Addr {
	for {
		if address := l.anyAddress(); !l.drawn[address] {
			l.drawn[address] = true
			return address
		}
	}
}

// anyAddress draws from the ranges for documentation, RFC 5737 and RFC 3849.
func (l *lottery) anyAddress() netip.Addr {
	if l.IntN(3) == 0 {
		return netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::%x", 0x100+l.IntN(0xfff), 1+l.IntN(0xfff)))
	}
	return netip.MustParseAddr(fmt.Sprintf("%s.%d", l.one("192.0.2", "198.51.100", "203.0.113"), 1+l.IntN(254)))
}

// fallback lets one destination wait for another.
func (l *lottery) fallback(w lab.World) {
	order := l.Perm(len(l.ids))
	spare := w.Destinations[l.ids[order[0]]]
	spare.After = []string{l.ids[order[1]]}
	w.Destinations[l.ids[order[0]]] = spare
}

// expression draws a conjunction of single destinations and of groups.
func (l *lottery) expression() lab.Expression {
	if l.IntN(4) == 0 {
		return "true"
	}
	left := slices.Clone(l.ids)
	l.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	take := func(count int) []string {
		count = min(count, len(left))
		taken := left[:count]
		left = left[count:]
		return taken
	}
	var terms []string
	for range 1 + l.IntN(3) {
		if group := l.group(take); group != "" {
			terms = append(terms, group)
		}
	}
	return lab.Expression(strings.Join(terms, " && "))
}

// group draws one destination, several of which one will do, or one that a
// pair can stand in for.
func (l *lottery) group(take func(count int) []string) string {
	switch l.IntN(4) {
	case 0:
		return strings.Join(take(1), "")
	case 1:
		if ids := take(3); len(ids) == 3 {
			return fmt.Sprintf("(%s || %s && %s)", ids[0], ids[1], ids[2])
		}
		return ""
	}
	ids := take(2 + l.IntN(3))
	if len(ids) == 0 {
		return ""
	}
	return "(" + strings.Join(ids, " || ") + ")"
}
