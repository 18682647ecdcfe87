package watch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/mdlayher/netlink"
	route "github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// Changes notes what happens to the network of a gateway that the gateway did not
// do: an interface that goes down, a pulled cable, an address or a route that
// another program removes, a rule that is gone for a moment. While it lasts a
// device may fail for that reason, or get past the block, and no later look at the
// rules would show it.
//
// In a namespace of the gateway's own everything counts. In shared tables only what
// the device's traffic depends on does: the two interfaces, the default route,
// forwarding, and the gateway's rules.
type Changes struct {
	namespace *netns.Namespace
	shared    bool
	inside    int // index of the interface to the device
	uplink    int
	sockets   []*netlink.Conn
	readers   sync.WaitGroup

	mutex sync.Mutex
	usual state  // of the network, when the gateway was made
	said  string // what happened in the window; "" is nothing
	since bool   // something happened since the network was last as usual
	drops uint64 // packets that connection tracking had dropped when the window was opened
}

// ruleGroup is the kernel's number for changes of nftables' rules
// (NFNLGRP_NFTABLES of linux/netfilter/nfnetlink.h).
const ruleGroup = 7

// state is everything that packets depend on, each thing in words.
type state map[string]bool

// OpenChanges begins to note changes, with the network as it is now as the usual
// one. It takes the rules of the gateway as they are written until the first
// [Changes.Open].
func OpenChanges(namespace *netns.Namespace, layout chains.Layout) (c *Changes, err error) {
	c = &Changes{namespace: namespace, shared: layout.Shared}
	for name, index := range map[string]*int{layout.Inside: &c.inside, layout.Uplink: &c.uplink} {
		link, err := namespace.Netlink().LinkByName(name)
		if err != nil {
			return nil, fmt.Errorf("link %s: %w", name, err)
		}
		*index = link.Attrs().Index
	}
	for family, groups := range map[int][]uint32{
		unix.NETLINK_ROUTE: {
			unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
			unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE, unix.RTNLGRP_IPV4_NETCONF, unix.RTNLGRP_IPV6_NETCONF, unix.RTNLGRP_NEIGH,
		},
		unix.NETLINK_NETFILTER: {ruleGroup},
	} {
		socket, err := netlink.Dial(family, &netlink.Config{NetNS: namespace.FD()})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("watching for changes of the network: %w", err), c.Close())
		}
		c.sockets = append(c.sockets, socket)
		for _, group := range groups {
			if err := socket.JoinGroup(group); err != nil {
				return nil, errors.Join(fmt.Errorf("watching for changes of the network: %w", err), c.Close())
			}
		}
	}
	if c.usual, err = c.look(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	for _, socket := range c.sockets {
		raw, err := socket.SyscallConn()
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.readers.Go(func() {
			_ = raw.Read(func(fd uintptr) bool { c.drain(int(fd)); return false }) // until the socket is closed
		})
	}
	return c, nil
}

// Open begins a window. What is still not as usual counts for it, too.
func (c *Changes) Open() error {
	if err := c.catchUp(); err != nil {
		return err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.said, c.drops = "", c.dropped()
	if !c.since {
		return nil
	}
	now, err := c.look()
	if err != nil {
		return err
	}
	c.said = c.usual.compare(now)
	c.since = c.said != ""
	return nil
}

// Said returns what happened since the window was opened, in words; "" is nothing.
func (c *Changes) Said() (string, error) {
	err := c.catchUp()
	c.lookAtCable()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.dropped() > c.drops {
		c.note("the kernel's table of connections was full, and packets were dropped: see net.netfilter.nf_conntrack_max")
	}
	return c.said, err
}

// dropped counts the packets of the namespace that connection tracking had no room
// for (net/netfilter/nf_conntrack_standalone.c in the kernel's source: names of
// columns, then a line for each processor in hexadecimal). A kernel without the file
// has dropped none.
func (c *Changes) dropped() (count uint64) {
	var text []byte
	_ = c.namespace.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/stat/nf_conntrack")
		return err
	})
	head, rest, _ := strings.Cut(string(text), "\n")
	column := slices.Index(strings.Fields(head), "drop")
	for line := range strings.Lines(rest) {
		if fields := strings.Fields(line); column >= 0 && len(fields) > column {
			some, _ := strconv.ParseUint(fields[column], 16, 64) // the kernel writes no others
			count += some
		}
	}
	return count
}

// catchUp reads what the kernel has queued.
func (c *Changes) catchUp() (err error) {
	for _, socket := range c.sockets {
		raw, failed := socket.SyscallConn()
		if failed == nil {
			failed = raw.Control(func(fd uintptr) { c.drain(int(fd)) })
		}
		err = errors.Join(err, failed)
	}
	return err
}

func (c *Changes) drain(fd int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	buffer := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buffer, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.ENOBUFS) {
			c.note("more of the network changed than could be read")
			continue
		}
		if err != nil {
			return
		}
		messages, err := syscall.ParseNetlinkMessage(buffer[:n])
		if err != nil {
			continue
		}
		for _, message := range messages {
			c.note(c.words(message))
		}
	}
}

// note records a change; "" is none. The caller holds the lock.
func (c *Changes) note(words string) {
	if words == "" {
		return
	}
	c.since = true
	if c.said == "" {
		c.said = words
	}
}

// lookAtCable notes an uplink without a carrier, of which the kernel may tell only a
// second later.
func (c *Changes) lookAtCable() {
	link, err := c.namespace.Netlink().LinkByIndex(c.uplink)
	if err == nil && link.Attrs().RawFlags&unix.IFF_LOWER_UP != 0 {
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.note(withoutCarrier)
}

const withoutCarrier = "its interface to the home network lost its carrier: was a cable pulled?"

// words says what a message means for the device's traffic; "" is nothing.
func (c *Changes) words(message syscall.NetlinkMessage) string {
	kind, data := message.Header.Type, message.Data
	if kind>>8 == unix.NFNL_SUBSYS_NFTABLES {
		return c.ruleWords(kind&0xff, data)
	}
	switch kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		return c.linkWords(kind, data)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		header := nl.DeserializeIfAddrmsg(data)
		if c.shared && (kind == unix.RTM_NEWADDR || int(header.Index) != c.inside) || kernelsOwn(data[unix.SizeofIfAddrmsg:]) {
			return ""
		}
		return "the addresses of its interfaces changed"
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		header := nl.DeserializeRtMsg(data)
		counts := header.Type == unix.RTN_UNICAST || header.Type == unix.RTN_LOCAL
		if !counts || c.shared && header.Dst_len > 0 || kernelsOwn(data[unix.SizeofRtMsg:]) {
			return ""
		}
		return "its routes changed"
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		if !c.shared {
			return "its routing rules changed"
		}
	case unix.RTM_NEWNETCONF:
		return c.forwardingWords(data)
	case unix.RTM_NEWNEIGH:
		if len(data) >= unix.SizeofNdMsg && binary.NativeEndian.Uint16(data[8:])&route.NUD_PERMANENT != 0 && c.ours(int(binary.NativeEndian.Uint32(data[4:]))) {
			return "another program wrote a permanent entry into its ARP table"
		}
	}
	return ""
}

// kernelsOwn reports whether an address or a route, by its attributes, is a
// link-local one, which the kernel adds and removes as it likes.
func kernelsOwn(attributes []byte) bool {
	const destination = 1 // RTA_DST, and IFA_ADDRESS
	all, err := nl.ParseRouteAttr(attributes)
	return err == nil && slices.ContainsFunc(all, func(a syscall.NetlinkRouteAttr) bool {
		address, ok := netip.AddrFromSlice(a.Value)
		return a.Attr.Type == destination && ok && address.Is6() && address.IsLinkLocalUnicast()
	})
}

func (c *Changes) ours(index int) bool { return index == c.inside || index == c.uplink }

// linkWords looks at the interface itself: a message comes for many reasons.
func (c *Changes) linkWords(kind uint16, data []byte) string {
	header := nl.DeserializeIfInfomsg(data)
	up, carrier := header.Flags&unix.IFF_UP != 0, header.Flags&unix.IFF_LOWER_UP != 0
	role := map[int]string{c.inside: "its interface to the device", c.uplink: "its interface to the home network"}[int(header.Index)]
	if role == "" {
		role = "one of its interfaces"
	}
	switch {
	case c.shared && !c.ours(int(header.Index)):
		return ""
	case kind == unix.RTM_DELLINK:
		return role + " is gone"
	case !up:
		return role + " was set down"
	case !carrier && int(header.Index) == c.uplink: // a device that is switched off takes the other's away
		return withoutCarrier
	}
	return ""
}

// forwardingWords reads a change of the kernel's forwarding
// (linux/netconf.h: NETCONFA_IFINDEX, NETCONFA_FORWARDING).
func (c *Changes) forwardingWords(data []byte) string {
	const netconfHeader, index, forwarding, everywhere = 4, 1, 2, -1
	if len(data) < netconfHeader {
		return ""
	}
	attributes, err := netlink.NewAttributeDecoder(data[netconfHeader:])
	if err != nil {
		return ""
	}
	link, off := 0, false
	for attributes.Next() {
		switch attributes.Type() {
		case index:
			link = int(attributes.Int32())
		case forwarding:
			off = attributes.Int32() == 0
		}
	}
	if off && (link == everywhere || c.ours(link)) {
		return "forwarding was switched off"
	}
	return ""
}

// ruleWords reads a change of the kernel's rules. The gateway itself adds rules to
// two of its chains while a block is held.
func (c *Changes) ruleWords(kind uint16, data []byte) string {
	switch kind {
	case unix.NFT_MSG_NEWRULE:
		for _, own := range []string{"NEEDWANT-RULES\x00", "NEEDWANT-ONLY\x00"} {
			if bytes.Contains(data, []byte(own)) {
				return ""
			}
		}
	case unix.NFT_MSG_DELRULE, unix.NFT_MSG_DELCHAIN, unix.NFT_MSG_DELTABLE:
	default:
		return ""
	}
	if c.shared && !bytes.Contains(data, []byte(chains.OwnPrefix)) {
		return ""
	}
	return "another program changed its firewall rules"
}

// look lists the state of the network.
func (c *Changes) look() (state, error) {
	handle, now := c.namespace.Netlink(), state{}
	links, err := handle.LinkList()
	if err != nil {
		return nil, fmt.Errorf("looking at the network: %w", err)
	}
	for _, link := range links {
		a := link.Attrs()
		if a.Flags&net.FlagUp != 0 && (!c.shared || c.ours(a.Index)) {
			now["interface "+a.Name+" is up"] = true
		}
		if a.Index == c.uplink && a.RawFlags&unix.IFF_LOWER_UP != 0 {
			now["interface "+a.Name+" has a carrier"] = true
		}
	}
	addresses, err := handle.AddrList(nil, route.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("looking at the network: %w", err)
	}
	for _, a := range addresses {
		if !a.IP.IsLinkLocalUnicast() && (!c.shared || a.LinkIndex == c.inside) {
			now[fmt.Sprintf("address %s", a.IPNet)] = true
		}
	}
	routes, err := handle.RouteListFiltered(route.FAMILY_ALL, &route.Route{Table: unix.RT_TABLE_UNSPEC}, route.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("looking at the network: %w", err)
	}
	for _, r := range routes {
		if r.Dst != nil && r.Dst.IP.IsLinkLocalUnicast() {
			continue // the kernel adds and removes these
		}
		everywhere := r.Dst == nil || r.Dst.IP.IsUnspecified()
		if counts := r.Type == unix.RTN_UNICAST || r.Type == unix.RTN_LOCAL; counts && (everywhere || !c.shared) {
			now[fmt.Sprintf("route to %s by link %d in table %d", r.Dst, r.LinkIndex, r.Table)] = true
		}
	}
	return now, c.lookAtRest(now)
}

// lookAtRest adds routing rules, the ARP table, and forwarding.
func (c *Changes) lookAtRest(now state) error {
	handle := c.namespace.Netlink()
	for _, family := range []int{route.FAMILY_V4, route.FAMILY_V6} {
		rules, err := handle.RuleList(family)
		if err != nil {
			return fmt.Errorf("looking at the network: %w", err)
		}
		for _, rule := range rules {
			if !c.shared {
				now[fmt.Sprintf("routing rule %s", rule)] = true
			}
		}
	}
	neighbours, err := handle.NeighList(0, route.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("looking at the network: %w", err)
	}
	if !slices.ContainsFunc(neighbours, func(n route.Neigh) bool { return n.State&route.NUD_PERMANENT != 0 && c.ours(n.LinkIndex) }) {
		now["no entry of its ARP table is permanent"] = true
	}
	return c.namespace.Do(func() error {
		for _, key := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
			value, err := os.ReadFile("/proc/sys/net/" + key)
			if err == nil && strings.TrimSpace(string(value)) == "1" { // a kernel may lack IPv6
				now["forwarding is on ("+key+")"] = true
			}
		}
		return nil
	})
}

// compare says what is missing now; "" is nothing.
func (usual state) compare(now state) string {
	for thing := range usual {
		if !now[thing] {
			return "this is no longer so: " + thing
		}
	}
	return ""
}

// Close ends the notes.
func (c *Changes) Close() (err error) {
	for _, socket := range c.sockets {
		err = errors.Join(err, socket.Close())
	}
	c.readers.Wait()
	return err
}
