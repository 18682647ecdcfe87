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
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/resolver"
	"github.com/needwant/needwant/scenarios"
)

// KeeperVerb is what the program is called with to go on answering DNS queries after
// another one has ended.
const KeeperVerb = "keep-answering"

// resolvConf names the machine's resolvers.
const resolvConf = "/etc/resolv.conf"

// Resolver says where the resolver of placement dns answers, and whose answers it gives.
type Resolver struct {
	Listen, Upstream netip.AddrPort
}

// FindResolver finds out what the spec leaves open.
func FindResolver(ctx context.Context, file scenarios.File) (r Resolver, err error) {
	g := file.Gateway
	upstream, given := g.Upstream()
	candidates := []netip.AddrPort{upstream}
	if !given {
		if candidates, err = names.Configured(resolvConf); err != nil {
			return r, fmt.Errorf("finding this machine's resolver: %w: write gateway: {resolver: 192.168.1.1} in the spec", err)
		}
	}
	listen := g.Listen
	if !listen.IsValid() {
		towards := file.Device.Address
		if !towards.IsValid() && len(candidates) > 0 {
			towards = candidates[0].Addr()
		}
		if listen, err = ownTowards(towards); err != nil {
			return r, err
		}
	}
	r.Listen = netip.AddrPortFrom(listen, names.Port)
	candidates = slices.DeleteFunc(candidates, func(c netip.AddrPort) bool { return c == r.Listen })
	var problems []error
	for _, candidate := range candidates {
		err := names.Probe(ctx, nil, candidate)
		if err == nil {
			r.Upstream = candidate
			return r, nil
		}
		problems = append(problems, err)
	}
	return r, fmt.Errorf("no resolver answers: %w: write the home router or the Pi-hole as gateway: {resolver: …} in the spec", errors.Join(problems...))
}

// ownTowards is the address of this machine that a host reaches it at. Nothing is sent.
func ownTowards(host netip.Addr) (netip.Addr, error) {
	const write = "write this machine's address in the home network as gateway: {listen: …} in the spec"
	connection, err := net.Dial("udp", netip.AddrPortFrom(host, names.Port).String())
	if err != nil {
		return netip.Addr{}, fmt.Errorf("finding this machine's address: %w: %s", err, write)
	}
	defer connection.Close()
	own := connection.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	if own.IsLoopback() {
		return netip.Addr{}, fmt.Errorf("the device cannot query this machine at %s: %s", own, write)
	}
	return own, nil
}

// openResolver makes this machine the device's DNS server.
func (s *Stand) openResolver(ctx context.Context, file scenarios.File, options Options) error {
	only, err := blocklist.Open(options.Only)
	if err != nil {
		return err
	}
	where, err := FindResolver(ctx, file)
	if err != nil {
		return err
	}
	sockets, took, err := where.take(ctx)
	s.took = took
	if err != nil {
		return err
	}
	mac, _ := net.ParseMAC(file.Device.MAC) // the spec was checked
	config := resolver.Config{
		Sockets: sockets, Upstream: where.Upstream, MAC: mac, Address: file.Device.Address, Always: file.Block.Patterns(), Only: only.Finder(),
	}
	if s.keeper, err = resolver.StartKeeper([]string{"/proc/self/exe", KeeperVerb}, config); err != nil {
		return errors.Join(err, sockets.Close())
	}
	s.Resolver, err = resolver.New(ctx, config)
	if err != nil {
		return err
	}
	options.Tell(fmt.Sprintf("answering DNS queries at %s, with the answers of %s; make %s the device's DNS server, the only one, and restart the device",
		where.Listen.Addr(), where.Upstream, where.Listen.Addr()))
	s.Bench = &harness.Bench{Number: 1, Gateway: s.Resolver, Timing: timing(file)}
	s.Bench.Timing.Memory = resolver.Memory
	return nil
}

// take opens the sockets. A keeper that an earlier run left there ends, if there is
// one: took says so.
func (r Resolver) take(ctx context.Context) (sockets names.Sockets, took bool, err error) {
	const looks, pause = 10, 100 * time.Millisecond // a keeper may just be starting
	for range looks {
		if sockets, err = names.OpenSockets(ctx, r.Listen); err == nil || !names.InUse(err) {
			return sockets, took, err
		}
		ended, failed := resolver.End(r.Listen)
		if failed != nil {
			return sockets, took, failed
		}
		if took = took || ended; ended {
			continue
		}
		select {
		case <-ctx.Done():
			return sockets, took, ctx.Err()
		case <-time.After(pause):
		}
	}
	return sockets, took, err
}

// Ready reports whether the resolver could be opened. A keeper stays.
func (r Resolver) Ready(ctx context.Context) error {
	sockets, err := names.OpenSockets(ctx, r.Listen)
	if err == nil {
		return sockets.Close()
	}
	if kept, _ := resolver.Kept(); slices.Contains(kept, r.Listen) {
		return nil
	}
	return err
}

// used ends a run on a device that goes past the resolver, when a control shows that:
// no verdict would mean anything.
func (s *Stand) used(result harness.Result) error {
	if s.Resolver == nil || !result.Trial.Control() {
		return nil
	}
	if name, how := s.Resolver.Encrypted(); name != "" {
		return fmt.Errorf("the device got the address of %s (%s): names that it resolves there can be neither seen nor blocked by this resolver, so no verdict would hold. "+
			"Switch encrypted DNS off on the device, or block that name in every trial: write block: {always: [%s]} in the spec, and restart the device", name, how, name)
	}
	if len(result.Seen.Contacts)+len(result.Seen.Always)+result.Seen.Free > 0 || s.queried {
		s.queried = true
		return nil
	}
	held := max(result.Held.Round(time.Second), time.Second)
	if n := s.Resolver.Queries(); n > 0 {
		return fmt.Errorf("the device sent this resolver %d queries in %s, and none for a name that has an answer: there is nothing to test", n, span.Words(held))
	}
	return Unused(held)
}

// Unused says of a device that did not query the resolver for so long what that means.
func Unused(held time.Duration) error {
	return fmt.Errorf("the device did not query this resolver in %s: it uses another one. Is this machine its only DNS server, and was it restarted since? "+
		"A device with a built-in resolver such as 8.8.8.8, with DNS over HTTPS or TLS, or behind a router that queries in its place, needs another placement: docs/placement.md", span.Words(held.Round(time.Second)))
}

// OfResolver reports whether a spec's placement sees names alone.
func OfResolver(file scenarios.File) bool { return file.Gateway.Placement == scenarios.ByDNS }
