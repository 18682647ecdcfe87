package block_test

import (
	"net"
	"strconv"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// remembered are the connections that connection tracking knows, by where they go.
func remembered(namespace *netns.Namespace) (remotes []string) {
	GinkgoHelper()
	flows, err := namespace.Netlink().ConntrackTableList(netlink.ConntrackTable, unix.AF_UNSPEC)
	Expect(err).NotTo(HaveOccurred())
	for _, flow := range flows {
		remotes = append(remotes, net.JoinHostPort(flow.Forward.DstIP.String(), strconv.Itoa(int(flow.Forward.DstPort))))
	}
	return remotes
}
