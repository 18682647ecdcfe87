package placement

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/vishvananda/netlink"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/dhcp"
	"github.com/needwant/needwant/netns/gateway/guard"
	"github.com/needwant/needwant/netns/gateway/radio"
)

// Placed is a gateway's place, ready for gateway.New.
type Placed struct {
	Namespace *netns.Namespace
	Shared    bool           // the namespace is the machine's own
	Inside    string         // link to the device
	Uplink    string         // link to the home network
	Own       netip.Addr     // the gateway's address in the home network
	LAN       []netip.Prefix // the home network, and the cable to the machine
	Upstream  netip.AddrPort // the home's resolver
	Device    netip.Addr
	Network   netip.Prefix     // the device's
	Machine   netip.Addr       // the machine's own, by which its programs reach the gateway
	IPv6      string           // what becomes of the device's, in words
	MAC       net.HardwareAddr // of the device; nil where it is not known

	plan     *Plan
	lock     *guard.Lock
	journal  *guard.Journal
	guardian *guard.Guardian
	wifi     *radio.AccessPoint // nil where there is none
	lease    *dhcp.Client
	server   *dhcp.Server

	mutex    sync.Mutex
	stranger net.HardwareAddr // the last that asked for an address, and is not the device
}

// The names of our own links in the namespace. One that was moved keeps its own.
const (
	insideName = "needwant-in"
	uplinkName = "needwant-up"
)

// begin makes the namespace and writes down how the link is.
func (p *Plan) begin(_ context.Context, placed *Placed) (err error) {
	c := p.config
	placed.Inside, placed.Uplink, placed.Device, placed.MAC = c.Inside, uplinkName, c.Address, c.MAC
	placed.Network = c.network()
	placed.IPv6 = "IPv6 is shut for the device"
	if placed.Namespace, err = netns.New(); err != nil {
		return err
	}
	var link guard.Link
	if c.Kind == NIC || c.Kind == AP {
		if link, err = guard.Note(c.Machine, c.Inside); err != nil {
			return err
		}
	}
	if c.Kind == AP && link.Radio == nil {
		return fmt.Errorf("inside: %s has no radio any more, which placement ap needs: was it unplugged? Plug it in again", c.Inside)
	}
	placed.journal, err = guard.NewJournal(c.Folder, c.device(), link, nil)
	return err
}

func (p *Plan) watch(_ context.Context, placed *Placed) (err error) {
	placed.guardian, err = guard.Start(p.config.Guardian, placed.journal, placed.Namespace, placed.lock)
	return err
}

func (p *Plan) borrow(_ context.Context, placed *Placed) error {
	handle := p.config.Machine.Netlink()
	link, err := handle.LinkByName(p.config.Inside)
	if err != nil {
		return err
	}
	if err := handle.LinkSetNsFd(link, placed.Namespace.FD()); err != nil {
		return fmt.Errorf("moving %s into the gateway's namespace: %w: the kernel does not let this kind of link be moved (as Wi-Fi); name another", p.config.Inside, err)
	}
	return nil
}

// addInside gives the device a link to the gateway on the wire that it shares
// with everybody. Each of the two links there answers for its own address alone.
func (p *Plan) addInside(_ context.Context, placed *Placed) error {
	placed.Inside = insideName
	placed.IPv6 = "IPv6 of the home router reaches the device past the gateway: turn it off in the home router, if it has it"
	return errors.Join(
		p.addMacvlan(placed, insideName, p.config.insideMAC()),
		placed.Namespace.Sysctl("net.ipv4.conf.all.arp_ignore", "1"),
		placed.Namespace.Sysctl("net.ipv4.conf.all.arp_announce", "2"),
	)
}

// furnishInside shuts IPv6 before the link is up, so that no packet of it ever
// passes. A link of Wi-Fi is set up by hostapd.
func (p *Plan) furnishInside(_ context.Context, placed *Placed) error {
	n, link := placed.Namespace, placed.Inside
	err := errors.Join(
		n.Sysctl("net/ipv6/conf/"+link+"/disable_ipv6", "1"),
		n.AddAddress(link, netip.PrefixFrom(p.config.router(), p.config.network().Bits())),
	)
	if err != nil || p.config.Kind == AP {
		return err
	}
	return n.SetUp(link)
}

func (p *Plan) addUplink(_ context.Context, placed *Placed) error {
	return errors.Join(
		p.addMacvlan(placed, uplinkName, p.config.ownMAC()),
		placed.Namespace.Sysctl("net/ipv6/conf/"+uplinkName+"/disable_ipv6", "1"),
		placed.Namespace.SetUp(uplinkName),
	)
}

// addMacvlan makes a link of the namespace's own on the machine's uplink.
func (p *Plan) addMacvlan(placed *Placed, name string, mac net.HardwareAddr) error {
	handle := p.config.Machine.Netlink()
	parent, err := handle.LinkByName(p.config.Uplink)
	if err != nil {
		return err
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.ParentIndex = name, parent.Attrs().Index
	attributes.HardwareAddr = mac
	attributes.Namespace = netlink.NsFd(placed.Namespace.FD())
	if err := handle.LinkAdd(&netlink.Macvlan{LinkAttrs: attributes, Mode: netlink.MACVLAN_MODE_BRIDGE}); err != nil {
		return fmt.Errorf("adding a macvlan link on %s: %w: Wi-Fi and some virtual machines allow none; use a wired uplink", p.config.Uplink, err)
	}
	return nil
}

func (p *Plan) furnishUplink(ctx context.Context, placed *Placed) (err error) {
	lease := dhcp.Lease{Address: p.config.Own, Router: p.config.Router, Resolver: p.config.Resolver}
	if !p.config.Own.IsValid() {
		if placed.lease, err = dhcp.Ask(ctx, placed.Namespace, uplinkName); err != nil {
			return fmt.Errorf("%w: is %s plugged into the home network? Does the home router have a free address?", err, p.config.Uplink)
		}
		lease = placed.lease.Lease
	}
	if !lease.Router.IsValid() {
		return fmt.Errorf("the home network's DHCP names no router, without which there is no internet: look at its settings")
	}
	if !lease.Resolver.IsValid() {
		lease.Resolver = lease.Router
	}
	home := lease.Address.Masked()
	if home.Overlaps(p.config.network()) {
		return p.wrongSubnet(home.String())
	}
	placed.Own, placed.LAN = lease.Address.Addr(), []netip.Prefix{home}
	placed.Upstream = netip.AddrPortFrom(lease.Resolver, 53)
	if err := placed.Namespace.AddAddress(uplinkName, lease.Address); err != nil {
		return err
	}
	return placed.Namespace.AddRoute(netip.PrefixFrom(netip.IPv4Unspecified(), 0), lease.Router)
}

// layCable lets programs on this machine reach the device: a macvlan link never
// talks with the machine that it stands on.
func (p *Plan) layCable(_ context.Context, placed *Placed) error {
	name, machine, gateway := p.config.cable()
	const far = "machine"
	if err := netns.Veth(
		netns.End{Namespace: p.config.Machine, Name: name},
		netns.End{Namespace: placed.Namespace, Name: far},
	); err != nil {
		return err
	}
	placed.LAN, placed.Machine = append(placed.LAN, machine.Masked()), machine.Addr()
	for _, add := range []func() error{
		func() error { return p.config.Machine.AddAddress(name, machine) },
		func() error { return placed.Namespace.AddAddress(far, gateway) },
		func() error { return p.config.Machine.AddRoute(p.config.network(), gateway.Addr()) },
	} {
		if err := add(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) serveDHCP(_ context.Context, placed *Placed) (err error) {
	lease := dhcp.Lease{
		Address:  netip.PrefixFrom(p.config.Address, p.config.network().Bits()),
		Router:   p.config.router(),
		Resolver: p.config.router(),
	}
	placed.server, err = dhcp.Serve(placed.Namespace, placed.Inside, p.config.MAC, lease, once(func(e dhcp.Event) {
		if e.Granted {
			p.config.Tell(fmt.Sprintf("%s has the address %s", e.MAC, p.config.Address))
			return
		}
		placed.meet(e.MAC)
		p.config.Tell(fmt.Sprintf("%s asked for an address, and is not the device: ignored", e.MAC))
	}))
	return err
}

// meet remembers who asked for an address in vain.
func (p *Placed) meet(stranger net.HardwareAddr) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.stranger = stranger
}

// met is who asked for an address in vain; nil where nobody did.
func (p *Placed) met() net.HardwareAddr {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.stranger
}

// once tells the same of nobody twice.
func once(tell func(dhcp.Event)) func(dhcp.Event) {
	var mutex sync.Mutex
	told := map[string]bool{}
	return func(e dhcp.Event) {
		mutex.Lock()
		defer mutex.Unlock()
		key := fmt.Sprint(e.MAC, e.Granted)
		if !told[key] {
			told[key] = true
			tell(e)
		}
	}
}

// Over is closed when the way to the device is gone for good, as when the program
// has ended that keeps its Wi-Fi open; nil where nothing can.
func (p *Placed) Over() <-chan struct{} {
	if p.wifi == nil {
		return nil
	}
	return p.wifi.Over()
}

// Err says why the way to the device is gone; nil while it is there.
func (p *Placed) Err() error {
	if p.wifi == nil {
		return nil
	}
	return p.wifi.Err()
}

// LeftError says that the machine is not as it was.
type LeftError struct{ Err error }

func (e *LeftError) Error() string {
	return fmt.Sprintf("putting the network back: %v: run needwant restore", e.Err)
}

func (e *LeftError) Unwrap() error { return e.Err }

// closeAfter undoes all after a failure.
func (p *Placed) closeAfter(failure error) error { return errors.Join(failure, p.Close()) }

// Close undoes every step, from the last to the first. When it returns without
// an error the machine is as it was; else it is a [*LeftError].
func (p *Placed) Close() error {
	var errs []error
	if p.server != nil {
		errs = append(errs, p.server.Close())
	}
	if p.lease != nil {
		errs = append(errs, p.lease.Close())
	}
	if p.wifi != nil {
		errs = append(errs, p.wifi.Close())
	}
	if p.journal != nil {
		_, err := p.journal.HandBack(p.plan.config.Machine, p.Namespace, false)
		errs = append(errs, err)
		for _, left := range p.journal.Left {
			p.plan.config.Tell(left)
		}
	}
	if p.guardian != nil {
		errs = append(errs, p.guardian.Dismiss())
	}
	if p.Namespace != nil && !p.Shared {
		errs = append(errs, p.Namespace.Close())
	}
	if err := errors.Join(append(errs, p.lock.Release())...); err != nil {
		return &LeftError{err}
	}
	return nil
}
