package chains

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// numbers are those of the families in nftables' messages.
var numbers = map[Family]byte{IPv4: unix.NFPROTO_IPV4, IPv6: unix.NFPROTO_IPV6}

// Present lists those tables of iptables that a namespace has in nftables now,
// as "IPv4 filter". The nft backend makes them when they are first written to,
// and never removes them.
func Present(namespace *netns.Namespace) (names []string, err error) {
	connection, err := dialNFTables(namespace)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	for _, family := range Families() {
		for _, table := range tables {
			there, err := ask(connection, unix.NFT_MSG_GETTABLE, family, table.name, unix.NFTA_TABLE_NAME)
			if err != nil {
				return nil, fmt.Errorf("listing the tables of nftables: %w", err)
			}
			if len(there) > 0 {
				names = append(names, tableName(family, table.name))
			}
		}
	}
	return names, nil
}

func tableName(family Family, table string) string { return family.String() + " " + table }

func dialNFTables(namespace *netns.Namespace) (*netlink.Conn, error) {
	connection, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: namespace.FD()})
	if err != nil {
		return nil, fmt.Errorf("asking for nftables: %w", err)
	}
	return connection, nil
}

// ask lists what there is of a kind in one table, whose name the attribute of
// that number holds. A kernel without nftables has nothing.
func ask(connection *netlink.Conn, kind uint16, family Family, table string, attribute uint16) (found []netlink.Message, err error) {
	replies, err := connection.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | netlink.HeaderType(kind), Flags: netlink.Request | netlink.Dump},
		Data:   []byte{numbers[family], 0, 0, 0},
	})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	for _, reply := range replies {
		if name, err := stringIn(reply, attribute); err == nil && name == table && reply.Data[0] == numbers[family] {
			found = append(found, reply)
		}
	}
	return found, err
}

func stringIn(message netlink.Message, attribute uint16) (string, error) {
	if len(message.Data) < headerSize {
		return "", errors.New("a message without a head")
	}
	attributes, err := netlink.NewAttributeDecoder(message.Data[headerSize:])
	if err != nil {
		return "", err
	}
	for attributes.Next() {
		if attributes.Type() == attribute {
			return attributes.String(), nil
		}
	}
	return "", attributes.Err()
}

// dropTables removes the tables that were not there before and hold no rule and
// no chain but the kernel's own.
func dropTables(namespace *netns.Namespace, before []string, dry bool) (changes []string, err error) {
	now, err := Present(namespace)
	if err != nil {
		return nil, err
	}
	for _, family := range Families() {
		for _, table := range tables {
			name := tableName(family, table.name)
			if !slices.Contains(now, name) || slices.Contains(before, name) {
				continue
			}
			dropped, err := dropEmpty(namespace, family, table.name, table.heads, dry)
			if err != nil {
				return changes, fmt.Errorf("removing the empty table %s: %w", name, err)
			}
			if dropped {
				changes = append(changes, "remove the empty table "+name)
			}
		}
	}
	return changes, nil
}

// dropTries is how often a table is looked at anew that others write to
// meanwhile.
const dropTries = 4

// dropEmpty removes one table, if it is empty. The kernel does it only when no
// rule of the namespace has changed since it was looked at.
func dropEmpty(namespace *netns.Namespace, family Family, table string, heads []string, dry bool) (dropped bool, err error) {
	for range dropTries {
		generation, err := (&Tables{namespace: namespace}).generation()
		if err != nil {
			return false, err
		}
		empty, err := isEmpty(namespace, family, table, heads)
		if err != nil || !empty || dry {
			return empty, err
		}
		err = drop(namespace, family, table, generation)
		if !errors.Is(err, unix.ERESTART) {
			return err == nil, err
		}
	}
	return false, nil // somebody is at work on it, whose it may be from now on
}

func isEmpty(namespace *netns.Namespace, family Family, table string, heads []string) (bool, error) {
	connection, err := dialNFTables(namespace)
	if err != nil {
		return false, err
	}
	defer connection.Close()
	rules, err := ask(connection, unix.NFT_MSG_GETRULE, family, table, unix.NFTA_RULE_TABLE)
	if err != nil || len(rules) > 0 {
		return false, err
	}
	found, err := ask(connection, unix.NFT_MSG_GETCHAIN, family, table, unix.NFTA_CHAIN_TABLE)
	for _, chain := range found {
		name, err := stringIn(chain, unix.NFTA_CHAIN_NAME)
		if err != nil || !slices.Contains(heads, name) || refuses(chain) {
			return false, err
		}
	}
	return true, err
}

// refuses tells whether a chain of the kernel drops what no rule took.
func refuses(chain netlink.Message) bool {
	attributes, err := netlink.NewAttributeDecoder(chain.Data[headerSize:])
	if err != nil {
		return true
	}
	attributes.ByteOrder = binary.BigEndian
	const accept = 1 // NF_ACCEPT of linux/netfilter.h
	for attributes.Next() {
		if attributes.Type() == unix.NFTA_CHAIN_POLICY {
			return attributes.Uint32() != accept
		}
	}
	return false
}

// drop sends a batch of one removal, good for one generation of the rules
// (NFNL_BATCH_GENID of linux/netfilter/nfnetlink.h).
func drop(namespace *netns.Namespace, family Family, table string, generation uint32) error {
	connection, err := dialNFTables(namespace)
	if err != nil {
		return err
	}
	defer connection.Close()
	const generationID = 1
	expected, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: generationID, Data: binary.BigEndian.AppendUint32(nil, generation)}})
	if err != nil {
		return err
	}
	name, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: unix.NFTA_TABLE_NAME, Data: append([]byte(table), 0)}})
	if err != nil {
		return err
	}
	batch := []byte{unix.AF_UNSPEC, 0, 0, unix.NFNL_SUBSYS_NFTABLES}
	_, err = connection.SendMessages([]netlink.Message{
		{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_BEGIN, Flags: netlink.Request}, Data: append(batch, expected...)},
		{
			Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_DELTABLE, Flags: netlink.Request | netlink.Acknowledge},
			Data:   append([]byte{numbers[family], 0, 0, 0}, name...),
		},
		{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_END, Flags: netlink.Request}, Data: batch},
	})
	if err != nil {
		return err
	}
	_, err = connection.Receive()
	return err
}
