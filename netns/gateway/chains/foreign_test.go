package chains_test

import (
	"os/exec"
	"time"

	"github.com/mdlayher/netlink"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/netnstest"
)

var _ = Describe("rules of the legacy iptables", Label("root"), func() {
	It("are found, and tables without any are not", func(ctx SpecContext) {
		if _, err := exec.LookPath("iptables-legacy"); err != nil {
			Skip("there is no legacy iptables here")
		}
		namespace := netnstest.New()
		Expect(chains.Legacy(namespace)).To(BeEmpty())
		netnstest.Shell(ctx, namespace, "iptables -A INPUT -j ACCEPT; iptables-legacy -L -n") // which makes the table
		Expect(chains.Legacy(namespace)).To(BeEmpty())
		netnstest.Shell(ctx, namespace, "iptables-legacy -t nat -A POSTROUTING -o eth9 -j MASQUERADE; ip6tables-legacy -P FORWARD DROP")
		Expect(chains.Legacy(namespace)).To(ConsistOf("IPv4 nat", "IPv6 filter"))
	}, SpecTimeout(30*time.Second))
})

var _ = Describe("flow tables", func() {
	It("are found by the kernel's own words", func() {
		data, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: 1, Data: []byte("fw4\x00")}, {Type: 2, Data: []byte("ft\x00")}})
		Expect(err).NotTo(HaveOccurred())
		answer := netlink.Message{Data: append([]byte{1, 0, 0, 0}, data...)}
		Expect(chains.ParseFlowTables([]netlink.Message{answer, {Data: []byte{1, 0}}})).To(Equal([]string{"inet fw4 ft"}))
	})

	It("are none where there are none", Label("root"), func() {
		Expect(chains.FlowTables(netnstest.New())).To(BeEmpty())
	})
})
