package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// End is one end of a cable between two namespaces.
type End struct {
	Namespace *Namespace
	Name      string           // of the link, at most 15 bytes
	MAC       net.HardwareAddr // nil lets the kernel choose
}

// Veth lays a cable straight between two namespaces, never through the host's,
// and sets both ends up.
func Veth(a, b End) error {
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.HardwareAddr = a.Name, a.MAC
	cable := &netlink.Veth{
		LinkAttrs:        attributes,
		PeerName:         b.Name,
		PeerHardwareAddr: b.MAC,
		PeerNamespace:    netlink.NsFd(b.Namespace.FD()),
	}
	if err := a.Namespace.handle.LinkAdd(cable); err != nil {
		return fmt.Errorf("laying a cable from %s to %s: %w", a.Name, b.Name, err)
	}
	if err := b.Namespace.SetUp(b.Name); err != nil {
		return err
	}
	return a.Namespace.SetUp(a.Name)
}

// AddBridge makes a bridge of links that the namespace has, and sets it up. It
// forwards at once, multicast included.
func (n *Namespace) AddBridge(name string, ports ...string) error {
	attributes := netlink.NewLinkAttrs()
	attributes.Name = name
	snooping := false
	bridge := &netlink.Bridge{LinkAttrs: attributes, MulticastSnooping: &snooping}
	if err := n.handle.LinkAdd(bridge); err != nil {
		return fmt.Errorf("adding bridge %s: %w", name, err)
	}
	for _, port := range ports {
		link, err := n.link(port)
		if err != nil {
			return err
		}
		if err := n.handle.LinkSetMaster(link, bridge); err != nil {
			return fmt.Errorf("putting %s on bridge %s: %w", port, name, err)
		}
	}
	return n.SetUp(name)
}

// SetUp sets a link up.
func (n *Namespace) SetUp(link string) error {
	return n.onLink(link, "setting up", n.handle.LinkSetUp)
}

// SetDown sets a link down.
func (n *Namespace) SetDown(link string) error {
	return n.onLink(link, "setting down", n.handle.LinkSetDown)
}

// SetMAC gives a link its hardware address.
func (n *Namespace) SetMAC(link string, mac net.HardwareAddr) error {
	return n.onLink(link, "giving "+mac.String()+" to", func(l netlink.Link) error {
		return n.handle.LinkSetHardwareAddr(l, mac)
	})
}

// AddAddress gives a link an address with the length of its network. An IPv6
// address is usable at once.
func (n *Namespace) AddAddress(link string, prefix netip.Prefix) error {
	return n.onLink(link, "adding "+prefix.String()+" to", func(l netlink.Link) error {
		address := &netlink.Addr{IPNet: hostNetwork(prefix)}
		if prefix.Addr().Is6() {
			address.Flags = unix.IFA_F_NODAD
		}
		return n.handle.AddrAdd(l, address)
	})
}

// Absent reports whether an error of a lookup says that there is no such
// interface. Any other error says nothing about that.
func Absent(err error) bool {
	_, not := errors.AsType[netlink.LinkNotFoundError](err)
	return not || errors.Is(err, unix.ENODEV)
}

// KernelName is the name by which the kernel's rules and parameters know an
// interface, which may have alternative ones. See [Absent] for the error if there
// is no such interface.
func (n *Namespace) KernelName(name string) (string, error) {
	link, err := n.link(name)
	if err != nil {
		return "", err
	}
	return link.Attrs().Name, nil
}

// Owns reports whether an address is one of the namespace's own, the loopback's
// included.
func (n *Namespace) Owns(address netip.Addr) (bool, error) {
	if address.IsLoopback() {
		return true, nil
	}
	owned, err := n.handle.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return false, fmt.Errorf("listing addresses: %w", err)
	}
	return slices.ContainsFunc(owned, func(a netlink.Addr) bool { return a.IP.Equal(address.AsSlice()) }), nil
}

// Addresses lists the addresses of all interfaces.
func (n *Namespace) Addresses() (addresses []netip.Addr, err error) {
	owned, err := n.handle.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("listing addresses: %w", err)
	}
	for _, one := range owned {
		if address, ok := netip.AddrFromSlice(one.IP); ok {
			addresses = append(addresses, address.Unmap())
		}
	}
	return addresses, nil
}

func (n *Namespace) onLink(name, what string, act func(netlink.Link) error) error {
	link, err := n.link(name)
	if err != nil {
		return err
	}
	if err := act(link); err != nil {
		return fmt.Errorf("%s link %s: %w", what, name, err)
	}
	return nil
}

func (n *Namespace) link(name string) (netlink.Link, error) {
	link, err := n.handle.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("link %s: %w", name, err)
	}
	return link, nil
}

// hostNetwork keeps the host bits of the address.
func hostNetwork(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
