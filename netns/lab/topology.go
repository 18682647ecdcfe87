package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/needwant/needwant/netns"
)

// Who is where in a lab. The networks are those of [labNetworks].
const (
	deviceV4, deviceV6       = "192.168.50.10", "fd00:50::10"
	insideV4, insideV6       = "192.168.50.1", "fd00:50::1"
	uplinkV4, uplinkV6       = "192.168.1.2", "fd00:1::2"
	routerV4, routerV6       = "192.168.1.1", "fd00:1::1"
	assistantV4, assistantV6 = "192.168.1.5", "fd00:1::5"
	appV4, appV6             = "192.168.1.10", "fd00:1::10"
	phoneV4, phoneV6         = "192.168.1.20", "fd00:1::20"
	resolverV4, resolverV6   = "100.64.0.53", "fd00:64::53"
	cloudV4                  = "100.64.0.80"

	deviceMAC = "7c:49:eb:00:00:01"

	deviceLink = "eth0"
	insideLink = "inside" // the gateway's link to the device
	uplinkLink = "uplink" // the gateway's link to the home network
)

// topology is the lab's namespaces. Closing them takes every link along.
type topology struct {
	settled                                          bool
	device, gateway, internet, assistant, app, phone *netns.Namespace
}

func (t *topology) all() []**netns.Namespace {
	return []**netns.Namespace{&t.device, &t.gateway, &t.internet, &t.assistant, &t.app, &t.phone}
}

func (t *topology) close() error {
	var errs []error
	for _, namespace := range t.all() {
		if *namespace != nil {
			errs = append(errs, (*namespace).Close())
		}
	}
	return errors.Join(errs...)
}

// buildTopology makes the namespaces of a world and everything between them,
// but nothing that forwards. A device that is not settled has no address yet.
func buildTopology(w World, settled bool) (*topology, error) {
	t := &topology{settled: settled}
	for _, namespace := range t.all() {
		made, err := netns.New()
		if err != nil {
			return nil, errors.Join(err, t.close())
		}
		*namespace = made
	}
	for _, build := range []func() error{t.layCables, t.giveAddresses, t.giveRoutes, func() error { return t.ownAddresses(w) }} {
		if err := build(); err != nil {
			return nil, errors.Join(fmt.Errorf("building the lab's network: %w", err), t.close())
		}
	}
	return t, nil
}

// layCables connects the device to the gateway, and everybody else to a bridge,
// which stands where the router is.
func (t *topology) layCables() error {
	mac, err := net.ParseMAC(deviceMAC)
	if err != nil {
		return err
	}
	inside := netns.End{Namespace: t.gateway, Name: insideLink}
	if err := netns.Veth(netns.End{Namespace: t.device, Name: deviceLink, MAC: mac}, inside); err != nil {
		return err
	}
	var ports []string
	for _, end := range []netns.End{
		{Namespace: t.gateway, Name: uplinkLink},
		{Namespace: t.assistant, Name: "eth0"},
		{Namespace: t.app, Name: "eth0"},
		{Namespace: t.phone, Name: "eth0"},
	} {
		port := fmt.Sprintf("port%d", len(ports))
		if err := netns.Veth(end, netns.End{Namespace: t.internet, Name: port}); err != nil {
			return err
		}
		ports = append(ports, port)
	}
	return t.internet.AddBridge("home", ports...)
}

func (t *topology) giveAddresses() error {
	for _, at := range []struct {
		namespace *netns.Namespace
		link      string
		v4, v6    string
	}{
		{t.device, deviceLink, deviceV4, deviceV6},
		{t.gateway, insideLink, insideV4, insideV6},
		{t.gateway, uplinkLink, uplinkV4, uplinkV6},
		{t.internet, "home", routerV4, routerV6},
		{t.assistant, "eth0", assistantV4, assistantV6},
		{t.app, "eth0", appV4, appV6},
		{t.phone, "eth0", phoneV4, phoneV6},
	} {
		if at.namespace == t.device && !t.settled {
			continue
		}
		for _, prefix := range []string{at.v4 + "/24", at.v6 + "/64"} {
			if err := at.namespace.AddAddress(at.link, netip.MustParsePrefix(prefix)); err != nil {
				return err
			}
		}
	}
	return nil
}

// giveRoutes sends everybody's packets to their router, and those for the
// device to the gateway. The router needs that too where a gateway does not
// translate addresses. Nobody has a route to anything outside of the lab: the
// router itself has no default route, and forwards nothing.
func (t *topology) giveRoutes() error {
	var routes []route
	if t.settled {
		routes = []route{{t.device, "0.0.0.0/0", insideV4}, {t.device, "::/0", insideV6}}
	}
	for _, host := range []*netns.Namespace{t.gateway, t.assistant, t.app, t.phone} {
		routes = append(routes, route{host, "0.0.0.0/0", routerV4}, route{host, "::/0", routerV6})
	}
	networks := labNetworks()
	for _, host := range []*netns.Namespace{t.internet, t.assistant, t.app, t.phone} {
		routes = append(routes,
			route{host, networks["device"].String(), uplinkV4},
			route{host, networks["device v6"].String(), uplinkV6})
	}
	for _, r := range routes {
		if err := r.from.AddRoute(netip.MustParsePrefix(r.to), netip.MustParseAddr(r.via)); err != nil {
			return err
		}
	}
	return nil
}

type route struct {
	from    *netns.Namespace
	to, via string
}

// ownAddresses makes the addresses of the world, and those of the services, the
// internet's own.
func (t *topology) ownAddresses(w World) error {
	networks := labNetworks()
	prefixes := []netip.Prefix{networks["services"], networks["services v6"]}
	for _, address := range w.addresses() {
		prefixes = append(prefixes, netip.PrefixFrom(address, address.BitLen()))
	}
	for _, prefix := range prefixes {
		if err := t.internet.AddAnyIP(prefix); err != nil {
			return err
		}
	}
	return nil
}

// addresses are all that the device may contact, its own resolver included.
func (w World) addresses() []netip.Addr {
	var all []netip.Addr
	if w.Device.Resolver.IsValid() {
		all = append(all, w.Device.Resolver)
	}
	for _, id := range w.IDs() {
		all = append(all, w.Destinations[id].Addresses...)
	}
	return all
}
