package placement

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/needwant/needwant/netns/gateway/guard"
)

// Plan is what has to be done to put a gateway in its place.
type Plan struct {
	config Config
	way    way
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
	for _, tell := range []*func(string){&config.Tell, &config.Step} {
		if *tell == nil {
			*tell = func(string) {}
		}
	}
	config, err := config.named()
	if err != nil {
		return nil, err
	}
	if err := config.validate(); err != nil {
		return nil, err
	}
	p := &Plan{config: config}
	p.way, _ = wayOf(config.Kind)
	p.steps = p.way.steps(p)
	return p, nil
}

// furnishing is the step that gives the link to the device an address. It comes once
// that link is there. Before it come, in this order, a guardian, and then the link that
// is moved, before anything that could take its number.
func (p *Plan) furnishing(do func(context.Context, *Placed) error) step {
	c := p.config
	return step{what: fmt.Sprintf("give it the address %s/%d there, and disable IPv6 on it", c.router(), c.network().Bits()), do: do}
}

// home lists the steps that follow: those for the home network, and for the device's
// address.
func (p *Plan) home() []step {
	c := p.config
	cable, machine, _ := c.cable()
	return []step{
		{what: fmt.Sprintf("add a macvlan interface on %s for the home network, with the MAC address %s", c.Uplink, c.ownMAC()), machine: true, makes: []string{uplinkName}, do: p.addUplink},
		{what: p.uplinkAddress(), do: p.furnishUplink},
		{what: fmt.Sprintf("connect this machine to the gateway: veth %s with %s, and a route to %s", cable, machine, c.network()), machine: true, makes: []string{cable}, do: p.layCable},
		{what: fmt.Sprintf("answer DHCP there for %s: address %s, router and resolver %s", p.client(), c.Address, c.router()), do: p.serveDHCP},
	}
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
	words := []string{p.toLock()}
	for _, step := range p.steps {
		what := step.what
		if step.machine {
			what += "  (changes the machine)"
		}
		words = append(words, what)
	}
	return words
}

// toLock is the first step in words.
func (p *Plan) toLock() string {
	return fmt.Sprintf("lock %s for this program, in %s", strings.Join(p.Claims().Alone, ", "), p.config.Folder)
}

// Work tells in words what a gateway does in its place, and then this program.
func (p *Plan) Work() []string {
	return append(p.way.work(p.config), "undo all this, from the last to the first")
}

// Do carries the plan out. When it fails all that was done is undone. What an
// earlier program left behind is put back first.
func (p *Plan) Do(ctx context.Context) (*Placed, error) {
	if p.way.complete != nil {
		if err := p.way.complete(p.config); err != nil {
			return nil, err
		}
	}
	p.config.Step("step 1: " + p.toLock())
	lock, err := guard.TakeAll(ctx, p.config.Folder, p.Claims())
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
	p.config.Tell(fmt.Sprintf("putting the device behind the gateway, in %d steps; the end of the command undoes them", len(p.Steps())))
	for i, step := range p.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		text := fmt.Sprintf("step %d: %s", i+2, step.what) // step 1 is to lock
		p.config.Step(text)
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
		sameTables := journal.Machine != nil && p.way.shares
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
