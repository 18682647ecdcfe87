package policy_test

import (
	"encoding/json"
	"regexp"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

// wide is a device whose rows stand for more than one destination, or for ping,
// all with one verdict.
func wide(verdict harness.Verdict) reports.Matrix {
	m := matrix(
		seen{"tcp/443/api.fan.example", "203.0.113.1", required, required},
		seen{"icmp/echo/203.0.113.50", "203.0.113.50", verdict, verdict},
		seen{"icmp/echo/2001:db8::50", "2001:db8::50", verdict, verdict},
		seen{"icmp/echo/watch.fan.example", "203.0.113.53", verdict, verdict},
		seen{"udp/*/203.0.113.51", "203.0.113.51", verdict, verdict},
		seen{"tcp/*/2001:db8::52", "2001:db8::52", verdict, verdict},
		seen{"tcp/443/*.data.fan.example", "203.0.113.54 2001:db8::54", verdict, verdict},
	)
	m.Cuts = nil
	for i := range m.Safe {
		m.Safe[i].Destinations = nil
		for _, row := range m.Rows[1:] {
			if verdict == optional {
				m.Safe[i].Destinations = append(m.Safe[i].Destinations, row.Destination.ID)
			}
		}
	}
	return m
}

var _ = Describe("a row that stands for more than one destination", func() {
	blocked := func(format string) policy.Export {
		GinkgoHelper()
		return export(format, made(wide(optional), policy.Options{Kind: policy.BlockOptional, Device: at()}))
	}
	allowed := func(format string) policy.Export {
		GinkgoHelper()
		return export(format, made(wide(required), policy.Options{Kind: policy.AllowRequired, Device: at()}))
	}

	It("is one rule of nft", func() {
		for _, lines := range []struct{ text, verdict, other string }{
			{blocked("nft").Text, "reject with icmpx admin-prohibited", "reject with tcp reset"}, {allowed("nft").Text, "accept", "accept"},
		} {
			Expect(lines.text).To(And(
				ContainSubstring("set icmp_echo_v4 {\n\t\ttype ipv4_addr\n\t\telements = { 203.0.113.50, 203.0.113.53 }"),
				ContainSubstring("ip daddr @icmp_echo_v4 icmp type echo-request counter "+lines.verdict),
				ContainSubstring("ip6 daddr @icmp_echo_v6 icmpv6 type echo-request counter "+lines.verdict),
				ContainSubstring("ip daddr @udp_any_v4 meta l4proto udp counter "+lines.verdict),
				ContainSubstring("ip6 daddr @tcp_any_v6 meta l4proto tcp counter "+lines.other)))
		}
	})

	It("is one rule of iptables for each address", func() {
		Expect(blocked("iptables").Text).To(And(
			ContainSubstring("-4 -A NEEDWANT_FAN -d 203.0.113.50 -p icmp -m icmp --icmp-type echo-request -j REJECT --reject-with icmp-admin-prohibited\n"),
			ContainSubstring("-6 -A NEEDWANT_FAN -d 2001:db8::50 -p ipv6-icmp -m icmp6 --icmpv6-type echo-request -j REJECT --reject-with icmp6-adm-prohibited\n"),
			ContainSubstring("-4 -A NEEDWANT_FAN -d 203.0.113.51 -p udp -j REJECT --reject-with icmp-admin-prohibited\n"),
			ContainSubstring("-6 -A NEEDWANT_FAN -d 2001:db8::52 -p tcp -j REJECT --reject-with tcp-reset\n")))
		Expect(allowed("iptables").Text).To(ContainSubstring("-4 -A NEEDWANT_FAN -d 203.0.113.50 -p icmp -m icmp --icmp-type echo-request -j ACCEPT\n"))
	})

	It("is one section of OpenWrt for each family", func() {
		text := blocked("openwrt").Text
		Expect(section(text, "icmp_echo ipv4")).To(And(ContainSubstring("list proto 'icmp'"), ContainSubstring("list icmp_type 'echo-request'"), Not(ContainSubstring("dest_port"))))
		Expect(section(text, "icmp_echo ipv6")).To(ContainSubstring("list dest_ip '2001:db8::50'"))
		Expect(section(text, "udp_any ipv4")).To(And(ContainSubstring("list proto 'udp'"), Not(ContainSubstring("dest_port"))))
	})

	It("is one rule of RouterOS for each family", func() {
		Expect(blocked("routeros").Text).To(And(
			ContainSubstring("/ip firewall filter add chain=forward src-mac-address=7c:49:eb:00:00:01 protocol=icmp icmp-options=8:0 dst-address-list=needwant_fan_icmp_echo "),
			ContainSubstring("/ipv6 firewall filter add chain=forward src-mac-address=7c:49:eb:00:00:01 protocol=icmpv6 icmp-options=128:0 dst-address-list=needwant_fan_icmp_echo "),
			ContainSubstring(" protocol=udp dst-address-list=needwant_fan_udp_any "),
			ContainSubstring("list=needwant_fan_icmp_echo address=watch.fan.example "),
			ContainSubstring("list=needwant_fan_tcp_443 address=203.0.113.54 "), Not(ContainSubstring("address=*."))))
	})

	It("is told in words to who makes the rules by hand", func() {
		for _, name := range []string{"opnsense", "unifi"} {
			Expect(blocked(name).Text).To(And(
				ContainSubstring("ICMP echo request (ICMPv6 for IPv6)"), ContainSubstring("UDP, any port"), ContainSubstring("TCP, any port"),
				ContainSubstring("203.0.113.54"), Not(MatchRegexp(`(?m)^\*\.data`))), name)
		}
	})

	It("is a match of a MUD file, in both directions", func() {
		text := allowed("mud").Text
		Expect(json.Valid([]byte(text))).To(BeTrue())
		Expect(spaces.ReplaceAllString(text, "")).To(And(
			ContainSubstring(`"icmp":{"code":0,"type":8}`), ContainSubstring(`"icmp":{"code":0,"type":0}`),
			ContainSubstring(`"icmp":{"code":0,"type":128}`), ContainSubstring(`"icmp":{"code":0,"type":129}`),
			ContainSubstring(`{"ipv4":{"destination-ipv4-network":"203.0.113.51/32","protocol":17}}`),
			ContainSubstring(`"ietf-acldns:dst-dnsname":"watch.fan.example"`), Not(ContainSubstring(`dnsname":"*`))))
	})

	It("is all names below a domain in a list of names", func() {
		Expect(blocked("dnsmasq").Text).To(ContainSubstring("\naddress=/*.data.fan.example/\n"))
		Expect(allowed("dnsmasq").Text).To(ContainSubstring("\nserver=/*.data.fan.example/#\n"))
		Expect(blocked("adguard").Text).To(ContainSubstring("\n||*.data.fan.example^$client="))
		Expect(allowed("adguard").Text).To(ContainSubstring("\n@@||*.data.fan.example^$client="))
		Expect(blocked("dnsmasq-nftset").Text).To(ContainSubstring("\nnftset=/data.fan.example/4#inet#needwant_fan#tcp_443_v4,"))
	})

	It("is not in a hosts file, which says so", func() {
		Expect(blocked("hosts").Text).NotTo(ContainSubstring(" *"))
		Expect(blocked("hosts").Lost).To(ContainElement("tcp/443/*.data.fan.example is not blocked: a list of names has no wildcards."))
	})

	It("has known addresses alone in a list of addresses, which says so", func() {
		for _, name := range []string{"nft", "iptables", "openwrt", "routeros", "opnsense", "unifi"} {
			Expect(blocked(name).Lost).To(ContainElement("tcp/443/*.data.fan.example stands for every name below: only the addresses that the run saw are listed."), name)
			Expect(blocked(name).Text).To(ContainSubstring("203.0.113.54"), name)
		}
		Expect(allowed("mud").Lost).To(ContainElement(ContainSubstring("stands for every name below")))
	})

	It("spares what is needed within it", func() {
		m := wide(optional)
		m.Rows = append(m.Rows,
			row(seen{"udp/123/203.0.113.51", "203.0.113.51", required, required}),
			row(seen{"tcp/443/api.data.fan.example", "203.0.113.54", required, required}))
		p := made(m, policy.Options{Kind: policy.BlockOptional})
		Expect(export("iptables", p).Text).NotTo(MatchRegexp(`-d 203\.0\.113\.5[14] `))
		Expect(export("iptables", p).Lost).To(ContainElement("203.0.113.51 of udp/*/203.0.113.51 stays open: udp/123/203.0.113.51 uses it too."))
		Expect(export("dnsmasq", p).Text).To(ContainSubstring("\nserver=/api.data.fan.example/#\n"))
		Expect(export("dnsmasq-nftset", p).Text).NotTo(ContainSubstring("nftset=/data.fan.example/"))
	})

	It("is never all names below a public suffix", func() {
		m := wide(optional)
		for i, row := range m.Rows {
			if row.Destination.Host == "*.data.fan.example" {
				m.Rows[i].Destination.ID.Name, m.Rows[i].Destination.Host = "*.co.nz", "*.co.nz"
				for j := range m.Safe {
					m.Safe[j].Destinations = append(m.Safe[j].Destinations, m.Rows[i].Destination.ID)
				}
			}
		}
		p := made(m, policy.Options{Kind: policy.BlockOptional})
		for _, name := range []string{"dnsmasq", "adguard", "dnsmasq-nftset"} {
			Expect(export(name, p).Text).NotTo(MatchRegexp(`(?m)^[^#!]*co\.nz`), name)
		}
	})

	It("is said of an allowlist, if it is ping", func() {
		Expect(allowed("nft").Text).To(ContainSubstring("# Ping (ICMP echo) to watch.fan.example is allowed: required.\n"))
		Expect(export("nft", made(matrix(fan()...), policy.Options{Kind: policy.AllowRequired})).Text).To(ContainSubstring("# Ping (ICMP echo) is allowed within the home network only"))
		Expect(allowed("mud").Lost).To(ContainElement("Ping (ICMP echo) to 203.0.113.50 is allowed: required."))
	})
})

var spaces = regexp.MustCompile(`\s+`)

// section is one section of OpenWrt's configuration.
func section(text, name string) string {
	GinkgoHelper()
	found := regexp.MustCompile(`(?m)^config rule\n\toption name '[^']*: ` + name + `'\n(\t.*\n)*`).FindString(text)
	Expect(found).NotTo(BeEmpty(), "no section %s in\n%s", name, text)
	return found
}
