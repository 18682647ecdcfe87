package block

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/conntrack"
)

// mostResets is how many connections are reset when a block begins, at most. It
// limits what a device with many connections can make the gateway send.
const mostResets = 1024

// Connection is a TCP connection that the device began, by the addresses that the
// device uses.
type Connection struct{ Device, Remote netip.AddrPort }

// Established lists the TCP connections of the device to these entries that are
// open on both sides, [mostResets] at most.
func Established(namespace *netns.Namespace, tracked *conntrack.Table, layout chains.Layout, entries []Entry) (connections []Connection, err error) {
	streams := slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return numberOf(e) != unix.IPPROTO_TCP })
	if len(streams) == 0 {
		return nil, nil
	}
	own, err := namespace.Addresses()
	if err != nil {
		return nil, err
	}
	flows, err := tracked.List(selected(layout, streams).matches)
	if err != nil {
		return nil, fmt.Errorf("listing connections to %d addresses: %w", len(entries), err)
	}
	for _, flow := range flows {
		gateways := slices.Contains(own, flow.Client.Addr())
		if flow.Established && !gateways && len(connections) < mostResets {
			connections = append(connections, Connection{flow.Client, flow.Target})
		}
	}
	return connections, nil
}

// Reset makes the device lose blocked connections at once, also those on which
// it says nothing. The block must be in force, or the connections forgotten.
//
// The device gets a SYN for each, as if the other end had been restarted. It
// answers with an ACK that names the sequence number it expects (RFC 5961, section
// 4; RFC 9293, section 3.10.7.4). That ACK runs into the block, which replies with a
// RST of exactly this number. The SYN leaves by the inside interface only, past
// the kernel's routes, rules and connection tracking.
func Reset(namespace *netns.Namespace, layout chains.Layout, connections []Connection) error {
	if len(connections) == 0 {
		return nil
	}
	link, err := namespace.Netlink().LinkByName(layout.Inside)
	if err != nil {
		return fmt.Errorf("resetting %d connections: interface %s: %w", len(connections), layout.Inside, err)
	}
	neighbours, err := neighboursOf(namespace, link, layout.MAC)
	if err != nil {
		return fmt.Errorf("resetting %d connections: %w", len(connections), err)
	}
	err = namespace.Do(func() error {
		socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		for _, c := range connections {
			if to := neighbours(c.Device.Addr()); to != nil {
				err = errors.Join(err, sendSYN(socket, link.Attrs().Index, to, c))
			}
		}
		return errors.Join(err, unix.Close(socket))
	})
	if err != nil {
		return fmt.Errorf("resetting %d connections: %w", len(connections), err)
	}
	return nil
}

// neighboursOf returns a function from the device's addresses to its MAC address. If
// it is not known beforehand, it is the one that the kernel last sent packets to;
// nil if there is none.
func neighboursOf(namespace *netns.Namespace, link netlink.Link, known net.HardwareAddr) (func(netip.Addr) net.HardwareAddr, error) {
	if known != nil {
		return func(netip.Addr) net.HardwareAddr { return known }, nil
	}
	found, err := namespace.Netlink().NeighList(link.Attrs().Index, unix.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("listing the neighbours on %s: %w", link.Attrs().Name, err)
	}
	return func(address netip.Addr) net.HardwareAddr {
		for _, neighbour := range found {
			if ip, _ := netip.AddrFromSlice(neighbour.IP); ip.Unmap() == address && len(neighbour.HardwareAddr) > 0 {
				return neighbour.HardwareAddr
			}
		}
		return nil
	}, nil
}

// sendSYN sends the device a SYN that claims to be of the other end. An interface that
// is down, or has no room, makes it fail silently: then the connection lives on, and the
// trial is no worse than if the device did not answer.
func sendSYN(socket, link int, to net.HardwareAddr, c Connection) error {
	packet, kind, err := syn(c)
	if err != nil {
		return err
	}
	where := &unix.SockaddrLinklayer{
		Protocol: binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, kind)),
		Ifindex:  link, Halen: uint8(len(to)),
	}
	copy(where.Addr[:], to)
	_ = unix.Sendto(socket, packet, 0, where)
	return nil
}

// syn is the packet, with the number of its protocol in Ethernet frames.
func syn(c Connection) (packet []byte, kind uint16, err error) {
	const hops = 64
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(c.Remote.Port()), DstPort: layers.TCPPort(c.Device.Port()),
		SYN: true, Window: 65535,
	}
	source, destination := c.Remote.Addr().AsSlice(), c.Device.Addr().AsSlice()
	var header interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	}
	if c.Remote.Addr().Is4() {
		kind = unix.ETH_P_IP
		header = &layers.IPv4{Version: 4, TTL: hops, Protocol: layers.IPProtocolTCP, SrcIP: source, DstIP: destination}
	} else {
		kind = unix.ETH_P_IPV6
		header = &layers.IPv6{Version: 6, HopLimit: hops, NextHeader: layers.IPProtocolTCP, SrcIP: source, DstIP: destination}
	}
	if err := tcp.SetNetworkLayerForChecksum(header); err != nil {
		return nil, 0, err
	}
	buffer := gopacket.NewSerializeBuffer()
	err = gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, header, tcp)
	return buffer.Bytes(), kind, err
}
