package chains

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// Legacy lists the tables, as "IPv4 filter", in which a namespace has rules or
// policies of the legacy backend. Its packets have to pass these besides those
// of nftables, which are ours. Where the legacy programs are not installed, a
// table that the kernel has counts.
func Legacy(namespace *netns.Namespace) (found []string, err error) {
	err = namespace.Do(func() error {
		for family, program := range map[Family]string{IPv4: "iptables", IPv6: "ip6tables"} {
			names, err := os.ReadFile("/proc/thread-self/net/" + map[Family]string{IPv4: "ip", IPv6: "ip6"}[family] + "_tables_names")
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			for _, table := range strings.Fields(string(names)) {
				rules, err := exec.Command(program+"-legacy-save", "-t", table).Output()
				if err != nil && !errors.Is(err, exec.ErrNotFound) {
					return fmt.Errorf("%s-legacy-save -t %s: %w", program, table, err)
				}
				if err != nil || decides(string(rules)) {
					found = append(found, tableName(family, table))
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for rules of the legacy iptables: %w", err)
	}
	return found, nil
}

// decides reports whether rules, as iptables-save writes them, do anything to any
// packet.
func decides(rules string) bool {
	for line := range strings.Lines(rules) {
		policy := strings.HasPrefix(line, ":") && (strings.Contains(line, " DROP ") || strings.Contains(line, " REJECT "))
		if policy || strings.HasPrefix(line, "-A ") {
			return true
		}
	}
	return false
}

// Where a flow table's names stand in the kernel's messages
// (linux/netfilter/nf_tables.h).
const (
	flowTableTable = 1 // NFTA_FLOWTABLE_TABLE
	flowTableName  = 2 // NFTA_FLOWTABLE_NAME
)

// FlowTables lists the flow tables of a namespace, as "inet fw4 ft". Packets of
// connections in one of them pass no rule and no log. A kernel without them has
// none.
func FlowTables(namespace *netns.Namespace) (found []string, err error) {
	connection, err := dialNFTables(namespace)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	replies, err := dump(connection, unix.NFT_MSG_GETFLOWTABLE, unix.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("listing flow tables: %w", err)
	}
	return flowTables(replies), nil
}

func flowTables(replies []netlink.Message) (found []string) {
	families := map[byte]string{unix.NFPROTO_INET: "inet", unix.NFPROTO_IPV4: "ip", unix.NFPROTO_IPV6: "ip6"}
	for _, reply := range replies {
		table, err := stringIn(reply, flowTableTable)
		if err != nil {
			continue
		}
		name, err := stringIn(reply, flowTableName)
		if err != nil {
			continue
		}
		found = append(found, strings.TrimSpace(fmt.Sprintf("%s %s %s", families[reply.Data[0]], table, name)))
	}
	return found
}
