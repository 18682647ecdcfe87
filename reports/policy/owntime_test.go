package policy_test

import (
	"net/netip"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("one's own time server in the place of the device's", func() {
	own := []netip.Addr{netip.MustParseAddr("192.168.1.10")}
	made := func(m reports.Matrix, kind policy.Kind, servers ...netip.Addr) (policy.Policy, error) {
		return policy.New(m, policy.Options{Kind: kind, TimeServers: servers, Device: at()})
	}

	It("takes all time servers off the other lists, and says which trial proved it", func() {
		for _, kind := range policy.Kinds() {
			p, err := made(replaceable(), kind, own...)
			Expect(err).NotTo(HaveOccurred())
			Expect(p.Served).To(HaveLen(5))
			for _, d := range slices.Concat(p.Blocked, p.Open) {
				Expect(d.ID.Port).NotTo(Equal(uint16(123)), "%s", d.ID)
			}
			Expect(p.Proof).To(ContainElements("The device gets the time from 192.168.1.10.", "Trial 12 answered in the place of its time servers, and all worked."))

			m := replaceable()
			m.Outside = nil
			p, err = made(m, kind, own...)
			Expect(err).NotTo(HaveOccurred())
			Expect(p.Doubts).To(ContainElement(HavePrefix("No single trial answered")))
		}
	})

	It("is refused if the run does not prove that it would do", func() {
		_, err := made(matrix(fan()...), policy.BlockOptional, own...)
		Expect(err).To(MatchError(And(ContainSubstring("udp/123/192.0.2.33, which is alternative"), ContainSubstring("--stand-ins ntp"))))
	})

	It("is refused if a group works without its time servers only thanks to another stand-in, and all else of it is blocked", func() {
		probe := destination("tcp/80/api.fan.example")
		mixed := func(used ...harness.StandIn) reports.Matrix {
			m := replaceable()
			i := slices.IndexFunc(m.Rows, func(r reports.Row) bool { return r.Destination.ID == probe })
			m.Rows[i].Cells["app"] = reports.Cell{Verdict: alternative, Replaceable: used}
			m.Cuts[0].Destinations, m.Cuts[0].Replaceable = append(m.Cuts[0].Destinations, probe), used
			return m
		}
		for _, used := range [][]harness.StandIn{{harness.ProbePages}, {harness.TimeServer, harness.ProbePages}} {
			_, err := made(mixed(used...), policy.BlockOptional, own...)
			Expect(err).To(MatchError(ContainSubstring("alone would do while tcp/80/api.fan.example is blocked")))
			p, err := made(mixed(used...), policy.AllowRequired, own...)
			Expect(err).NotTo(HaveOccurred())
			Expect(policy.IDs(p.Open)).To(ContainElement(probe))
		}
		Expect(made(mixed(harness.TimeServer), policy.BlockOptional, own...)).Error().NotTo(HaveOccurred())

		m := replaceable()
		m.Outside[0].StandIns = []harness.StandIn{harness.EchoReply}
		p, err := made(m, policy.BlockOptional, own...)
		Expect(err).NotTo(HaveOccurred())
		Expect(p.Doubts).To(ContainElement(HavePrefix("No single trial answered")))
	})

	It("is refused in a language that cannot lead the device there", func() {
		for _, format := range policy.Formats() {
			p, err := made(replaceable(), policy.BlockOptional, own...)
			Expect(err).NotTo(HaveOccurred())
			export, err := format.Export(p)
			if !slices.Contains([]string{"nft", "iptables", "openwrt", "routeros", "dnsmasq", "dhcp", "adguard", "pihole", "hosts"}, format.Name) {
				Expect(err).To(MatchError(ContainSubstring("choose one of nft, iptables, openwrt, dnsmasq, dhcp, adguard, routeros, pihole, hosts, or leave out --stand-in")), format.Name)
				continue
			}
			Expect(err).NotTo(HaveOccurred())
			Expect(export.Text).To(ContainSubstring("192.168.1.10"))
			if format.Offers() {
				continue
			}
			Expect(export.Lost).To(ContainElement(Or(
				HavePrefix("Requests for the time over IPv6 are refused"), HavePrefix("The names of time servers get no address over IPv6"))), format.Name)
		}
	})

	both := []netip.Addr{own[0], netip.MustParseAddr("fd00::10")}
	lines := func(format string, m reports.Matrix, kind policy.Kind, servers ...netip.Addr) []string {
		GinkgoHelper()
		p, err := made(m, kind, servers...)
		Expect(err).NotTo(HaveOccurred())
		return strings.Split(export(format, p).Text, "\n")
	}

	It("is what names are answered with, for both families, except one that something open has too", func() {
		m := replaceable()
		m.Rows = append(m.Rows, row(seen{"udp/123/api.fan.example", "203.0.113.1", optional, optional}), row(seen{"udp/123/*.pool.example", "203.0.113.9", optional, optional}))
		for format, want := range map[string][]string{
			"dnsmasq": {"address=/time.fan.example/192.168.1.10", "address=/time.fan.example/fd00::10", "address=/*.pool.example/192.168.1.10", "dhcp-mac=set:needwant_fan,7c:49:eb:00:00:01", "dhcp-option=tag:needwant_fan,option:ntp-server,192.168.1.10"},
			"adguard": {"||time.fan.example^$client=192.168.50.10|fd00:50::10,dnsrewrite=NOERROR;A;192.168.1.10", "||*.pool.example^$client=192.168.50.10|fd00:50::10,dnsrewrite=NOERROR;AAAA;fd00::10"},
			"hosts":   {"192.168.1.10 time.fan.example", "fd00::10 time.fan.example"},
		} {
			for _, kind := range policy.Kinds() {
				if format == "hosts" && kind == policy.AllowRequired {
					continue
				}
				text := lines(format, m, kind, both...)
				for _, line := range want {
					Expect(text).To(ContainElement(line), format)
				}
				for _, line := range text {
					Expect(line).NotTo(MatchRegexp(`^[^#!].*(api.fan.example.*192\.168\.1\.10|192\.168\.1\.10.*api.fan.example|com.*192\.168\.1\.10)`), format)
				}
				Expect(text).To(ContainElement(ContainSubstring("udp/123/api.fan.example is asked as before: tcp/443/api.fan.example has the same name, and is open.")), format)
				Expect(text).To(ContainElement(ContainSubstring("udp/123/192.0.2.33 is asked as before: it is contacted by its address.")), format)
			}
		}
	})

	It("is what names are answered with, and what DHCP offers, only if the run proved that this is enough", func() {
		m := replaceable()
		for _, row := range m.Rows {
			for column, cell := range row.Cells {
				if len(cell.Ways) > 0 {
					cell.Ways = []harness.Way{harness.WayRedirect}
					row.Cells[column] = cell
				}
			}
		}
		for _, format := range []string{"dnsmasq", "adguard", "pihole", "hosts"} {
			text := lines(format, m, policy.BlockOptional, both...)
			Expect(text).To(ContainElement(ContainSubstring("udp/123/time.fan.example is asked as before: the run does not prove that the device follows another answer to that name.")), format)
			for _, line := range text {
				Expect(line).NotTo(MatchRegexp(`^[^#!].*192\.168\.1\.10|^dhcp-`), format)
			}
		}
		Expect(lines("nft", m, policy.BlockOptional, both...)).To(ContainElement(ContainSubstring("dnat ip to 192.168.1.10")))
	})

	It("is what DHCP offers the device alone, if the run proved that this is enough", func() {
		m := replaceable()
		p, err := made(m, policy.BlockOptional, both...)
		Expect(err).NotTo(HaveOccurred())
		golden("own-time.dhcp", export("dhcp", p).Text)
		dhcp, err := policy.Find("dhcp")
		Expect(err).NotTo(HaveOccurred())
		refused := func(m reports.Matrix, servers ...netip.Addr) string {
			p, err := made(m, policy.BlockOptional, servers...)
			Expect(err).NotTo(HaveOccurred())
			_, err = dhcp.Export(p)
			Expect(err).To(HaveOccurred())
			return err.Error()
		}
		Expect(refused(m)).To(ContainSubstring("add --stand-in ntp=ADDRESS"))
		Expect(refused(m, both[1])).To(ContainSubstring("over IPv4 alone"))
		for _, row := range m.Rows {
			for column, cell := range row.Cells {
				cell.Ways = slices.DeleteFunc(slices.Clone(cell.Ways), func(way harness.Way) bool { return way == harness.WayOption })
				row.Cells[column] = cell
			}
		}
		Expect(refused(m, both...)).To(ContainSubstring("does not prove that a time server named by DHCP is enough"))
	})

	Context("and one's own DNS server", func() {
		const builtIn = "udp/53/8.8.8.8"
		server := []netip.Addr{netip.MustParseAddr("192.168.1.53")}
		withResolver := func(cell reports.Cell) reports.Matrix {
			m := replaceable()
			added := row(seen{builtIn, "8.8.8.8", required, optional})
			added.Cells["app"] = cell
			m.Rows = append(m.Rows, added)
			return m
		}
		content := reports.Cell{Verdict: required, Replaceable: []harness.StandIn{harness.Resolver}}
		dnsOf := func(m reports.Matrix, kind policy.Kind) (policy.Policy, error) {
			return policy.New(m, policy.Options{Kind: kind, Resolvers: server, TimeServers: own, Device: at()})
		}

		It("is where rules lead what a resolver is asked that is built in", func() {
			for _, kind := range policy.Kinds() {
				p, err := dnsOf(withResolver(content), kind)
				Expect(err).NotTo(HaveOccurred())
				Expect(policy.IDs(p.Served)).To(ContainElement(destination(builtIn)))
				Expect(slices.Concat(policy.IDs(p.Blocked), policy.IDs(p.Open))).NotTo(ContainElement(destination(builtIn)))
				Expect(p.Proof).To(ContainElement("All DNS queries of the device go to 192.168.1.53."))
				for format, want := range map[string][]string{
					"nft": {
						"\t\tether saddr 7c:49:eb:00:00:01 meta l4proto { udp, tcp } th dport 53 jump own_dns",
						"\t\tmeta nfproto ipv4 counter dnat ip to 192.168.1.53", "\t\tmeta nfproto ipv4 counter dnat ip to 192.168.1.10",
						"\t\ttcp dport 53 counter reject with tcp reset",
					},
					"iptables": {
						"-4 -A NEEDWANT_FAN -p tcp -m tcp --dport 53 -j DNAT --to-destination 192.168.1.53",
						"-4 -A NEEDWANT_FAN -p udp -m udp --dport 123 -j DNAT --to-destination 192.168.1.10",
						"-6 -A NEEDWANT_FAN -p tcp -m tcp --dport 53 -j REJECT --reject-with tcp-reset",
					},
					"openwrt": {"\toption name 'needwant fan: dns ipv4'", "\toption proto 'udp tcp'", "\toption dest_ip '192.168.1.53'"},
					"routeros": {
						`/ip firewall nat add chain=dstnat src-mac-address=7c:49:eb:00:00:01 protocol=tcp dst-port=53 action=dst-nat to-addresses=192.168.1.53 comment="needwant_fan: dns"`,
					},
				} {
					text := export(format, p)
					Expect(strings.Split(text.Text, "\n")).To(ContainElements(want), format)
					Expect(text.Lost).To(ContainElement("DNS queries over IPv6 are refused: give the address that your DNS server has there by another --stand-in."), format)
				}
			}
		})

		It("is refused if the run does not prove that it would do, or a format has names alone", func() {
			_, err := dnsOf(withResolver(reports.Cell{Verdict: required}), policy.BlockOptional)
			Expect(err).To(MatchError(ContainSubstring("does not prove that your DNS server would do instead of udp/53/8.8.8.8, which is required: make the experiment with --stand-ins dns")))
			none := replaceable()
			none.Rows = slices.DeleteFunc(none.Rows, func(r reports.Row) bool { return r.Destination.ID.Port == 53 })
			_, err = dnsOf(none, policy.BlockOptional)
			Expect(err).To(MatchError(ContainSubstring("was not seen to contact a DNS server that yours could replace")))
			p, err := dnsOf(withResolver(content), policy.BlockOptional)
			Expect(err).NotTo(HaveOccurred())
			for _, name := range []string{"dnsmasq", "pihole", "adguard", "hosts", "dhcp"} {
				format, err := policy.Find(name)
				Expect(err).NotTo(HaveOccurred())
				_, err = format.Export(p)
				Expect(err).To(MatchError(ContainSubstring("has no name: choose one of nft, iptables, openwrt, routeros")), name)
			}
		})
	})

	It("is where the rules of OpenWrt and RouterOS lead requests, and what they bring answers back from", func() {
		for _, kind := range policy.Kinds() {
			text := strings.Join(lines("openwrt", replaceable(), kind, own...), "\n")
			for _, section := range []string{
				"config redirect\n\toption name 'needwant fan: time ipv4'\n\toption src 'lan'\n\toption src_mac '7c:49:eb:00:00:01'\n\toption family 'ipv4'\n\toption proto 'udp'\n" +
					"\toption src_dport '123'\n\toption target 'DNAT'\n\toption dest_ip '192.168.1.10'\n\toption dest_port '123'\n\toption reflection '0'\n",
				"config nat\n\toption name 'needwant fan: time back ipv4'\n\toption src 'lan'\n\toption family 'ipv4'\n\toption proto 'udp'\n\toption dest_ip '192.168.1.10'\n\toption dest_port '123'\n\toption target 'MASQUERADE'\n",
				"\toption family 'ipv6'\n\tlist proto 'udp'\n\toption dest_port '123'\n\toption target 'REJECT'\n",
			} {
				Expect(text).To(ContainSubstring(section))
			}
			Expect(lines("routeros", replaceable(), kind, both...)).To(ContainElements(
				`/ip firewall nat remove [find comment~"^needwant_fan: "]`,
				`/ip firewall nat add chain=dstnat src-mac-address=7c:49:eb:00:00:01 protocol=udp dst-port=123 action=dst-nat to-addresses=192.168.1.10 comment="needwant_fan: time"`,
				`/ip firewall nat add chain=srcnat dst-address=192.168.1.10 protocol=udp dst-port=123 connection-nat-state=dstnat action=masquerade comment="needwant_fan: time back"`,
				`/ipv6 firewall nat add chain=dstnat src-mac-address=7c:49:eb:00:00:01 protocol=udp dst-port=123 action=dst-nat to-address=fd00::10 comment="needwant_fan: time"`,
			))
		}
	})
})

// replaceable is a fan that is content with any time server, however it comes to it.
func replaceable() reports.Matrix {
	m := matrix(fan()...)
	for _, row := range m.Rows {
		for column, cell := range row.Cells {
			if row.Destination.ID.Port == 123 && cell.Verdict != harness.Optional {
				cell.Replaceable, cell.Ways = []harness.StandIn{harness.TimeServer}, harness.Ways()
				row.Cells[column] = cell
			}
		}
	}
	m.Outside = []reports.Outside{{Columns: []string{"app", "home"}, StandIns: []harness.StandIn{harness.TimeServer}, Trial: 12}}
	return m
}
