package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/scenarios/miio"
)

// Options are the choices about a lab that its world leaves open.
type Options struct {
	Seed uint64 // of jitter and noise

	// Join, where it is set, connects the device to its network each time it is
	// switched on, as by DHCP, until ctx ends because it is switched off. Without
	// it the device has its addresses and its router from the beginning.
	Join func(ctx context.Context, device *netns.Namespace, link string)
}

// Lab is a running world. Everything in it is what anybody could find out about
// a real home; how the device decides what works is not.
type Lab struct {
	Gateway   GatewaySite
	Device    DeviceSite
	Assistant AssistantSite
	App       *netns.Namespace // the host of the app, in the home network
	Phone     *netns.Namespace // as the app host; talks to the cloud
	Command   string           // URL: a POST from the phone commands the device through the cloud; 200 when it obeyed, 504 when not

	topology  *topology
	device    *device
	internet  *internet
	assistant *assistant
	metronome *metronome
}

// GatewaySite is the place of the gateway under test: its namespace has the links
// and their addresses, and forwards nothing yet.
type GatewaySite struct {
	Namespace *netns.Namespace
	Inside    string         // link to the device
	Uplink    string         // link to the home network
	Upstream  netip.AddrPort // the resolver to forward queries to
	Networks  []netip.Prefix // the device's networks, inside
	Home      []netip.Prefix // the home's networks, on the uplink
	Router    netip.Addr     // the gateway's address inside, over IPv4
}

// DeviceSite is what a controller knows of the device.
type DeviceSite struct {
	Model    string
	Firmware string
	Token    string
	Address  netip.Addr // over IPv4, which the controllers use
	Address6 netip.Addr
	MAC      net.HardwareAddr
}

// AssistantSite is the access to the Home Assistant stand-in, reachable from the
// home network.
type AssistantSite struct {
	URL    string
	Token  string
	Entity string
	Every  time.Duration // how often it polls the device
	Hangs  time.Duration // the longest that one poll waits for the device
}

// Start builds a world and switches its device on. The device has not
// contacted anything by then, and cannot before somebody makes the gateway's
// namespace forward. The lab lives until Close, whatever becomes of ctx. It needs
// the rights that package netns needs.
func Start(ctx context.Context, world World, options Options) (*Lab, error) {
	if world.text == "" {
		return nil, errors.New("starting a lab: the world was never checked; make it with lab.Parse or lab.Make")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	lab := new(Lab)
	if err := lab.start(world, options); err != nil {
		return nil, errors.Join(fmt.Errorf("starting lab %s: %w", world.Name, err), lab.Close())
	}
	return lab, nil
}

func (l *Lab) start(world World, options Options) error {
	token, err := miio.ParseToken(world.Device.Token)
	if err != nil {
		return err
	}
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	if l.topology, err = buildTopology(world, options.Join == nil); err != nil {
		return err
	}
	if l.internet, err = openInternet(world, l.topology.internet, authority, token); err != nil {
		return err
	}
	if l.metronome, err = startMetronome(l.topology.internet, world.Tempo.Contact); err != nil {
		return err
	}
	if l.assistant, err = openAssistant(world, l.topology.assistant, token); err != nil {
		return err
	}
	l.device = &device{
		world:     world,
		namespace: l.topology.device,
		resolver:  netip.AddrPortFrom(world.resolver(), 53),
		trusted:   authority.pool(),
		token:     token,
		methods:   methods(),
		seed:      options.Seed,
		join:      options.Join,
	}
	l.describe(world)
	return l.device.switchOn()
}

// resolver is who the device asks for names.
func (w World) resolver() netip.Addr {
	if w.Device.Resolver.IsValid() {
		return w.Device.Resolver
	}
	return netip.MustParseAddr(insideV4)
}

// describe fills in what the lab tells.
func (l *Lab) describe(world World) {
	networks := labNetworks()
	l.Gateway = GatewaySite{
		Namespace: l.topology.gateway,
		Inside:    insideLink,
		Uplink:    uplinkLink,
		Upstream:  netip.AddrPortFrom(netip.MustParseAddr(resolverV4), 53),
		Networks:  []netip.Prefix{networks["device"], networks["device v6"]},
		Home:      []netip.Prefix{networks["home"], networks["home v6"]},
		Router:    netip.MustParseAddr(insideV4),
	}
	mac, _ := net.ParseMAC(deviceMAC) // a constant
	l.Device = DeviceSite{
		Model:    world.Device.Model,
		Firmware: world.Device.Firmware,
		Token:    world.Device.Token,
		Address:  netip.MustParseAddr(deviceV4),
		Address6: netip.MustParseAddr(deviceV6),
		MAC:      mac,
	}
	l.Assistant = AssistantSite{
		URL:    "http://" + net.JoinHostPort(assistantV4, assistantPort),
		Token:  l.assistant.bearer,
		Entity: entityID,
		Every:  l.assistant.every(),
		Hangs:  l.assistant.hangs(),
	}
	l.App, l.Phone = l.topology.app, l.topology.phone
	l.Command = "http://" + cloudV4 + "/command"
}

// Restart switches the device off and on again. It forgets all that it knew
// and begins to start; when it has started shows in what it answers.
func (l *Lab) Restart(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.device.switchOff()
	if err := l.device.switchOn(); err != nil {
		return fmt.Errorf("restarting the device: %w", err)
	}
	return nil
}

// RestartAssistant takes the Home Assistant stand-in away for a while. It then
// serves its API for another while, with its entity unavailable, before it polls
// again. The error is that of ctx, or says that it cannot serve.
func (l *Lab) RestartAssistant(ctx context.Context, away, starting time.Duration) error {
	return l.assistant.restart(ctx, away, starting)
}

// Vacate switches the Home Assistant stand-in off for good, and hands over its
// host for one of your own: in the home network, with the stand-in's address.
func (l *Lab) Vacate() *netns.Namespace {
	l.assistant.close()
	l.Assistant.Every, l.Assistant.Hangs = 0, 0
	return l.topology.assistant
}

// VacateDevice switches the simulated device off for good, and hands over its
// namespace for another device: at the same address, with the same MAC address.
// Restart must not be called afterwards.
func (l *Lab) VacateDevice() *netns.Namespace {
	l.device.switchOff()
	l.device.watchdog.Wait()
	return l.topology.device
}

// Attempts is the device's own count of what it sent since the lab's start, by
// destination as protocol/port/name: connections begun, for tcp; datagrams, for
// udp; echo requests, for icmp; queries, for the resolver, which goes by its address or by the name
// "resolver" where it is the gateway's.
func (l *Lab) Attempts() map[string]int { return l.device.attempts.all() }

// Close switches everything off and takes the lab's namespaces away.
func (l *Lab) Close() error {
	if l.device != nil {
		l.device.switchOff()
		l.device.watchdog.Wait()
	}
	if l.assistant != nil {
		l.assistant.close()
	}
	if l.internet != nil {
		l.internet.close()
	}
	if l.metronome != nil {
		l.metronome.stop()
	}
	if l.topology != nil {
		return l.topology.close()
	}
	return nil
}
