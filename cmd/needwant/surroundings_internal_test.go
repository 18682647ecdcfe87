package main

import (
	"net/netip"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("the surroundings", func() {
	It("have the interface of the default route", func() {
		const table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n" +
			"eth1\t0032A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n" +
			"eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
		Expect(usualRoute(table)).To(Equal("eth0"))
		Expect(usualRoute("")).To(BeEmpty())
	})

	It("have the neighbours that answered, by address", func() {
		const table = "IP address       HW type     Flags       HW address            Mask     Device\n" +
			"192.168.1.33     0x1         0x2         7c:49:eb:00:00:02     *        eth0\n" +
			"192.168.1.7      0x1         0x0         00:00:00:00:00:00     *        eth0\n" +
			"192.168.1.5      0x1         0x2         02:00:00:00:00:aa     *        eth0\n" +
			"half a line\n"
		Expect(readNeighbours(table)).To(Equal([]neighbour{
			{netip.MustParseAddr("192.168.1.5"), "02:00:00:00:00:aa", "eth0"},
			{netip.MustParseAddr("192.168.1.33"), "7c:49:eb:00:00:02", "eth0"},
		}))
	})

	DescribeTable("recommend what the machine can do:", func(wired int, placement string) {
		Expect(surroundings{hardware: hardware{wired: wired}}.recommended()).To(Equal(placement))
	},
		Entry("with two cards", 2, "nic"),
		Entry("with one", 1, "onearm"),
		Entry("with none", 0, "lab"),
	)
})
