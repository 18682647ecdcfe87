package seen_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/seen"
)

const device = "192.168.50.10"

// now is after everything in the samples.
var now = time.Date(2026, 11, 27, 0, 0, 0, 0, time.Local)

// imported reads texts, each as a file of its own.
func imported(options seen.Options, texts ...string) (seen.List, error) {
	GinkgoHelper()
	var files []string
	for i, text := range texts {
		files = append(files, filepath.Join(GinkgoT().TempDir(), fmt.Sprintf("data%d", i)))
		Expect(os.WriteFile(files[i], []byte(text), 0o600)).To(Succeed())
	}
	options.Now = now
	return seen.Import(context.Background(), files, options)
}

func sample(name string) string {
	GinkgoHelper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	Expect(err).NotTo(HaveOccurred())
	return string(text)
}

func zipped(text string) string {
	GinkgoHelper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(text))
	Expect(err).NotTo(HaveOccurred())
	Expect(w.Close()).To(Succeed())
	return out.String()
}

func ids(list seen.List) (all []string) {
	for _, row := range list.Rows {
		all = append(all, row.ID)
	}
	return all
}

func row(list seen.List, id string) seen.Row {
	GinkgoHelper()
	for _, row := range list.Rows {
		if row.ID == id {
			return row
		}
	}
	Fail(fmt.Sprintf("no row %s in %q", id, ids(list)))
	return seen.Row{}
}

func rows(all ...string) OmegaMatcher { return ConsistOf(all) }

// The rows of the thread's table, as a firewall sees them and as DNS names them.
var (
	byAddress = rows("tcp/443/18.194.236.76", "tcp/443/52.29.158.79", "udp/123/130.217.226.51", "udp/123/202.118.1.81",
		"udp/123/202.6.116.123", "udp/123/202.78.240.38", "udp/123/61.161.155.29")
	byName = rows("tcp/443/ec2-18-194-236-76.eu-central-1.compute.amazonaws.com", "tcp/443/ec2-52-29-158-79.eu-central-1.compute.amazonaws.com",
		"udp/123/timeball3.its.waikato.ac.nz", "udp/123/news.neu.edu.cn", "udp/123/time.unleash.net.nz", "udp/123/cat-prod-time1.catalyst.net.nz",
		"udp/123/61.161.155.29")
)

var _ = Describe("an import", func() {
	DescribeTable("reads what the real program wrote of the simulated S50", func(file, format string, expected OmegaMatcher) {
		for _, text := range []string{sample(file), zipped(sample(file))} {
			for _, options := range []seen.Options{{}, {Devices: []string{device}}, {Format: format}} {
				list, err := imported(options, text)
				Expect(err).NotTo(HaveOccurred())
				Expect(ids(list)).To(expected)
				Expect(list.Sources[0].Formats).To(Equal([]string{format}))
				Expect(list.Sources[0].Cannot).To(HaveLen(1))
				Expect(list.Rows).To(HaveEach(HaveField("Contacts", BeNumerically(">", 0))))
				Expect(list.Rows).To(HaveEach(HaveField("Last", BeTemporally("~", now, 24*time.Hour))))
			}
		}
	},
		Entry("tcpdump's pcap", "s50.pcap", "pcap", byName),
		Entry("editcap's pcapng", "s50.pcapng", "pcap", byName),
		Entry("ulogd's lines in the form of iptables LOG", "s50-kernel.log", "kernel", byAddress),
		Entry("conntrack's events", "s50-conntrack.log", "conntrack", byAddress),
	)

	It("counts contacts, and bytes in both directions", func() {
		list, err := imported(seen.Options{Devices: []string{"7C:49:EB:00:00:01"}}, sample("s50.pcap"))
		Expect(err).NotTo(HaveOccurred())
		Expect(list.Device).To(Equal(seen.Device{Addresses: []netip.Addr{netip.MustParseAddr(device)}, MAC: "7c:49:eb:00:00:01"}))
		cloud := row(list, "tcp/443/ec2-18-194-236-76.eu-central-1.compute.amazonaws.com")
		Expect(cloud).To(And(HaveField("Named", "dns"), HaveField("Queries", BeNumerically(">", 0)), HaveField("Contacts", BeNumerically("<", 4))))
		Expect(cloud.Bytes).To(BeNumerically(">", 4000), "with the server's certificate")
		Expect(row(list, "udp/123/61.161.155.29").Bytes).To(BeNumerically("==", 2*90*row(list, "udp/123/61.161.155.29").Contacts))
	})

	It("puts a firewall's log and a resolver's log together, also in one file", func() {
		resolver := `Nov 26 21:00:00 router dnsmasq[9]: query[A] ot.io.example.com from 192.168.50.10
Nov 26 21:00:00 router dnsmasq[9]: reply ot.io.example.com is <CNAME>
Nov 26 21:00:00 router dnsmasq[9]: reply edge.example.net is 18.194.236.76
Nov 26 21:00:00 router sshd[9]: Accepted publickey
Nov 26 21:00:01 router dnsmasq[9]: query[A] rare.example.com from 192.168.50.10
Nov 26 21:00:01 router dnsmasq[9]: reply rare.example.com is 198.51.100.9
Nov 26 21:00:01 router dnsmasq[9]: query[PTR] 1.50.168.192.in-addr.arpa from 192.168.50.10
Nov 26 21:00:01 router dnsmasq[9]: query[A] printer.lan from 192.168.50.10
Nov 26 21:00:02 router dnsmasq[9]: query[A] other.example.com from 192.168.50.11
`
		apart, err := imported(seen.Options{Devices: []string{device}}, sample("s50-kernel.log"), resolver)
		Expect(err).NotTo(HaveOccurred())
		Expect(ids(apart)).To(And(ContainElements("tcp/443/ot.io.example.com", "dns/rare.example.com", "tcp/443/52.29.158.79"), HaveLen(8)))
		Expect(row(apart, "dns/rare.example.com")).To(And(HaveField("Queries", 1), HaveField("Contacts", 0)))
		Expect(apart.NamesOnly()).To(Equal([]string{"rare.example.com"}))
		Expect(apart.Contacts()).To(HaveLen(7))

		mixed, err := imported(seen.Options{Devices: []string{device}}, resolver+sample("s50-kernel.log"))
		Expect(err).NotTo(HaveOccurred())
		Expect(mixed.Rows).To(Equal(apart.Rows))
		Expect(mixed.Sources[0]).To(And(HaveField("Formats", []string{"dnsmasq", "kernel"}), HaveField("Skipped", 1), HaveField("Damaged", 0)))
	})

	It("reads dnsmasq with log-queries=extra, and devices by the name of their lease", func() {
		list, err := imported(seen.Options{Devices: []string{"s50"}}, `Nov 26 21:00:00 dnsmasq-dhcp[9]: DHCPACK(br0) 192.168.50.10 7c:49:eb:00:00:01 S50
Nov 26 21:00:00 dnsmasq[9]: 1 192.168.50.10/40000 query[AAAA] a.example.com from 192.168.50.10
Nov 26 21:00:00 dnsmasq[9]: 2 192.168.50.11/40000 query[A] b.example.com from 192.168.50.11
`)
		Expect(err).NotTo(HaveOccurred())
		Expect(ids(list)).To(rows("dns/a.example.com"))
		Expect(list.Device).To(And(HaveField("Name", "s50"), HaveField("MAC", "7c:49:eb:00:00:01")))
	})

	It("reads lines of nft and of the kernel's own buffer, with ICMP, IPv6 and connections from outside", func() {
		list, err := imported(seen.Options{Devices: []string{device, "2001:db8::10"}}, `[   11.5] IN=br0 OUT=eth0 MAC=de:85:71:30:da:53:7c:49:eb:00:00:01:08:00 SRC=192.168.50.10 DST=198.51.100.8 LEN=84 TOS=0x00 PREC=0x00 TTL=63 ID=0 DF PROTO=ICMP TYPE=8 CODE=0 ID=3 SEQ=1
[   11.6] IN=eth0 OUT=br0 SRC=198.51.100.8 DST=192.168.50.10 LEN=84 PROTO=ICMP TYPE=3 CODE=3 [SRC=192.168.50.10 DST=198.51.100.8 LEN=60 PROTO=UDP SPT=1 DPT=9 LEN=40 ]
2026-11-26T21:00:00.123456+00:00 router kernel: IN=br0 OUT=eth0 SRC=2001:0db8:0000:0000:0000:0000:0000:0010 DST=2001:0db8:0000:0000:0000:0000:0000:0001 LEN=80 TC=0 HOPLIMIT=63 FLOWLBL=1 PROTO=TCP SPT=40000 DPT=8883 WINDOW=1 RES=0x00 SYN URGP=0
Thu Nov 26 21:00:00 2026 kern.warn kernel: IN=eth0 OUT=br0 SRC=198.51.100.8 DST=192.168.50.10 LEN=60 PROTO=TCP SPT=50000 DPT=80 WINDOW=1 SYN URGP=0
Thu Nov 26 21:00:00 2026 kern.warn kernel: IN=br0 OUT=eth0 SRC=192.168.50.10 DST=198.51.100.8 LEN=60 PROTO=TCP SPT=80 DPT=50000 WINDOW=1 ACK SYN URGP=0
Thu Nov 26 21:00:00 2026 kern.warn kernel: IN=br0 OUT=eth0 SRC=192.168.50.10 DST=198.51.100.8 LEN=60 PROTO=TCP SPT=80
`)
		Expect(err).NotTo(HaveOccurred())
		Expect(ids(list)).To(rows("icmp/echo/198.51.100.8", "tcp/8883/2001:db8::1"))
		Expect(list.Sources[0]).To(And(HaveField("Damaged", 1), HaveField("First", 6)))
	})

	It("makes one row of every port of a host that is contacted on many", func() {
		var log strings.Builder
		for port := range 40 {
			fmt.Fprintf(&log, "IN=br0 OUT=eth0 SRC=192.168.50.10 DST=203.0.113.5 LEN=60 PROTO=UDP SPT=4000 DPT=%d LEN=40\n", 20000+port)
		}
		list, err := imported(seen.Options{}, log.String())
		Expect(err).NotTo(HaveOccurred())
		Expect(ids(list)).To(rows("udp/*/203.0.113.5"))
		Expect(list.Rows[0].Contacts).To(Equal(40))
	})

	It("reads AdGuard Home's query log", func() {
		answer := new(dns.Msg).SetQuestion("api.example.com.", dns.TypeA)
		answer.Response = true
		record, err := dns.NewRR("api.example.com. 60 IN A 18.194.236.76")
		Expect(err).NotTo(HaveOccurred())
		answer.Answer = append(answer.Answer, record)
		wire, err := answer.Pack()
		Expect(err).NotTo(HaveOccurred())
		log := fmt.Sprintf(`{"T":"2026-11-26T21:00:00.5+01:00","QH":"api.example.com","QT":"A","QC":"IN","CP":"","Upstream":"x","Answer":"%s","IP":"192.168.50.10","Result":{},"Elapsed":1}
{"T":"2026-11-26T21:00:01.5+01:00","QH":"ads.example.com","QT":"AAAA","QC":"IN","CP":"","CID":"vacuum","Answer":"","IP":"192.168.50.10","Result":{"IsFiltered":true,"Reason":3},"Elapsed":1}
`, base64.StdEncoding.EncodeToString(wire))
		list, err := imported(seen.Options{Devices: []string{"vacuum"}}, log)
		Expect(err).NotTo(HaveOccurred())
		Expect(ids(list)).To(rows("dns/api.example.com", "dns/ads.example.com"))
		Expect(list.Sources[0].Cannot[0]).To(ContainSubstring("no ports"))

		list, err = imported(seen.Options{Devices: []string{device}}, sample("s50-kernel.log"), log)
		Expect(err).NotTo(HaveOccurred())
		Expect(ids(list)).To(ContainElements("tcp/443/api.example.com", "dns/ads.example.com"))
	})

	zeek := []struct{ name, conn, dns, ssl string }{{
		"TSV",
		"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n" +
			"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\n" +
			"#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\n" +
			"1795725600.5\tC1\t192.168.50.10\t40000\t18.194.236.76\t443\ttcp\tssl\t1.0\t100\t200\tSF\n" +
			"1795725601.5\tC2\t192.168.50.10\t40001\t198.51.100.8\t123\tudp\t-\t-\t-\t-\tS0\n" +
			"1795725602.5\tC3\t192.168.50.10\t8\t198.51.100.8\t0\ticmp\t-\t-\t-\t-\tOTH\n#close\t2026-11-26-21-00-00\n",
		"#separator \\x09\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\tqtype_name\tanswers\n" +
			"1795725600.4\tC4\t192.168.50.10\t40002\t192.168.50.1\t53\tudp\tapi.example.com\tA\tedge.example.net,18.194.236.76\n",
		"#separator \\x09\n#path\tssl\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tserver_name\n" +
			"1795725601.4\tC5\t192.168.50.10\t40003\t198.51.100.8\t443\tsni.example.com\n",
	}, {
		"JSON",
		`{"ts":1795725600.5,"uid":"C1","id.orig_h":"192.168.50.10","id.orig_p":40000,"id.resp_h":"18.194.236.76","id.resp_p":443,"proto":"tcp","orig_bytes":100,"resp_bytes":200,"conn_state":"SF"}
{"ts":"2026-11-26T21:00:01.5Z","uid":"C2","id.orig_h":"192.168.50.10","id.orig_p":40001,"id.resp_h":"198.51.100.8","id.resp_p":123,"proto":"udp"}
{"ts":1795725602.5,"uid":"C3","id.orig_h":"192.168.50.10","id.orig_p":8,"id.resp_h":"198.51.100.8","id.resp_p":0,"proto":"icmp"}
`,
		`{"ts":1795725600.4,"uid":"C4","id.orig_h":"192.168.50.10","id.orig_p":40002,"id.resp_h":"192.168.50.1","id.resp_p":53,"proto":"udp","query":"api.example.com","qtype_name":"A","answers":["edge.example.net","18.194.236.76"]}
`,
		`{"ts":1795725601.4,"uid":"C5","id.orig_h":"192.168.50.10","id.orig_p":40003,"id.resp_h":"198.51.100.8","id.resp_p":443,"server_name":"sni.example.com"}
`,
	}}
	for _, z := range zeek {
		It("reads Zeek's conn.log, dns.log and ssl.log as "+z.name, func() {
			list, err := imported(seen.Options{Devices: []string{device}}, z.conn, z.dns, z.ssl)
			Expect(err).NotTo(HaveOccurred())
			Expect(ids(list)).To(rows("tcp/443/api.example.com", "udp/123/sni.example.com", "icmp/echo/sni.example.com"))
			Expect(row(list, "tcp/443/api.example.com")).To(And(HaveField("Bytes", uint64(300)), HaveField("Contacts", 1), HaveField("Queries", 1)))
			Expect(row(list, "udp/123/sni.example.com").Named).To(Equal("tls"))
		})
	}

	It("reads CSV with the columns in any order, and with those of needwant's own tables", func() {
		list, err := imported(seen.Options{}, "Port;Proto;Dst;Bytes;Timestamp\n443;TCP;18.194.236.76;100;2026-11-26 21:00:00\n443;tcp;18.194.236.76;50;2026-11-26 22:00:00\n")
		Expect(err).NotTo(HaveOccurred())
		Expect(list.Device.Addresses).To(BeEmpty())
		Expect(row(list, "tcp/443/18.194.236.76")).To(And(HaveField("Bytes", uint64(150)), HaveField("Contacts", 2),
			HaveField("Last", BeTemporally("==", time.Date(2026, 11, 26, 22, 0, 0, 0, time.Local)))))

		list, err = imported(seen.Options{Devices: []string{device}}, `Destination IP,Destination URL/Location,Protocol,Port,Service,Required for Native App?,Required for HASS?,Contacts,DNS Queries
"18.194.236.76, 52.29.158.79",cloud.example.com,TCP,443,HTTPS,???,???,7,2
,rare.example.com,DNS,,,???,???,0,3
`)
		Expect(err).NotTo(HaveOccurred())
		Expect(ids(list)).To(rows("tcp/443/cloud.example.com", "dns/rare.example.com"))
		Expect(row(list, "tcp/443/cloud.example.com")).To(And(HaveField("Contacts", 7), HaveField("Queries", 2), HaveField("Addresses", HaveLen(2)), HaveField("Named", "log")))
		Expect(row(list, "dns/rare.example.com")).To(HaveField("Queries", 3))
	})

	It("has names without ports for an experiment that sees nothing else", func() {
		list := seen.List{Rows: []seen.Row{{ID: "tcp/443/a.example"}, {ID: "udp/443/a.example"}, {ID: "dns/b.example"}, {ID: "udp/123/203.0.113.5"}, {ID: "tcp/443/*.c.example"}}}
		Expect(list.Contacts()).To(HaveLen(4))
		Expect(list.Names()).To(HaveExactElements(
			HaveField("Destination", harness.Destination{Protocol: harness.DNS, Name: "a.example"}),
			HaveField("Destination", harness.Destination{Protocol: harness.DNS, Name: "b.example"})))
	})

	DescribeTable("reads Pi-hole's database", func(schema string) {
		path := database(schema)
		list, err := seen.Import(context.Background(), []string{path}, seen.Options{Devices: []string{"7c:49:eb:00:00:01"}})
		Expect(err).NotTo(HaveOccurred())
		Expect(ids(list)).To(rows("dns/api.example.com", "dns/ads.example.com"))
		Expect(row(list, "dns/ads.example.com")).To(And(HaveField("Queries", 2), HaveField("Last", BeTemporally("==", time.Unix(1795725602, 0)))))
	},
		Entry("with a table for each kind of text", piholeTables),
		Entry("of an old version, with one table", piholeOld),
	)

	It("asks which device is meant if there are several", func() {
		log := "IN=br0 SRC=192.168.1.2 DST=203.0.113.5 PROTO=UDP SPT=1 DPT=123\nIN=br0 SRC=192.168.1.3 DST=203.0.113.5 PROTO=UDP SPT=1 DPT=123\n"
		_, err := imported(seen.Options{}, log)
		var wrong *seen.DeviceError
		Expect(err).To(BeAssignableToTypeOf(wrong))
		Expect(err).To(MatchError(And(ContainSubstring("--device"), ContainSubstring("192.168.1.2"), ContainSubstring("192.168.1.3"))))
		_, err = imported(seen.Options{Devices: []string{"vacuum"}}, log)
		Expect(err).To(MatchError(And(ContainSubstring("vacuum is not in this data"), ContainSubstring("192.168.1.2"))))
		list, err := imported(seen.Options{Devices: []string{"192.168.1.2", "192.168.1.3"}}, log)
		Expect(err).NotTo(HaveOccurred())
		Expect(list.Rows[0].Contacts).To(Equal(2))
	})

	It("reads the standard input, and shows its progress", func() {
		var told []int64
		text := strings.Repeat("Nov 26 21:00:00 router sshd[9]: nothing\n", 40000) + sample("s50-kernel.log")
		list, err := seen.Import(context.Background(), []string{"-"}, seen.Options{
			Format: "kernel", Stdin: strings.NewReader(text), Now: now, Progress: func(_ string, read, _ int64) { told = append(told, read) },
		})
		Expect(err).NotTo(HaveOccurred())
		Expect(ids(list)).To(byAddress)
		Expect(told).NotTo(BeEmpty())
	})

	It("reads a stream until the user stops it, and returns what was read", func(ctx SpecContext) {
		stopped, stop := context.WithCancel(ctx)
		r, w := io.Pipe()
		defer w.Close()
		go func() {
			defer GinkgoRecover()
			_, err := io.WriteString(w, sample("s50-kernel.log"))
			Expect(err).NotTo(HaveOccurred())
			stop()
		}()
		list, err := seen.Import(stopped, []string{"-"}, seen.Options{Stdin: r, Now: now})
		Expect(err).NotTo(HaveOccurred())
		Expect(ids(list)).To(byAddress)
	}, SpecTimeout(time.Minute))

	It("ends when the command does", func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := seen.Import(ctx, []string{"testdata/s50.pcap"}, seen.Options{})
		Expect(err).To(MatchError(context.Canceled))
	})

	It("writes a list that is read again", func() {
		list, err := imported(seen.Options{Devices: []string{device}}, sample("s50.pcap"))
		Expect(err).NotTo(HaveOccurred())
		var text bytes.Buffer
		Expect(list.Write(&text)).To(Succeed())
		again, err := seen.Parse(text.Bytes())
		Expect(err).NotTo(HaveOccurred())
		Expect(again.Contacts()).To(Equal(list.Contacts()))
		Expect(list.Contacts()).To(HaveEach(HaveField("Addresses", Not(BeEmpty()))))
	})

	DescribeTable("does not take a list that is wrong", func(rows, why string) {
		_, err := seen.Parse([]byte(`{"apiVersion":"needwant/v1","kind":"Seen","rows":[` + rows + `]}`))
		Expect(err).To(MatchError(ContainSubstring(why)))
	},
		Entry("cut off", `{"id":`, "byte 57"),
		Entry("a destination at home", `{"id":"tcp/80/192.168.1.1"}`, "192.168.1.1 is not the address of a host on the internet"),
		Entry("a name at home by its address", `{"id":"tcp/80/a.example","addresses":["10.0.0.1"]}`, "10.0.0.1 is not"),
		Entry("not a destination", `{"id":"gre/80/a.example"}`, "not a destination"),
		Entry("not a name", `{"id":"dns/a b"}`, "not a host name"),
		Entry("a row twice", `{"id":"dns/a.example"},{"id":"dns/a.example"}`, "row 2: dns/a.example is there twice"),
		Entry("too many rows", strings.TrimSuffix(strings.Repeat(`{"id":"dns/a.example"},`, 600), ","), "600 rows"),
	)
})

// The documented schemas of Pi-hole's database
// (docs.pi-hole.net/database/query-database, docs.pi-hole.net/database/network).
const (
	piholeNetwork = `
CREATE TABLE network (id INTEGER PRIMARY KEY NOT NULL, hwaddr TEXT UNIQUE NOT NULL, interface TEXT NOT NULL, firstSeen INTEGER NOT NULL, lastQuery INTEGER NOT NULL, numQueries INTEGER NOT NULL, macVendor TEXT, aliasclient_id INTEGER);
CREATE TABLE network_addresses (network_id INTEGER NOT NULL, ip TEXT UNIQUE NOT NULL, lastSeen INTEGER NOT NULL, name TEXT, nameUpdated INTEGER);
INSERT INTO network VALUES (1, '7C:49:EB:00:00:01', 'eth0', 0, 0, 4, '', NULL);
INSERT INTO network_addresses VALUES (1, '192.168.50.10', 0, 's50.lan', NULL);`
	piholeTables = piholeNetwork + `
CREATE TABLE query_storage (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, type INTEGER NOT NULL, status INTEGER NOT NULL, domain INTEGER NOT NULL, client INTEGER NOT NULL, forward INTEGER, additional_info INTEGER, reply_type INTEGER, reply_time REAL, dnssec INTEGER, list_id INTEGER, ede INTEGER);
CREATE TABLE domain_by_id (id INTEGER PRIMARY KEY, domain TEXT NOT NULL);
CREATE TABLE client_by_id (id INTEGER PRIMARY KEY, ip TEXT NOT NULL, name TEXT);
CREATE VIEW queries AS SELECT 1;
INSERT INTO domain_by_id VALUES (1, 'api.example.com'), (2, 'ads.example.com'), (3, '1.1.168.192.in-addr.arpa');
INSERT INTO client_by_id VALUES (1, '192.168.50.10', 's50.lan'), (2, '192.168.50.11', NULL);
INSERT INTO query_storage (timestamp, type, status, domain, client) VALUES (1795725600, 1, 2, 1, 1), (1795725601, 1, 1, 2, 1), (1795725602, 2, 1, 2, 1), (1795725603, 6, 2, 3, 1), (1795725604, 1, 2, 1, 2);`
	piholeOld = piholeNetwork + `
CREATE TABLE queries (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, type INTEGER NOT NULL, status INTEGER NOT NULL, domain TEXT NOT NULL, client TEXT NOT NULL, forward TEXT);
INSERT INTO queries (timestamp, type, status, domain, client) VALUES (1795725600, 1, 2, 'api.example.com', '192.168.50.10'), (1795725601, 1, 1, 'ads.example.com', '192.168.50.10'), (1795725602, 2, 1, 'ads.example.com', '192.168.50.10'), (1795725604, 1, 2, 'b.example.com', '192.168.50.11');`
)

// database makes a SQLite file.
func database(schema string) string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "pihole-FTL.db")
	db, err := sql.Open("sqlite", path)
	Expect(err).NotTo(HaveOccurred())
	_, err = db.Exec(schema)
	Expect(err).NotTo(HaveOccurred())
	Expect(db.Close()).To(Succeed())
	return path
}

var _ = Describe("the formats", func() {
	It("are in the table of the documentation as they are in the program", func() {
		text, err := os.ReadFile("../../docs/start-here.md")
		Expect(err).NotTo(HaveOccurred())
		for _, format := range seen.Formats() {
			Expect(string(text)).To(ContainSubstring("\n" + format.TableRow() + "\n"))
		}
	})

	It("each say what they cannot show", func() {
		for _, format := range seen.Formats() {
			Expect(format.Name).To(MatchRegexp(`^[a-z]+$`))
			Expect(format.About).NotTo(BeEmpty())
			Expect(format.Cannot).To(HaveSuffix("."))
			Expect(seen.Find(format.Name)).To(HaveField("Name", format.Name))
		}
		_, err := seen.Find("syslog")
		Expect(err).To(MatchError(ContainSubstring("choose one of pcap, pihole")))
	})
})
