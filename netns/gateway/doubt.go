package gateway

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// A block by name is as good as what is known of names. Where the device may have
// got round it, because a packet cannot be told to be its own, or an address to
// be whose, the window has a doubt, and the trial is not used.

// doubts are those of a window, and what they are drawn from.
type doubts struct {
	said    []string
	home    map[string]bool     // whom in the home network the device called
	bare    map[netip.Addr]bool // addresses without a name that were contacted while nothing was blocked
	private string              // a resolver that answered the device in private, since the gateway's start
}

// mostDoubts bounds what is said: one is enough.
const mostDoubts = 5

func (g *Gateway) doubt(text string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if len(g.doubts.said) < mostDoubts && !slices.Contains(g.doubts.said, text) {
		g.doubts.said = append(g.doubts.said, text)
	}
}

// stray is told of packets that the block cannot judge.
func (g *Gateway) stray(p watch.Packet) {
	if p.Protocol != "" {
		g.doubt(fmt.Sprintf("%s, which is not the device's hardware address, sent to %s, and was kept back", p.Hardware, p.Destination))
		return
	}
	g.doubt(fmt.Sprintf("the device sent %s to %s, in which nobody can look", p.Kind, p.Destination.Addr()))
}

// keptFrom is told whom in the home network the device called.
func (g *Gateway) keptFrom(p watch.Packet) {
	name := fmt.Sprintf("%s/%d/%s", p.Protocol, p.Destination.Port(), p.Destination.Addr())
	if p.Protocol == "" {
		name = p.Destination.Addr().String()
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.doubts.home[name] = true
}

// router is told of a stranger who offers the device a way of its own.
func (g *Gateway) router(announced watch.Router) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.routers[announced.Address] = announced
}

// reset begins a window without doubts. What the device contacted while nothing
// was blocked is what it does anyway.
func (g *Gateway) reset() {
	contacts := g.ledger.Contacts()
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for _, contact := range contacts {
		if address, bare := contact.Destination.Address(); bare && g.idle {
			g.doubts.bare[address] = true
		}
		g.notePrivate(contact)
	}
	g.doubts.said, g.doubts.home = nil, map[string]bool{}
	g.idle = len(g.barred.byAddress)+len(g.barred.byName) == 0 && g.confined == nil
}

func (g *Gateway) notePrivate(contact harness.Contact) {
	d := contact.Destination
	if way := names.Private(d.Protocol, d.Port, d.Name, g.addressesFor(d)); way != "" && contact.Answered {
		g.doubts.private = fmt.Sprintf("%s (%s)", d, way)
	}
}

// doubtful lists what was doubtful in the window, given what the device
// contacted. With nothing blocked there is nothing to get round.
func (g *Gateway) doubtful(contacts []harness.Contact) []string {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.idle {
		return nil
	}
	all := slices.Clone(g.doubts.said)
	for _, router := range g.routers {
		if router.Lives() {
			all = append(all, fmt.Sprintf("%s announces itself as an IPv6 router on the device's link, by which the device may go past the gateway: switch that off there", router.Address))
		}
	}
	for _, contact := range contacts {
		g.notePrivate(contact)
	}
	if g.doubts.private == "" {
		return all
	}
	for _, contact := range contacts {
		if g.nobodys(contact) {
			all = append(all, fmt.Sprintf("it asked %s for names, and then reached %s, which no answer had named", g.doubts.private, contact.Destination))
		}
	}
	return all
}

// nobodys tells whether the device reached an address that may be anybody's: one
// without a name, that it does not contact anyway, and that is no resolver.
func (g *Gateway) nobodys(contact harness.Contact) bool {
	address, bare := contact.Destination.Address()
	resolver := contact.Private != "" || contact.Destination.Port == names.Port
	return bare && contact.Answered && !resolver && !g.doubts.bare[address]
}
