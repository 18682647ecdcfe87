package block_test

import (
	"net"
	"net/netip"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
)

var layout = chains.Layout{
	Inside: "in0", Uplink: "up0",
	LAN: []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24"), netip.MustParsePrefix("fd01::/64")},
}

var _ = Describe("the plan of the block", func() {
	It("jumps to its entrance from everything forwarded, and from what the device sends to the gateway", func() {
		entrance := block.Chains(layout, chains.IPv4, nil)[0]
		Expect(entrance.Hooks[0]).To(Equal(chains.On("FORWARD")), "established connections included")
		Expect(entrance.Hooks[1:]).To(HaveEach(HaveField("From", "INPUT")))
		Expect(strings.Join(entrance.Hooks[1].Match, " ")).To(Equal("-i in0"))
	})

	It("spares the LAN, then asks the driver's rules", func() {
		Expect(lines(block.Chains(layout, chains.IPv4, nil)[0])).To(HaveExactElements(
			"-i in0 -d 192.168.1.0/24 -j RETURN",
			"-i up0 -s 192.168.1.0/24 -j RETURN",
			"-j "+block.RuleList,
			"-i in0 -p tcp ! --syn -m conntrack --ctstate NEW -j REJECT --reject-with tcp-reset",
		))
	})

	It("spares other hosts where the device has a hardware address", func() {
		only := layout
		only.MAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
		Expect(lines(block.Chains(only, chains.IPv6, nil)[0])).To(HaveExactElements(
			"-i in0 -m mac ! --mac-source 02:00:00:00:00:01 -j RETURN",
			"-i in0 -d fd01::/64 -j RETURN",
			HavePrefix("-o in0 -m connmark ! --mark "),
			"-i up0 -s fd01::/64 -j RETURN",
			"-j "+block.RuleList,
			ContainSubstring("tcp-reset"),
		))
	})

	It("lets in shared tables nothing in but what the device sends, and what comes back to it", func() {
		shared := layout
		shared.MAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
		shared.Shared, shared.Address = true, netip.MustParseAddr("192.168.50.10")
		var jumps []string
		for _, family := range chains.Families() {
			for _, chain := range block.Chains(shared, family, nil) {
				for _, hook := range chain.Hooks {
					jumps = append(jumps, hook.From+" "+strings.Join(hook.Match, " "))
				}
			}
		}
		Expect(jumps).To(HaveExactElements(
			"FORWARD -s 192.168.50.10 -i in0 -m mac --mac-source 02:00:00:00:00:01 -m set --match-set needwant-pulse-4 src",
			MatchRegexp(`^FORWARD -d 192\.168\.50\.10 -o in0 -m connmark --mark \S+ -m set --match-set needwant-pulse-4 dst$`),
			"FORWARD -i in0 -m mac --mac-source 02:00:00:00:00:01 -m set --match-set needwant-pulse-6 src",
			MatchRegexp(`^FORWARD -o in0 -m connmark --mark \S+ -m set --match-set needwant-pulse-6 dst$`),
		))
	})

	DescribeTable("refuses in the words of its family", func(family chains.Family, refusal string) {
		Expect(lines(block.Chains(layout, family, nil)[2])).To(HaveExactElements(
			ContainSubstring("NFLOG"),
			"-p tcp -j REJECT --reject-with tcp-reset",
			"-j REJECT --reject-with "+refusal,
		))
	},
		Entry(nil, chains.IPv4, "icmp-admin-prohibited"),
		Entry(nil, chains.IPv6, "icmp6-adm-prohibited"),
	)

	It("logs before it drops, and resets what the device sends on connections from before", func() {
		Expect(lines(block.Chains(layout, chains.IPv4, nil)[3])).To(HaveExactElements(
			ContainSubstring("NFLOG"), "-i in0 -p tcp ! --syn -j REJECT --reject-with tcp-reset", "-j DROP"))
	})
})

func lines(chain chains.Chain) (texts []string) {
	for _, rule := range chain.Rules {
		texts = append(texts, strings.Join(rule, " "))
	}
	return texts
}
