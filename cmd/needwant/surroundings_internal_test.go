package main

import (
	"net"
	"net/netip"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/needwant/needwant/cmd/internal/nearby"
	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("the surroundings", func() {
	vacuum, vacuumMAC := netip.MustParseAddr("192.168.1.33"), net.HardwareAddr{0x7c, 0x49, 0xeb, 0, 0, 2}

	It("have the interface of the default route, and the router that it leads to", func() {
		const table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n" +
			"eth1\t0032A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n" +
			"eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
		link, router := usualRoute(table)
		Expect(link).To(Equal("eth0"))
		Expect(router).To(Equal(netip.MustParseAddr("192.168.1.1")))
		link, router = usualRoute("")
		Expect(link).To(BeEmpty())
		Expect(router.IsValid()).To(BeFalse())
	})

	It("have the neighbours that answered", func() {
		const table = "IP address       HW type     Flags       HW address            Mask     Device\n" +
			"192.168.1.33     0x1         0x2         7c:49:eb:00:00:02     *        eth0\n" +
			"192.168.1.7      0x1         0x0         00:00:00:00:00:00     *        eth0\n" +
			"192.168.1.5      0x1         0x2         02:00:00:00:00:aa     *        eth0\n" +
			"half a line\n"
		Expect(readNeighbours(table)).To(Equal([]neighbour{
			{vacuum, vacuumMAC, "eth0", ""},
			{netip.MustParseAddr("192.168.1.5"), net.HardwareAddr{2, 0, 0, 0, 0, 0xaa}, "eth0", ""},
		}))
	})

	It("have the devices that this machine gave an address, and the names of those that told one", func() {
		const table = "192.168.1.33     0x1         0x2         7c:49:eb:00:00:02     *        eth0\n"
		lamp, lampMAC := netip.MustParseAddr("192.168.1.4"), net.HardwareAddr{2, 0, 0, 0, 0, 1}
		found := neighbours(table, []nearby.Lease{{MAC: vacuumMAC, Address: vacuum, Name: "robo"}, {MAC: lampMAC, Address: lamp, Name: "lamp"}},
			[]nearby.Device{{Address: lamp}, {Address: vacuum, Name: "Robbie"}, {Address: netip.MustParseAddr("192.168.1.99"), Name: "without a MAC address"}})
		Expect(found).To(Equal([]neighbour{{lamp, lampMAC, "", "lamp"}, {vacuum, vacuumMAC, "eth0", "Robbie"}}))
		Expect(surroundings{neighbours: func() []neighbour { return found }}.devices()[1:]).To(Equal([]string{
			"  1  02:00:00:00:00:01  192.168.1.4, lamp",
			"  2  7c:49:eb:00:00:02  192.168.1.33 on eth0, Xiaomi, Robbie",
		}))
	})

	DescribeTable("offer an interface, the only one that is left too:", func(gateway scenarios.Gateway, inside, uplink string, links ...networkLink) {
		s := surroundings{links: links}
		Expect(s.inside(gateway)).To(Equal(inside))
		gateway.Inside = inside
		Expect(s.uplink(gateway)).To(Equal(uplink))
	},
		Entry("one without an address", scenarios.Gateway{Placement: "nic"}, "eth1", "eth0", networkLink{name: "eth0", usual: true}, networkLink{name: "eth1"}, networkLink{name: "eth2", addresses: []string{"10.0.0.1/8"}}),
		Entry("one that has an address", scenarios.Gateway{Placement: "nic"}, "eth1", "eth0", networkLink{name: "eth0", usual: true}, networkLink{name: "eth1", addresses: []string{"10.0.0.1/8"}}),
		Entry("none of two that have one", scenarios.Gateway{Placement: "nic"}, "", "eth0", networkLink{name: "eth0", usual: true},
			networkLink{name: "eth1", addresses: []string{"10.0.0.1/8"}}, networkLink{name: "eth2", addresses: []string{"10.1.0.1/16"}}),
		Entry("the other one, without a default route", scenarios.Gateway{Placement: "nic"}, "eth1", "eth0", networkLink{name: "eth0", addresses: []string{"10.0.0.1/8"}}, networkLink{name: "eth1"}),
		Entry("the same one for a VLAN", scenarios.Gateway{Placement: "vlan", VLAN: 7}, "eth0", "eth0", networkLink{name: "eth0", usual: true}, networkLink{name: "eth1"}),
	)

	DescribeTable("have the device's address, which it keeps if it stays in the home network:", func(placement, address, about string) {
		home := surroundings{neighbours: func() []neighbour { return []neighbour{{vacuum, vacuumMAC, "eth0", ""}} }}
		draft := &scenarios.Draft{Gateway: scenarios.Gateway{Placement: placement}}
		draft.Device.MAC, draft.Device.Address = vacuumMAC.String(), netip.MustParseAddr("192.168.50.10")
		Expect(usualAddress(draft, home)).To(Equal(address))
		Expect(whichAddress(draft, home)).To(ConsistOf(ContainSubstring(about)))
		Expect(home.placements()).To(ContainElement(HavePrefix(placement + " ")))
	},
		Entry(nil, "nic", "192.168.50.10", "a new address"),
		Entry(nil, "ap", "192.168.50.10", "a new address"),
		Entry(nil, "vlan", "192.168.50.10", "a new address"),
		Entry(nil, "host", "192.168.1.33", "the address that the device has"),
		Entry(nil, "onearm", "192.168.50.10", "a new address"),
		Entry(nil, "dns", "192.168.1.33", "the address that the device has"),
	)

	DescribeTable("say of a new address that it is in the home network, and in no other:", func(placement, address string, at types.GomegaMatcher) {
		s := surroundings{links: []networkLink{{name: "eth0", addresses: []string{"192.168.1.9/24"}}, {name: "eth1", addresses: []string{"192.168.50.1/24"}}}}
		draft := &scenarios.Draft{Gateway: scenarios.Gateway{Placement: placement, Inside: "eth1", Uplink: "eth0"}}
		draft.Device.Address = netip.MustParseAddr(address)
		Expect(atHomeAlready(draft, "", s)).To(at)
	},
		Entry("a free one", "nic", "192.168.60.7", BeEmpty()),
		Entry("one of the home", "nic", "192.168.1.77", ContainSubstring("in the network of eth0")),
		Entry("one behind the interface to the device", "nic", "192.168.50.10", BeEmpty()),
		Entry("one of the home, which it keeps", "host", "192.168.1.77", BeEmpty()),
	)

	It("show a device's name without what would do something to the terminal", func() {
		found := []neighbour{{vacuum, vacuumMAC, "eth0", "lamp\x1b[2J\r\u202e"}}
		var out strings.Builder
		(&interview{out: &out, lines: make(chan string)}).tell(surroundings{neighbours: func() []neighbour { return found }}.devices()[1:])
		Expect(out.String()).To(Equal(`    1  7c:49:eb:00:00:02  192.168.1.33 on eth0, Xiaomi, lamp\u001b[2J\u000d\u202e` + "\n"))
	})

	DescribeTable("recommend what the machine can do:", func(wired int, placement string) {
		Expect(surroundings{hardware: hardware{wired: wired}}.recommended()).To(Equal(placement))
	},
		Entry("with two cards", 2, "nic"),
		Entry("with one", 1, "onearm"),
		Entry("with none", 0, "lab"),
	)
})
