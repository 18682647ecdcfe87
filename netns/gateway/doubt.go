package gateway

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// A block by name is as good as what is known of names. Where the device may have
// got round it, because a packet cannot be told to be its own, or an address to
// be whose, the window has a doubt, and the trial is not used.

// doubts are those of a window, and what they are drawn from.
type doubts struct {
	mutex   sync.Mutex
	said    []string
	home    map[string]bool     // who in the home network the device called
	bare    map[netip.Addr]bool // addresses without a name that were contacted while nothing was blocked
	private string              // a resolver that answered the device in private, since the gateway's start
	routers map[netip.Addr]watch.Router
	idle    bool // nothing is blocked
}

func newDoubts() *doubts {
	return &doubts{home: map[string]bool{}, bare: map[netip.Addr]bool{}, routers: map[netip.Addr]watch.Router{}, idle: true}
}

// The limits of what is recorded. One doubt is enough; beyond the other limits, the
// device or a stranger makes things up.
const (
	mostDoubts  = 5
	mostHome    = 256
	mostBare    = 65536
	mostRouters = 64
)

// put adds to a map that has a limit.
func put[K comparable, V any](all map[K]V, key K, value V, most int) {
	if _, known := all[key]; known || len(all) < most {
		all[key] = value
	}
}

// add records a doubt; "" is none.
func (d *doubts) add(text string) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if text != "" && len(d.said) < mostDoubts && !slices.Contains(d.said, text) {
		d.said = append(d.said, text)
	}
}

// stray records a packet from another hardware address than the device's: if the
// device has changed its own, it fails for that reason and not for what is blocked.
func (d *doubts) stray(p watch.Packet) {
	d.add(fmt.Sprintf("%s, which is not the device's hardware address, sent %s to %s, and was kept back", p.Hardware, p.Kind, p.Destination))
}

// keptFrom is told who in the home network the device called.
func (d *doubts) keptFrom(p watch.Packet) {
	name := fmt.Sprintf("%s/%d/%s", p.Protocol, p.Destination.Port(), p.Destination.Addr())
	if p.Protocol == "" {
		name = p.Destination.Addr().String()
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	put(d.home, name, true, mostHome)
}

// router is told of a stranger who offers the device a way of its own.
func (d *doubts) router(announced watch.Router) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	put(d.routers, announced.Address, announced, mostRouters)
}

// reset begins a window without doubts, behind one with these contacts. Idle says
// that nothing is blocked in it. What the device contacted while nothing was blocked
// is what it does anyway.
func (d *doubts) reset(contacts []harness.Contact, idle bool) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for _, contact := range contacts {
		if address, bare := contact.Destination.Address(); bare && d.idle {
			put(d.bare, address, true, mostBare)
		}
		d.notePrivate(contact)
	}
	d.said, d.home, d.idle = nil, map[string]bool{}, idle
}

func (d *doubts) notePrivate(contact harness.Contact) {
	if contact.Private != "" && contact.Answered {
		d.private = fmt.Sprintf("%s (%s)", contact.Destination, contact.Private)
	}
}

// homeHosts lists the services in the home network that the device called, and
// was kept from.
func (d *doubts) homeHosts() []string {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return slices.Sorted(maps.Keys(d.home))
}

// of lists what was doubtful in the window, given what the device
// contacted. With nothing blocked there is nothing to get round.
func (d *doubts) of(contacts []harness.Contact) []string {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.idle {
		return nil
	}
	all := slices.Clone(d.said)
	for _, router := range d.routers {
		if router.Lives() {
			all = append(all, fmt.Sprintf("%s announces itself as an IPv6 router on the device's link, by which the device may go past the gateway: switch that off there", router.Address))
		}
	}
	for _, contact := range contacts {
		d.notePrivate(contact)
	}
	if d.private == "" {
		return all
	}
	for _, contact := range contacts {
		if d.nobodys(contact) {
			all = append(all, fmt.Sprintf("it asked %s for names, and then reached %s, which no answer had named", d.private, contact.Destination))
		}
	}
	return all
}

// nobodys reports whether the device reached an address that may be anybody's: one
// without a name, that it does not contact anyway, and that is no resolver.
func (d *doubts) nobodys(contact harness.Contact) bool {
	address, bare := contact.Destination.Address()
	resolver := contact.Private != "" || contact.Destination.Port == names.Port
	return bare && contact.Answered && !resolver && !d.bare[address]
}
