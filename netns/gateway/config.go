package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/attribution"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/dhcp"
	"github.com/needwant/needwant/netns/gateway/names"
)

// Config says where a gateway stands and how it works.
type Config struct {
	// Namespace has both links, up and with their addresses and routes.
	Namespace *netns.Namespace
	Inside    string // link to the device
	Uplink    string // link to the home LAN and the internet

	// MAC is the device's hardware address. Nil takes all that comes in by the
	// inside link for the device's, whatever its addresses.
	MAC net.HardwareAddr

	// Shared says that the namespace is the machine's own, and its tables are full
	// of others' rules and connections. Then only what the device sends, and what
	// comes back to it, is ours to see: by MAC, Address and Inside. The rules stay
	// when the gateway is closed, but have no force any more.
	Shared  bool
	Address netip.Addr // of the device, over IPv4; needed where Shared

	// LAN is the home network behind the uplink. From there controllers reach
	// the device, which sees them as the gateway itself, since some devices
	// answer nobody outside their own subnet. LAN hosts are no destinations.
	LAN []netip.Prefix

	// Controllers are hosts of the home network, or networks in it, that the device
	// may call by itself. All others it may only answer, since one of them could
	// relay what is blocked. Mingle lets it call all. In shared tables the device is
	// at home, and nothing is between.
	Controllers []netip.Prefix
	Mingle      bool

	// Alone says that nobody but the device is behind the inside link: what comes
	// from another hardware address than MAC is kept back.
	Alone bool

	// OtherProtocols lets pass what the device sends to the internet that is neither
	// TCP nor UDP nor an ICMP echo, which no block tests. Otherwise it is dropped.
	OtherProtocols bool

	// Upstream is the resolver behind the gateway's own.
	Upstream netip.AddrPort

	// Leases gives the device its address, and can name the gateway as a time server. Nil if
	// another server does.
	Leases *dhcp.Server

	Forward []Forward // ports of the gateway's that lead to the device

	// Apart makes names that share an address and a port destinations of their
	// own, for a run in which names are blocked: that tells them apart. Without
	// it they are one, by the name of one of them.
	Apart bool

	Driver string   // "ipset" or "iptables"
	Keep   []string // of "dhcp" and "dns": never blocked, and no destinations

	// Always names destinations that are blocked at all times, also when [Gateway.Block]
	// blocks nothing. They are blocked by their addresses, under the fault of the
	// last Block.
	Always []harness.Pattern

	// Only finds the names of a contact that are on a blocklist. A contact without one
	// is not a destination. Nil makes every contact one.
	Only func(harness.Contact) (listed []string)
}

func (c Config) layout() chains.Layout {
	return chains.Layout{
		Inside: c.Inside, Uplink: c.Uplink, MAC: c.MAC, LAN: c.LAN,
		Shared: c.Shared, Address: c.Address, Resolver: c.resolverPort(),
	}
}

func (c Config) attribution(a addresses) attribution.Config {
	return attribution.Config{
		Own: a.own, Inside: a.inside, Home: slices.Concat(c.LAN, a.networks), Resolver: c.resolverPort(),
		KeepDNS: slices.Contains(c.Keep, "dns"), Apart: c.Apart, Always: c.Always, Only: c.Only,
	}
}

// resolverPort is where our resolver answers.
func (c Config) resolverPort() uint16 {
	if c.Shared {
		return chains.SharedResolver
	}
	return names.Port
}

// only is the one source address over IPv4 that the resolver answers, invalid if any.
// In shared tables other hosts can reach its port, too.
func (c Config) only() netip.Addr {
	if c.Shared {
		return c.Address
	}
	return netip.Addr{}
}

// validate finds what would only fail later, and less clearly.
func (c Config) validate() error {
	var problems []error
	if c.Namespace == nil {
		problems = append(problems, errors.New("a gateway needs a namespace"))
	}
	if c.Inside == "" || c.Uplink == "" || c.Inside == c.Uplink {
		problems = append(problems, fmt.Errorf("a gateway needs two links, not %q and %q", c.Inside, c.Uplink))
	}
	if !c.Upstream.IsValid() {
		problems = append(problems, errors.New("a gateway needs a resolver to ask, e.g. 192.168.1.1:53"))
	}
	if c.Shared && (c.MAC == nil || !c.Address.Is4()) {
		problems = append(problems, errors.New("a gateway in shared tables needs the device's hardware address and its address over IPv4"))
	}
	for _, forward := range c.Forward {
		problems = append(problems, forward.validate())
	}
	for _, kept := range c.Keep {
		if kept != "dhcp" && kept != "dns" {
			problems = append(problems, fmt.Errorf("%q cannot be kept: write dhcp or dns", kept))
		}
	}
	return errors.Join(problems...)
}
