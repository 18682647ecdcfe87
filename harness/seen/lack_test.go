package seen_test

import (
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/seen"
)

// What dnsmasq 2.90 writes without log-queries.
const started = `Nov 27 12:40:49 dnsmasq[9]: started, version 2.90 cachesize 150
Nov 27 12:40:49 dnsmasq[9]: compile time options: IPv6 GNU-getopt DBus no-UBus i18n IDN2 DHCP DHCPv6 no-Lua TFTP
Nov 27 12:40:49 dnsmasq-dhcp[9]: DHCP, IP range 192.168.50.10 -- 192.168.50.99, lease time 1h
Nov 27 12:40:49 dnsmasq[9]: using nameserver 192.168.1.1#53
Nov 27 12:40:49 dnsmasq[9]: read /etc/hosts - 3 names
`

const leased = "Nov 27 12:40:50 dnsmasq-dhcp[9]: DHCPACK(br0) 192.168.50.10 7c:49:eb:00:00:01 S50\n"

var _ = Describe("a file without records", func() {
	text := func(text string) func() string { return func() string { return text } }
	DescribeTable("is recognised, and the import says what is missing", func(lacks, format string, data func() string) {
		for _, options := range []seen.Options{{}, {Devices: []string{device}}, {Format: format}} {
			_, err := imported(options, data())
			Expect(err).To(MatchError(ContainSubstring("it has "+lacks)), "%+v", options)
			place(err)
		}
		_, err := imported(seen.Options{}, zipped(data()))
		if format != "pihole" { // a database must not be compressed
			Expect(err).To(MatchError(ContainSubstring("it has " + lacks)))
		}
		list, err := imported(seen.Options{}, data(), sample("s50-conntrack.log"))
		Expect(err).NotTo(HaveOccurred(), "another file has what is needed")
		Expect(ids(list)).To(byAddress)
		Expect(list.Sources[0].Formats).To(Equal([]string{format}))
		Expect(list.Sources[0].Cannot).To(HaveExactElements(ContainSubstring("data0 has " + lacks)))
		_, err = imported(seen.Options{Devices: []string{"10.9.9.9"}}, data(), sample("s50-conntrack.log"))
		Expect(err).To(MatchError(And(ContainSubstring("10.9.9.9 is not in this data"), ContainSubstring("data0: it has "+lacks))))
	},
		Entry("pcap", "no packets", "pcap", func() string { return sample("s50.pcap")[:24] }),
		Entry("pcapng", "no packets", "pcap", text("\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x1c\x00\x00\x00")),
		Entry("Pi-hole's database", "no DNS queries: a privacy level", "pihole", func() string {
			data, err := os.ReadFile(database(piholeTables + "DELETE FROM query_storage"))
			Expect(err).NotTo(HaveOccurred())
			return string(data)
		}),
		Entry("Zeek", "a header, and no lines below it", "zeek", text("#separator \\x09\n#set_separator\t,\n#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\n#close\t2026-11-26-22-00-00\n")),
		Entry("dnsmasq", "no DNS queries: dnsmasq logs them only with log-queries", "dnsmasq", text(started)),
		Entry("dnsmasq on a terminal", "no DNS queries: dnsmasq logs", "dnsmasq", text("dnsmasq: started, version 2.90 cachesize 150\ndnsmasq: read /etc/hosts - 3 names\n")),
		Entry("dnsmasq with leases", "no DNS queries: dnsmasq logs", "dnsmasq", text(started+leased)),
		Entry("dnsmasq on OpenWrt", "no DNS queries: dnsmasq logs", "dnsmasq", text("Thu Nov 26 20:46:50 2026 daemon.info dnsmasq-dhcp[1]: DHCPREQUEST(br-lan) 192.168.1.50 7c:49:eb:00:00:01\n")),
		Entry("the kernel", "no packets: the kernel logs them only", "kernel", text("Nov 26 20:46:50 router kernel: [   11.500000] br0: port 2(eth1) entered forwarding state\n")),
		Entry("dmesg", "no packets: the kernel logs them only", "kernel", text("[    0.000000] Linux version 6.1.0\n[   11.500000] br0: port 2(eth1) entered forwarding state\n")),
		Entry("CSV", "a header, and no rows below it", "csv", text("time,device,name\n")),
	)

	It("may be empty, if it is not the only one", func() {
		list, err := imported(seen.Options{}, "", sample("s50-kernel.log"), zipped(""))
		Expect(err).NotTo(HaveOccurred())
		Expect(ids(list)).To(byAddress)
		Expect(list.Sources[0].Cannot).To(HaveExactElements(HaveSuffix("data0 is empty.")))
		_, err = imported(seen.Options{}, "", zipped(""))
		Expect(err).To(MatchError(And(ContainSubstring("data0: byte 0: it is empty"), ContainSubstring("data1: byte 0: it is empty"))))
	})

	It("is not one in which other programs wrote what is needed", func() {
		list, err := imported(seen.Options{}, started+sample("s50-kernel.log"))
		Expect(err).NotTo(HaveOccurred())
		Expect(list.Sources[0].Formats).To(Equal([]string{"kernel"}))
		Expect(list.Sources[0].Skipped).To(Equal(strings.Count(started, "\n")))
		list, err = imported(seen.Options{}, started+leased+sample("s50-kernel.log"))
		Expect(err).NotTo(HaveOccurred())
		Expect(list.Sources[0].Formats).To(Equal([]string{"dnsmasq", "kernel"}))
		Expect(list.Sources[0].Cannot).To(HaveExactElements(ContainSubstring("data0 has no DNS queries"), HavePrefix("A firewall log")))
		list, err = imported(seen.Options{}, "device,name,program\n192.168.50.10,a.example.com,dnsmasq[9]: started\n")
		Expect(err).NotTo(HaveOccurred())
		Expect(list.Sources[0].Formats).To(Equal([]string{"csv"}))
	})
})

var _ = Describe("a line of dnsmasq", func() {
	DescribeTable("is found by the program's name before it", func(line string, expected OmegaMatcher) {
		list, err := imported(seen.Options{Devices: []string{device}}, leased+line+"\nNov 26 21:00:00 dnsmasq[9]: query[A] b.example.com from 192.168.50.10\n")
		Expect(err).NotTo(HaveOccurred())
		Expect(ids(list)).To(expected)
	},
		Entry("in a file", "Nov 26 21:00:00 dnsmasq[9]: query[A] a.example.com from 192.168.50.10", rows("dns/a.example.com", "dns/b.example.com")),
		Entry("on a terminal", "dnsmasq: query[A] a.example.com from 192.168.50.10", rows("dns/a.example.com", "dns/b.example.com")),
		Entry("on a host with such a name", "Nov 26 21:00:00 dnsmasq-1 dnsmasq[9]: query[A] a.example.com from 192.168.50.10", rows("dns/a.example.com", "dns/b.example.com")),
		Entry("not in what another program says of it", "Nov 26 21:00:00 router dnsmasq-helper[9]: query[A] a.example.com from 192.168.50.10", rows("dns/b.example.com")),
	)
})

var _ = DescribeTable("Zeek's header may be edited", func(header string) {
	list, err := imported(seen.Options{}, header+"1790000000.5\t192.168.50.10\t40000\t198.51.100.9\t443\ttcp\n")
	Expect(err).NotTo(HaveOccurred())
	Expect(ids(list)).To(rows("tcp/443/198.51.100.9"))
},
	Entry("as Zeek writes it", "#separator \\x09\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n"),
	Entry("with a tab after #separator", "#separator\t\\x09\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n"),
	Entry("with #fields alone", "#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n"),
)
