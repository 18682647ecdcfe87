package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/blocklist"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway"
	"github.com/needwant/needwant/netns/gateway/capture"
	"github.com/needwant/needwant/netns/gateway/guard"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/placement"
	"github.com/needwant/needwant/netns/gateway/radio"
	"github.com/needwant/needwant/netns/gateway/resolver"
	"github.com/needwant/needwant/scenarios"
)

// Options are the choices that a spec leaves open.
type Options struct {
	Driver string // how to block: "ipset" or "iptables"; "" is ipset
	Wait   time.Duration
	Only   *harness.OnlyList // the blocklist whose names alone are tested; nil if there is none
	Tell   func(text string) // progress, in words
	Step   func(text string) // each step of the placement, before it is done; nil tells nobody
	Ask    scenarios.Asker   // asks a person; nil if nobody is there
}

// Stand is a real device behind a gateway.
type Stand struct {
	*harness.Bench
	Gateway *gateway.Gateway
	Placed  *placement.Placed

	// Resolver is there instead of Gateway and Placed if the device's packets do not
	// cross this machine.
	Resolver *resolver.Resolver
	keeper   *resolver.Keeper
	took     bool // it took over from the keeper of an earlier run
	queried  bool // the device has queried it

	machine *netns.Namespace
	way     way  // to the device; nil until it is there
	told    bool // that the way to the device is gone
}

// way is that to a device, as placement.Placed is.
type way interface {
	Over() <-chan struct{} // closed when it is gone for good; nil where it cannot be
	Err() error            // why it is gone; nil while it is there
}

// guardian is the command of a guardian: this program, with the verb for it.
func guardian() []string { return []string{"/proc/self/exe", GuardianVerb} }

// GuardianVerb is what the program is called with to be a guardian.
const GuardianVerb = "guardian"

// Plan says what Open would do. No secret is read, so that it cannot be carried out
// where a Wi-Fi is to be opened.
func Plan(file scenarios.File, machine *netns.Namespace) (*placement.Plan, error) {
	return plan(file, machine, "", Options{})
}

func plan(file scenarios.File, machine *netns.Namespace, wifi string, options Options) (*placement.Plan, error) {
	g := file.Gateway
	kind := placement.Kind(g.Placement)
	var mac net.HardwareAddr
	if file.Device.MAC != "" {
		parsed, err := net.ParseMAC(file.Device.MAC)
		if err != nil {
			return nil, err
		}
		mac = parsed
	}
	return placement.New(placement.Config{
		Kind: kind, Machine: machine, Inside: g.Inside, Uplink: g.Uplink, VLAN: g.VLAN, SSID: g.SSID, Passphrase: wifi,
		MAC: mac, Address: file.Device.Address,
		Folder: guard.Folder(), Guardian: guardian(), Tell: options.Tell, Step: options.Step,
	})
}

// passphrase is that of the Wi-Fi; "" where the placement opens none.
func passphrase(file scenarios.File) (string, error) {
	if placement.Kind(file.Gateway.Placement) != placement.AP {
		return "", nil
	}
	text, err := file.Gateway.Passphrase.Read(file.Folder())
	if err != nil {
		return "", fmt.Errorf("the passphrase of the Wi-Fi: %w", err)
	}
	return text, radio.ValidatePassphrase(text)
}

// Ready looks, before anything is touched, whether the scenarios have all that
// they need, as their secrets.
func Ready(file scenarios.File, list scenarios.List, options Options) error {
	anywhere := scenarios.Site{Places: map[string]scenarios.Place{"gateway": {}, "lan": {}, "host": {}}, Ask: options.Ask}
	if _, err := file.Bind(list, anywhere); err != nil {
		return err
	}
	_, restarter := file.Restarter(anywhere)
	_, wifi := passphrase(file)
	return errors.Join(restarter, wifi)
}

// Open puts the device of a spec behind a gateway, with nothing blocked and
// nothing to judge yet, and waits until it is there. On failure everything is as
// before.
func Open(ctx context.Context, file scenarios.File, options Options) (*Stand, error) {
	s := &Stand{}
	if err := s.open(ctx, file, options); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stand) open(ctx context.Context, file scenarios.File, options Options) (err error) {
	if OfResolver(file) {
		return s.openResolver(ctx, file, options)
	}
	if s.machine, err = netns.Own(); err != nil {
		return err
	}
	wifi, err := passphrase(file)
	if err != nil {
		return err
	}
	plan, err := plan(file, s.machine, wifi, options)
	if err != nil {
		return err
	}
	if s.Placed, err = plan.Do(ctx); err != nil {
		return err
	}
	s.way = s.Placed
	if s.Placed.MAC == nil { // what the gateway does is for the device alone
		options.Tell(fmt.Sprintf("waiting for the device at %s, up to %s", s.Placed.Device, span.Words(options.Wait)))
		if err := s.await(ctx, options.Wait); err != nil {
			return err
		}
	}
	fill(&options.Driver, "ipset")
	only, err := blocklist.Open(options.Only)
	if err != nil {
		return err
	}
	s.Gateway, err = gateway.New(ctx, gateway.Config{
		Namespace:      s.Placed.Namespace,
		Inside:         s.Placed.Inside,
		Uplink:         s.Placed.Uplink,
		MAC:            s.Placed.MAC,
		Shared:         s.Placed.Shared,
		Address:        s.Placed.Device,
		LAN:            s.Placed.LAN,
		Upstream:       s.Placed.Upstream,
		Leases:         s.Placed.Leases,
		Forward:        forwards(file, s.Placed.Device),
		Alone:          !s.Placed.Shared,
		Mingle:         !isolated(file),
		Controllers:    prefixes(file.Gateway.Controllers),
		OtherProtocols: file.Gateway.AllowsOthers(),
		Apart:          slices.Contains(Faults(file), harness.NXDomain),
		Driver:         options.Driver,
		Keep:           file.Block.Keep,
		Always:         file.Block.Patterns(),
		Only:           only.Finder(),
	})
	if err != nil {
		return err
	}
	options.Tell(fmt.Sprintf("the gateway is %s in the home network; %s; waiting for the device at %s, up to %s", s.Placed.Own, s.Placed.IPv6, s.Placed.Device, span.Words(options.Wait)))
	if err := s.await(ctx, options.Wait); err != nil {
		return err
	}
	s.Bench = &harness.Bench{Number: 1, Gateway: s.Gateway, Timing: timing(file)}
	s.Provoke = harness.Means{
		harness.ByLease: s.Gateway.NewLease,
		harness.ByLink:  harness.AtOnce(func(ctx context.Context) error { return s.Gateway.Relink(ctx, unplugged) }),
	}
	return nil
}

// unplugged is for how long the device's link is down when it is taken down and up. Ethernet takes about two
// seconds to find the carrier again, and devices that look at their link once a second shall see it.
const unplugged = 5 * time.Second

// await waits until the device is there.
func (s *Stand) await(ctx context.Context, longest time.Duration) error {
	return s.watched(ctx, func(ctx context.Context) error { return s.Placed.Await(ctx, longest) })
}

// forwards are the ports that the spec hands on to the device.
func forwards(file scenarios.File, device netip.Addr) (all []gateway.Forward) {
	for _, port := range file.Gateway.Forward {
		if protocol, number, err := port.Split(); err == nil { // the spec was checked
			all = append(all, gateway.Forward{Protocol: protocol, Port: number, To: netip.AddrPortFrom(device, number)})
		}
	}
	return all
}

func prefixes(addresses []netip.Addr) (prefixes []netip.Prefix) {
	for _, address := range addresses {
		prefixes = append(prefixes, netip.PrefixFrom(address, address.BitLen()))
	}
	return prefixes
}

// Judge gives the stand the scenarios to judge, once the device has shown that
// it knows the token.
func (s *Stand) Judge(ctx context.Context, file scenarios.File, list scenarios.List, options Options) (err error) {
	site := s.site(options)
	if err := s.watched(ctx, func(ctx context.Context) error { return file.Greet(ctx, site, options.Wait) }); err != nil {
		return err
	}
	if s.Scenarios, err = file.Bind(list, site); err != nil {
		return err
	}
	if file.Regimes.ColdBoot == nil {
		return nil
	}
	if s.Restart, err = file.Restarter(site); err == nil && s.Provoke != nil {
		s.Provoke[harness.ByStart] = harness.AtOnce(s.Restart)
	}
	return err
}

// Run carries out one trial, as harness.Bench does. It fails where the way to the
// device is gone: a device that is away then has not failed.
func (s *Stand) Run(ctx context.Context, trial harness.Trial) (result harness.Result, err error) {
	err = s.watched(ctx, func(ctx context.Context) (err error) {
		if result, err = s.Bench.Run(ctx, trial); err != nil {
			return err
		}
		return s.used(result)
	})
	return result, err
}

// Soak holds one block for long, as harness.Bench does. It fails as Run does.
func (s *Stand) Soak(ctx context.Context, trial harness.Trial, soak harness.Soak) (soaked harness.Soaked, err error) {
	err = s.watched(ctx, func(ctx context.Context) (err error) {
		soaked, err = s.Bench.Soak(ctx, trial, soak)
		return err
	})
	return soaked, err
}

// watched does what needs the way to the device, until that is gone, which is the
// error then, whatever came of it.
func (s *Stand) watched(ctx context.Context, act func(context.Context) error) error {
	ctx, end := While(ctx, s.Over())
	defer end()
	err := act(ctx)
	if s.way != nil {
		if lost := s.way.Err(); lost != nil {
			s.told = true
			return lost
		}
	}
	return err
}

// While is a context that ends, too, when something is over. Over may be nil.
func While(ctx context.Context, over <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancel(ctx)
	go func() {
		select {
		case <-over:
			end()
		case <-ctx.Done():
		}
	}()
	return ctx, end
}

// Over is closed when the way to the device is gone for good; nil where it cannot
// be.
func (s *Stand) Over() <-chan struct{} {
	if s.way == nil {
		return nil
	}
	return s.way.Over()
}

// untold says why the way to the device is gone, where nobody has said so yet.
func (s *Stand) untold() error {
	if s.way == nil || s.told {
		return nil
	}
	return s.way.Err()
}

// Know records what an earlier run saw. A resolver needs none of it.
func (s *Stand) Know(contacts []harness.Contact) error {
	if s.Gateway == nil {
		return nil
	}
	return s.Gateway.Know(contacts)
}

// Capture lets a file have what passes between the device and the gateway, but
// for secrets.
func (s *Stand) Capture(file *capture.File, name string, secrets [][]byte) (*capture.Tap, error) {
	if s.Gateway == nil {
		return nil, errors.New("placement dns sees no packets of the device: leave out --pcap")
	}
	delete(s.Provoke, harness.ByLink) // a capture ends when the link goes down
	return s.Gateway.Capture(file, name, secrets)
}

// Close takes the gateway away and gives back what it had borrowed. It fails, too,
// where the way to the device was gone before, and nobody has said so yet.
func (s *Stand) Close() error {
	errs := []error{s.untold()}
	if s.Resolver != nil {
		errs = append(errs, s.Resolver.Close())
	}
	if s.keeper != nil { // a client that has queried this machine has no other resolver
		errs = append(errs, s.keeper.Close(s.took || s.Resolver != nil && s.Resolver.Used()))
	}
	if s.Gateway != nil {
		errs = append(errs, s.Gateway.Close())
	}
	if s.Placed != nil {
		errs = append(errs, s.Placed.Close())
	}
	if s.machine != nil {
		errs = append(errs, s.machine.Close())
	}
	return errors.Join(errs...)
}

// timing is the spec's.
func timing(file scenarios.File) harness.Timing {
	settle := file.Timing.Settle
	return harness.Timing{
		Settle:   settle,
		Tries:    3,
		Patience: settle,
		Persist:  settle,
		Memory:   names.LongestTTL,
		Recover:  file.Timing.Recover,
		Look:     min(max(settle/50, 20*time.Millisecond), time.Second),
	}
}
