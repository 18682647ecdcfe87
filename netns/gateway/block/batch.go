package block

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// batchEntries is how many entries go in one message. An attribute is at most
// 65,535 bytes long, and an entry of IPv6 takes 52.
const batchEntries = 1000

// addBatch adds members to a set, many in one message, which the netlink
// library does not offer. Members that are there already are not an error.
func addBatch(namespace *netns.Namespace, set string, members []member) error {
	if len(members) == 0 {
		return nil
	}
	connection, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: namespace.FD()})
	if err != nil {
		return err
	}
	defer connection.Close()
	for chunk := range slices.Chunk(members, batchEntries) {
		data, err := encodeBatch(set, chunk)
		if err != nil {
			return err
		}
		_, err = connection.Execute(netlink.Message{
			Header: netlink.Header{
				Type:  netlink.HeaderType(unix.NFNL_SUBSYS_IPSET<<8 | nl.IPSET_CMD_ADD),
				Flags: netlink.Request | netlink.Acknowledge,
			},
			Data: data,
		})
		if err != nil {
			return fmt.Errorf("adding %d entries to ipset %s: %w", len(chunk), set, err)
		}
	}
	return nil
}

// encodeBatch writes the message's body: struct nfgenmsg, then attributes, of
// which IPSET_ATTR_ADT holds one IPSET_ATTR_DATA for each entry
// (linux/netfilter/ipset/ip_set.h).
func encodeBatch(set string, members []member) ([]byte, error) {
	attributes := netlink.NewAttributeEncoder()
	attributes.ByteOrder = binary.BigEndian
	attributes.Uint8(nl.IPSET_ATTR_PROTOCOL, nl.IPSET_PROTOCOL)
	attributes.String(nl.IPSET_ATTR_SETNAME, set)
	attributes.Uint32(nl.IPSET_ATTR_LINENO|netlink.NetByteOrder, 0) // the kernel insists on it in a batch
	attributes.Nested(nl.IPSET_ATTR_ADT, func(batch *netlink.AttributeEncoder) error {
		for _, m := range members {
			batch.Nested(nl.IPSET_ATTR_DATA, func(data *netlink.AttributeEncoder) error {
				encodeMember(data, m)
				return nil
			})
		}
		return nil
	})
	encoded, err := attributes.Encode()
	return append([]byte{unix.AF_NETLINK, nl.NFNETLINK_V0, 0, 0}, encoded...), err
}

// encodeMember writes an address, and its protocol and port if the set has those.
func encodeMember(data *netlink.AttributeEncoder, m member) {
	kind := uint16(nl.IPSET_ATTR_IPADDR_IPV6)
	if chains.FamilyOf(m.address) == chains.IPv4 {
		kind = nl.IPSET_ATTR_IPADDR_IPV4
	}
	data.Nested(nl.IPSET_ATTR_IP, func(address *netlink.AttributeEncoder) error {
		address.Bytes(kind|netlink.NetByteOrder, m.address.Unmap().AsSlice())
		return nil
	})
	if m.protocol == 0 {
		return
	}
	data.Uint8(nl.IPSET_ATTR_PROTO, m.protocol)
	data.Uint16(nl.IPSET_ATTR_PORT|netlink.NetByteOrder, m.port)
}
