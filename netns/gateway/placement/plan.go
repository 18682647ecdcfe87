package placement

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/guard"
	"github.com/needwant/needwant/netns/gateway/radio"
)

// Plan is what has to be done to put a gateway in its place.
type Plan struct {
	config Config
	steps  []step
}

// step is one thing to do.
type step struct {
	what    string
	machine bool     // it changes the machine outside of the gateway's namespace
	makes   []string // links
	do      func(ctx context.Context, placed *Placed) error
}

// New plans a placement. Only the names of the interfaces are looked at yet.
func New(config Config) (*Plan, error) {
	if !config.Address.IsValid() {
		config.Address = usualAddress
	}
	if config.Tell == nil {
		config.Tell = func(string) {}
	}
	config, err := config.named()
	if err != nil {
		return nil, err
	}
	if err := config.validate(); err != nil {
		return nil, err
	}
	p := &Plan{config: config}
	if config.Kind == Host {
		p.steps = p.host()
		return p, nil
	}
	p.steps = append(p.inside(), p.rest()...)
	return p, nil
}

// inside lists the steps up to the link to the device. The guardian comes before
// anything is borrowed, and the link that is moved before all that could take
// its number.
func (p *Plan) inside() []step {
	c := p.config
	if c.Kind == OneArm {
		return []step{
			{what: fmt.Sprintf("make a network namespace without a name, and a journal in %s", c.Folder), do: p.begin},
			{what: "start a guardian, which takes our links away if this program dies", do: p.watch},
			{what: fmt.Sprintf("add a link to the device on %s, by macvlan, as %s", c.Uplink, c.insideMAC()), machine: true, makes: []string{insideName}, do: p.addInside},
		}
	}
	if c.Kind == AP {
		return []step{
			{what: fmt.Sprintf("make a network namespace without a name, and note in %s how %s is now", c.Folder, c.Inside), do: p.begin},
			{what: "start a guardian, which hands " + c.Inside + " back if this program dies", do: p.watch},
			{what: "move the radio of " + c.Inside + ", and the link with it, into the namespace", machine: true, do: p.moveRadio},
		}
	}
	if c.Kind == VLAN {
		return []step{
			{what: fmt.Sprintf("make a network namespace without a name, and a journal in %s", c.Folder), do: p.begin},
			{what: "start a guardian, which takes our links away if this program dies", do: p.watch},
			{what: fmt.Sprintf("add a link to the device in the namespace, for VLAN %d of %s", c.VLAN, c.Inside), machine: true, makes: []string{insideName}, do: p.addVLAN},
		}
	}
	return []step{
		{what: fmt.Sprintf("make a network namespace without a name, and note in %s how %s is now", c.Folder, c.Inside), do: p.begin},
		{what: "start a guardian, which hands " + c.Inside + " back if this program dies", do: p.watch},
		{what: "move " + c.Inside + " into the namespace", machine: true, do: p.borrow},
	}
}

// rest lists the steps that follow.
func (p *Plan) rest() []step {
	c := p.config
	cable, machine, _ := c.cable()
	steps := []step{{what: fmt.Sprintf("give it the address %s/%d there, and shut IPv6 on it", c.router(), c.network().Bits()), do: p.furnishInside}}
	if c.Kind == AP {
		steps = append(steps, step{what: fmt.Sprintf("open the Wi-Fi %q there, on channel %d, by %s, for %s alone", c.SSID, radio.Channel, radio.Program, c.MAC), do: p.openWiFi})
	}
	return append(steps, []step{
		{what: fmt.Sprintf("add a link of the namespace's own on %s, for the home network, by macvlan, as %s", c.Uplink, c.ownMAC()), machine: true, makes: []string{uplinkName}, do: p.addUplink},
		{what: p.uplinkAddress(), do: p.furnishUplink},
		{what: fmt.Sprintf("lay a cable for the machine's own programs: link %s with %s, and a route to %s", cable, machine, c.network()), machine: true, makes: []string{cable}, do: p.layCable},
		{what: fmt.Sprintf("answer DHCP there for %s: address %s, router and resolver %s", p.client(), c.Address, c.router()), do: p.serveDHCP},
	}...)
}

func (p *Plan) uplinkAddress() string {
	if p.config.Own.IsValid() {
		return fmt.Sprintf("give it the address %s, and the router %s", p.config.Own, p.config.Router)
	}
	return "ask the home router for an address for it, by DHCP"
}

func (p *Plan) client() string {
	if p.config.MAC == nil {
		return "the first client that asks, and no other"
	}
	return p.config.MAC.String() + " alone"
}

// Steps tells in words what would be done, in order, and which steps change the
// machine outside of the gateway's namespace.
func (p *Plan) Steps() []string {
	words := []string{fmt.Sprintf("lock %s for this program, in %s", strings.Join(p.config.locks().Alone, " and "), p.config.Folder)}
	for _, step := range p.steps {
		what := step.what
		if step.machine {
			what += "  (changes the machine)"
		}
		words = append(words, what)
	}
	return words
}

// Work tells in words what a gateway does in its place, and then this program.
func (p *Plan) Work() []string {
	if p.config.Kind == Host {
		return []string{
			fmt.Sprintf("write chains NEEDWANT* into the tables of iptables, and jumps to them that only packets of %s take, at %s, on %s: a packet log, the block; "+
				"nothing of others' is touched  (changes the machine)", p.config.MAC, p.config.Address, p.config.Inside),
			fmt.Sprintf("keep a set filled that these depend on: %.0f s after this program has died the kernel empties it  (changes the machine)", block.PulseLasts.Seconds()),
			"wait for the device, then block sets of its destinations",
			"undo all this, from the last to the first",
		}
	}
	return []string{
		"make the namespace a gateway: forwarding, address translation, a packet log, a resolver, chains NEEDWANT* of iptables, all within it",
		"wait for the device, then block sets of its destinations, within the namespace",
		"undo all this, from the last to the first",
	}
}

// Do carries the plan out. When it fails all that was done is undone. What an
// earlier program left behind is put back first.
func (p *Plan) Do(ctx context.Context) (*Placed, error) {
	if p.config.Kind == AP {
		if err := radio.ValidatePassphrase(p.config.Passphrase); err != nil {
			return nil, err
		}
	}
	lock, err := guard.TakeAll(ctx, p.config.Folder, p.config.locks())
	if err != nil {
		return nil, err
	}
	placed := &Placed{plan: p, lock: lock}
	if err := p.carryOut(ctx, placed); err != nil {
		return nil, placed.closeAfter(err)
	}
	return placed, nil
}

func (p *Plan) carryOut(ctx context.Context, placed *Placed) error {
	if err := p.tidy(); err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return err
	}
	for i, step := range p.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		text := fmt.Sprintf("step %d: %s", i+2, step.what) // the first is to lock
		p.config.Tell(text)
		if step.machine {
			if err := placed.journal.Note(text, step.makes...); err != nil {
				return err
			}
		}
		if err := step.do(ctx, placed); err != nil {
			return err
		}
	}
	return nil
}

// tidy puts back what an earlier program has borrowed of what is to be borrowed
// now.
func (p *Plan) tidy() error {
	journals, err := guard.Journals(p.config.Folder)
	if err != nil {
		return err
	}
	for _, journal := range journals {
		sameLink := journal.Link.Name != "" && journal.Link.Name == p.config.Inside
		sameTables := journal.Machine != nil && p.config.Kind == Host
		if journal.Device != p.config.device() && !sameLink && !sameTables {
			continue
		}
		changes, err := journal.HandBack(p.config.Machine, nil, false)
		for _, change := range changes {
			p.config.Tell("left by a program that died: " + change)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func addressOf(ip net.IP) netip.Addr {
	address, _ := netip.AddrFromSlice(ip)
	return address.Unmap()
}

// elsewhere is an address in a network that usual homes do not have.
func elsewhere(taken netip.Prefix) netip.Addr {
	other := netip.AddrFrom4([4]byte{192, 168, 77, 10})
	if taken.Contains(other) {
		return netip.AddrFrom4([4]byte{192, 168, 87, 10})
	}
	return other
}
