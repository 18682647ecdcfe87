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
	Leases    *dhcp.Server     // gives the device its address; nil if another does
	MAC       net.HardwareAddr // of the device; nil until Await has found it, if the spec does not say

	plan     *Plan
	lock     *guard.Lock
	journal  *guard.Journal
	guardian *guard.Guardian
	wifi     *radio.AccessPoint // nil if there is none
	lease    *dhcp.Client
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
	placed.IPv6 = "IPv6 is disabled for the device"
	if placed.Namespace, err = netns.New(); err != nil {
		return err
	}
	var link guard.Link
	if p.way.takes {
		if link, err = guard.Note(c.Machine, c.Inside); err != nil {
			return err
		}
	}
	placed.journal, err = guard.NewJournal(c.Folder, c.device(), link, nil)
	return err
}

func (p *Plan) watch(_ context.Context, placed *Placed) (err error) {
	placed.guardian, err = guard.Start(p.config.Guardian, placed.journal, placed.Namespace, placed.lock)
	return err
}

// addressInside shuts IPv6 before the link to the device is up, so that no packet of
// it ever passes.
func (p *Plan) addressInside(_ context.Context, placed *Placed) error {
	n, link := placed.Namespace, placed.Inside
	return errors.Join(
		n.Sysctl("net/ipv6/conf/"+link+"/disable_ipv6", "1"),
		n.AddAddress(link, netip.PrefixFrom(p.config.router(), p.config.network().Bits())),
	)
}

// furnishInside sets that link up too.
func (p *Plan) furnishInside(ctx context.Context, placed *Placed) error {
	if err := p.addressInside(ctx, placed); err != nil {
		return err
	}
	return placed.Namespace.SetUp(placed.Inside)
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
			return p.noLease(ctx, err)
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

// noLease says why the home router gave no address: nothing answers on the uplink,
// or only the machine's own MAC address is answered there.
func (p *Plan) noLease(ctx context.Context, failure error) error {
	router, err := p.reachesRouter(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return errors.Join(failure, err)
	case router.IsValid():
		return fmt.Errorf("%w to the gateway's MAC address %s, though this machine itself reaches %s on %s: does something there allow one MAC address only? "+
			"If this machine is a virtual one, allow promiscuous mode and forged transmits (MAC address spoofing) in the hypervisor's settings; "+
			"on a switch, look at port security; in the home router, at its list of allowed devices and its free addresses",
			failure, p.config.ownMAC(), router, p.config.Uplink)
	}
	return fmt.Errorf("%w: is %s plugged into the home network? Does the home router have a free address?", failure, p.config.Uplink)
}

// reachesRouter looks whether the machine's own default router answers on the
// uplink, via ARP, and returns it if so.
func (p *Plan) reachesRouter(ctx context.Context) (router netip.Addr, err error) {
	uplink, err := p.config.Machine.Netlink().LinkByName(p.config.Uplink)
	if err != nil {
		return router, err
	}
	routes, err := p.routes()
	if err != nil {
		return router, err
	}
	for _, route := range routes {
		via := addressOf(route.Gw)
		if route.LinkIndex != uplink.Attrs().Index || !everywhere(route) || !via.Is4() {
			continue
		}
		found, err := answers(ctx, p.config.Machine, p.config.Uplink, via)
		if found || err != nil {
			return via, err
		}
	}
	return netip.Addr{}, nil
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
	var once sync.Once
	placed.Leases, err = dhcp.Serve(placed.Namespace, placed.Inside, p.config.MAC, lease, func(mac net.HardwareAddr) {
		once.Do(func() { p.config.Tell(fmt.Sprintf("%s has the address %s", mac, p.config.Address)) })
	})
	return err
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
	return fmt.Sprintf("putting the network back: %v: run sudo needwant restore", e.Err)
}

func (e *LeftError) Unwrap() error { return e.Err }

// closeAfter undoes all after a failure.
func (p *Placed) closeAfter(failure error) error { return errors.Join(failure, p.Close()) }

// Close undoes every step, from the last to the first. When it returns without
// an error the machine is as it was; else it is a [*LeftError].
func (p *Placed) Close() error {
	var errs []error
	if p.Leases != nil {
		errs = append(errs, p.Leases.Close())
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
