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
// as "IPv4 filter", and the kernel's own chains in them, as "IPv4 filter INPUT".
// The nft backend makes them when they are first written to, and never removes
// them.
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
			if len(there) == 0 {
				continue
			}
			names = append(names, tableName(family, table.name))
			for _, head := range table.heads {
				found, err := askChain(connection, unix.NFT_MSG_GETCHAIN, family, table.name, head)
				if err != nil {
					return nil, fmt.Errorf("listing the chains of nftables: %w", err)
				}
				if len(found) > 0 {
					names = append(names, chainName(family, table.name, head))
				}
			}
		}
	}
	return names, nil
}

func chainName(family Family, table, chain string) string {
	return tableName(family, table) + " " + chain
}

// askChain lists the chain itself, or with NFT_MSG_GETRULE its rules.
func askChain(connection *netlink.Conn, kind uint16, family Family, table, chain string) (found []netlink.Message, err error) {
	inTable, inChain := uint16(unix.NFTA_CHAIN_TABLE), uint16(unix.NFTA_CHAIN_NAME)
	if kind == unix.NFT_MSG_GETRULE {
		inTable, inChain = unix.NFTA_RULE_TABLE, unix.NFTA_RULE_CHAIN
	}
	all, err := ask(connection, kind, family, table, inTable)
	for _, message := range all {
		if name, err := stringIn(message, inChain); err == nil && name == chain {
			found = append(found, message)
		}
	}
	return found, err
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
	replies, err := dump(connection, kind, numbers[family])
	for _, reply := range replies {
		if name, err := stringIn(reply, attribute); err == nil && name == table && reply.Data[0] == numbers[family] {
			found = append(found, reply)
		}
	}
	return found, err
}

// dump lists what there is of a kind in one family, all at one time: a list that
// changed while it was read is read again.
func dump(connection *netlink.Conn, kind uint16, family byte) (replies []netlink.Message, err error) {
	for range dropTries {
		replies, err = dumpOnce(connection, kind, family)
		if err != nil || !slices.ContainsFunc(replies, interrupted) {
			return replies, err
		}
	}
	return nil, errors.New("other programs change the rules all the time: try again when they are done")
}

func interrupted(reply netlink.Message) bool { return reply.Header.Flags&netlink.DumpInterrupted != 0 }

func dumpOnce(connection *netlink.Conn, kind uint16, family byte) (replies []netlink.Message, err error) {
	replies, err = connection.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | netlink.HeaderType(kind), Flags: netlink.Request | netlink.Dump},
		Data:   []byte{family, 0, 0, 0},
	})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	return replies, err
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

// leftover is a table, or one of the kernel's own chains in it.
type leftover struct {
	family       Family
	table, chain string   // chain is "" for the whole table
	heads        []string // of the table
}

func (l leftover) String() string {
	if l.chain == "" {
		return "the empty table " + tableName(l.family, l.table)
	}
	return "the empty chain " + chainName(l.family, l.table, l.chain)
}

// dropLeftovers removes the tables that were not there before and hold no rule
// and no chain but the kernel's own; and of the others those of the kernel's own
// chains that were not there, hold no rule, and refuse nothing.
func dropLeftovers(namespace *netns.Namespace, before []string, dry bool) (changes []string, err error) {
	now, err := Present(namespace)
	if err != nil {
		return nil, err
	}
	for _, l := range leftovers(before, now) {
		dropped, err := dropEmpty(namespace, l, dry)
		if err != nil {
			return changes, fmt.Errorf("removing %s: %w", l, err)
		}
		if dropped {
			changes = append(changes, "remove "+l.String())
		}
	}
	return changes, nil
}

// leftovers are what is present now and was not before.
func leftovers(before, now []string) (found []leftover) {
	for _, family := range Families() {
		for _, table := range tables {
			name := tableName(family, table.name)
			if slices.Contains(now, name) && !slices.Contains(before, name) {
				found = append(found, leftover{family, table.name, "", table.heads})
				continue
			}
			for _, head := range table.heads {
				name := chainName(family, table.name, head)
				if slices.Contains(now, name) && !slices.Contains(before, name) {
					found = append(found, leftover{family, table.name, head, table.heads})
				}
			}
		}
	}
	return found
}

// dropTries is how often a table is looked at again that others write to
// meanwhile.
const dropTries = 4

// dropEmpty removes one of them, if it is empty. The kernel does it only when no
// rule of the namespace has changed since it was looked at.
func dropEmpty(namespace *netns.Namespace, l leftover, dry bool) (dropped bool, err error) {
	for range dropTries {
		generation, err := (&Tables{namespace: namespace}).generation()
		if err != nil {
			return false, err
		}
		empty, err := l.isEmpty(namespace)
		if err != nil || !empty || dry {
			return empty, err
		}
		err = l.drop(namespace, generation)
		if !errors.Is(err, unix.ERESTART) {
			return err == nil, err
		}
	}
	return false, nil // somebody is at work on it, whose it may be from now on
}

func (l leftover) isEmpty(namespace *netns.Namespace) (bool, error) {
	connection, err := dialNFTables(namespace)
	if err != nil {
		return false, err
	}
	defer connection.Close()
	if l.chain != "" {
		rules, err := askChain(connection, unix.NFT_MSG_GETRULE, l.family, l.table, l.chain)
		if err != nil || len(rules) > 0 {
			return false, err
		}
		found, err := askChain(connection, unix.NFT_MSG_GETCHAIN, l.family, l.table, l.chain)
		return !slices.ContainsFunc(found, refuses), err
	}
	rules, err := ask(connection, unix.NFT_MSG_GETRULE, l.family, l.table, unix.NFTA_RULE_TABLE)
	if err != nil || len(rules) > 0 {
		return false, err
	}
	found, err := ask(connection, unix.NFT_MSG_GETCHAIN, l.family, l.table, unix.NFTA_CHAIN_TABLE)
	for _, chain := range found {
		name, err := stringIn(chain, unix.NFTA_CHAIN_NAME)
		if err != nil || !slices.Contains(l.heads, name) || refuses(chain) {
			return false, err
		}
	}
	return true, err
}

// removal is the message that removes it.
func (l leftover) removal() (kind netlink.HeaderType, data []byte, err error) {
	kind = unix.NFT_MSG_DELTABLE
	attributes := []netlink.Attribute{{Type: unix.NFTA_TABLE_NAME, Data: append([]byte(l.table), 0)}}
	if l.chain != "" {
		kind = unix.NFT_MSG_DELCHAIN
		attributes = []netlink.Attribute{
			{Type: unix.NFTA_CHAIN_TABLE, Data: append([]byte(l.table), 0)},
			{Type: unix.NFTA_CHAIN_NAME, Data: append([]byte(l.chain), 0)},
		}
	}
	data, err = netlink.MarshalAttributes(attributes)
	return kind, append([]byte{numbers[l.family], 0, 0, 0}, data...), err
}

// refuses reports whether a chain of the kernel drops what no rule took.
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
func (l leftover) drop(namespace *netns.Namespace, generation uint32) error {
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
	kind, data, err := l.removal()
	if err != nil {
		return err
	}
	batch := []byte{unix.AF_UNSPEC, 0, 0, unix.NFNL_SUBSYS_NFTABLES}
	_, err = connection.SendMessages([]netlink.Message{
		{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_BEGIN, Flags: netlink.Request}, Data: append(batch, expected...)},
		{
			Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | kind, Flags: netlink.Request | netlink.Acknowledge},
			Data:   data,
		},
		{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_END, Flags: netlink.Request}, Data: batch},
	})
	if err != nil {
		return err
	}
	_, err = connection.Receive()
	return err
}
