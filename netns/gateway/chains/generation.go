package chains

import (
	"encoding/binary"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// headerSize is that of struct nfgenmsg (linux/netfilter/nfnetlink.h), all zero
// in a request about the whole namespace.
const headerSize = 4

// generation is a number that the kernel raises whenever any rule of the
// namespace's nftables changes, and so with every change through the nft backend
// of iptables (NFT_MSG_GETGEN of linux/netfilter/nf_tables.h). It is 0, which
// the kernel never says, where the rules are those of the legacy backend.
func (t *Tables) generation() (uint32, error) {
	if t.legacy {
		return 0, nil
	}
	connection, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: t.namespace.FD()})
	if err != nil {
		return 0, fmt.Errorf("asking for the generation of the rules: %w", err)
	}
	defer connection.Close()
	replies, err := connection.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN, Flags: netlink.Request},
		Data:   make([]byte, headerSize),
	})
	if err != nil {
		return 0, fmt.Errorf("asking for the generation of the rules: %w", err)
	}
	return parseGeneration(replies)
}

func parseGeneration(replies []netlink.Message) (uint32, error) {
	for _, reply := range replies {
		if len(reply.Data) < headerSize {
			continue
		}
		attributes, err := netlink.NewAttributeDecoder(reply.Data[headerSize:])
		if err != nil {
			return 0, err
		}
		attributes.ByteOrder = binary.BigEndian
		for attributes.Next() {
			if attributes.Type() == unix.NFTA_GEN_ID {
				return attributes.Uint32(), attributes.Err()
			}
		}
	}
	return 0, fmt.Errorf("the kernel told no generation of its rules")
}
