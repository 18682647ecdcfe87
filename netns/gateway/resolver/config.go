package resolver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/names"
)

// Config says which device a resolver blocks names for, and where it gets its answers.
type Config struct {
	// Namespace is where the upstream resolver is queried and the table of neighbours
	// read. Nil is that of the process, for which no privileges are needed.
	Namespace *netns.Namespace

	Sockets  names.Sockets  // where it is queried; closed with the resolver
	Upstream netip.AddrPort // the resolver that has the answers

	// MAC and Address are the device's; one of them is enough. A client whose MAC
	// address is in the table of neighbours is known by that, and otherwise by its
	// address.
	MAC     net.HardwareAddr
	Address netip.Addr

	// Always names what is blocked at all times, under the fault of the last Block.
	Always []harness.Pattern

	// Only finds the names of a contact that are on a blocklist. A contact without one
	// is not judged. Nil judges all.
	Only func(harness.Contact) (listed []string)
}

func (c Config) validate() error {
	if c.MAC == nil && !c.Address.IsValid() {
		return errors.New("a resolver needs the device's MAC address or its address")
	}
	if c.Sockets.Packets.LocalAddr().String() == c.Upstream.String() {
		return fmt.Errorf("%s is the resolver itself: name another one as upstream, for example the home router", c.Upstream)
	}
	return nil
}
