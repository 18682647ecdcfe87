package watch

import (
	"encoding/binary"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// getAndZero lists connections and sets their counters to zero
// (IPCTNL_MSG_CT_GET_CTRZERO of linux/netfilter/nfnetlink_conntrack.h).
const getAndZero = unix.NFNL_SUBSYS_CTNETLINK<<8 | 3

// The connections that are not of the device are left out by the mark that its
// own ones have (CTA_MARK, CTA_MARK_MASK of the same).
const (
	markValue = 8
	markMask  = 21
)

// CountAnew sets the packet counters of a namespace's connections to zero, in
// shared tables those of the device's alone, so that the next packet on each, in
// either direction, is logged as its first.
// It takes time with the size of the kernel's connection table, which all
// namespaces share, however few are in use: 9 ms for 262,144 buckets.
func CountAnew(namespace *netns.Namespace, layout chains.Layout) error {
	connection, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: namespace.FD()})
	if err != nil {
		return fmt.Errorf("zeroing the counters of connections: %w", err)
	}
	defer connection.Close()
	chosen, err := those(layout)
	if err != nil {
		return err
	}
	_, err = connection.Execute(netlink.Message{
		Header: netlink.Header{Type: getAndZero, Flags: netlink.Request | netlink.Dump},
		Data:   append([]byte{unix.AF_UNSPEC, 0, 0, 0}, chosen...),
	})
	if err != nil {
		return fmt.Errorf("zeroing the counters of connections: %w", err)
	}
	return nil
}

// those are the attributes that limit a listing to the connections that count.
func those(layout chains.Layout) ([]byte, error) {
	if !layout.Shared {
		return nil, nil
	}
	attributes := netlink.NewAttributeEncoder()
	attributes.ByteOrder = binary.BigEndian
	attributes.Uint32(markValue, chains.OwnMark)
	attributes.Uint32(markMask, chains.OwnMark)
	return attributes.Encode()
}
