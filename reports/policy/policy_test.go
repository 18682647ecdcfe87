package policy_test

import (
	"net/netip"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("a policy", func() {
	const (
		address = "udp/123/192.0.2.33"
		named   = "udp/123/time.fan.example"
		six     = "udp/123/2001:db8::35"
	)

	It("puts every destination on one of its lists", func() {
		for _, kind := range policy.Kinds() {
			p := made(matrix(fan()...), policy.Options{Kind: kind})
			Expect(append(ids(p.Blocked), ids(p.Open)...)).To(ConsistOf(ids(everything())))
		}
	})

	It("blocks just the safe list that was tried as a whole", func() {
		p := made(matrix(fan()...), policy.Options{Kind: policy.BlockOptional})
		Expect(ids(p.Blocked)).To(ConsistOf(names(safe())))
		Expect(p.Proof).To(ContainElement(ContainSubstring("Trial 9 blocked")))
	})

	It("leaves one alternative open, or all where that is wanted", func() {
		p := made(matrix(fan()...), policy.Options{Kind: policy.BlockOptional, WholeGroups: true})
		Expect(ids(p.Open)).To(ContainElements(address, named, six))
		Expect(ids(p.Blocked)).To(ContainElement("tcp/443/log.fan.example"))
		Expect(p.Proof).To(ContainElement(ContainSubstring("More stays open")))
	})

	It("allows a whole group, or one of it where that is wanted", func() {
		p := made(matrix(fan()...), policy.Options{Kind: policy.AllowRequired})
		Expect(ids(p.Open)).To(ConsistOf("tcp/443/api.fan.example", "tcp/8883/mqtt.example.net", address, named, six))
		p = made(matrix(fan()...), policy.Options{Kind: policy.AllowRequired, Minimal: true})
		Expect(ids(p.Open)).To(ConsistOf("tcp/443/api.fan.example", "tcp/8883/mqtt.example.net", address))
	})

	It("allows nothing by a run that proves nothing, since that would block everything", func() {
		m := matrix(fan()...)
		for _, row := range m.Rows {
			for id := range row.Cells {
				row.Cells[id] = reports.Cell{Verdict: harness.Undecided}
			}
		}
		_, err := policy.New(m, policy.Options{Kind: policy.AllowRequired})
		Expect(err).To(MatchError(ContainSubstring("no cell is decided")))
		m.Rows = nil
		_, err = policy.New(m, policy.Options{Kind: policy.AllowRequired})
		Expect(err).To(MatchError(ContainSubstring("no cell is decided")))
	})

	It("is for one scenario where that is wanted", func() {
		p := made(matrix(fan()...), policy.Options{Kind: policy.AllowRequired, Scenario: "home"})
		Expect(ids(p.Open)).To(ConsistOf("tcp/8883/mqtt.example.net"))
		Expect(p.Columns).To(Equal([]string{"home"}))
	})

	It("falls back on a list that was proved for more", func() {
		m := matrix(fan()...)
		m.Safe = m.Safe[2:]
		p := made(m, policy.Options{Kind: policy.BlockOptional, Scenario: "home"})
		Expect(ids(p.Blocked)).To(ConsistOf(names(safe())))
		Expect(p.Proof).To(ContainElement(ContainSubstring("of app, home together")))
	})

	It("leaves open what is not decided", func() {
		m := matrix(append(fan(), seen{"tcp/9/unsure.example", "203.0.113.99", harness.Undecided, harness.Undecided})...)
		for _, kind := range policy.Kinds() {
			p := made(m, policy.Options{Kind: kind, Scenario: "app"})
			Expect(ids(p.Open)).To(ContainElement("tcp/9/unsure.example"))
			Expect(p.Doubts).To(ContainElement(ContainSubstring("undecided")))
		}
	})

	It("says what is not proved", func() {
		m := matrix(fan()...)
		m.Safe[2].Trial, m.Run.Status = 0, harness.OverBudget
		m.Rows[1].Destination.Collateral = []string{"other.example"}
		p := made(m, policy.Options{Kind: policy.BlockOptional})
		Expect(p.Doubts).To(ContainElements(
			ContainSubstring("No single trial"), ContainSubstring("not complete"),
			ContainSubstring("other.example")))
	})

	It("does not block what the device never tried while it was blocked", func() {
		m := matrix(fan()...)
		m.Rows[1].Cells["app"] = reports.Cell{Verdict: harness.NotExercised}
		p := made(m, policy.Options{Kind: policy.BlockOptional})
		Expect(ids(p.Open)).To(ContainElement("tcp/443/log.fan.example"))
		Expect(p.Doubts).To(ContainElement(ContainSubstring("log.fan.example stays open")))
		p = made(m, policy.Options{Kind: policy.AllowRequired})
		Expect(ids(p.Blocked)).To(ContainElement("tcp/443/log.fan.example"))
		Expect(p.Doubts).To(ContainElement(ContainSubstring("log.fan.example is refused")))
	})

	It("allows no fallback of what is needed, and does not block it on its own account", func() {
		m := matrix(fan()...)
		m.Rows[1].Cells["app"] = reports.Cell{Verdict: harness.Optional, OnlyWhile: []string{"c1"}}
		m.Safe = []reports.Safe{{Columns: []string{"app"}}}
		p := made(m, policy.Options{Kind: policy.BlockOptional, Scenario: "app"})
		Expect(ids(p.Open)).To(ContainElement("tcp/443/log.fan.example"))
		Expect(p.Doubts).To(ContainElement(ContainSubstring("log.fan.example stays open: it is contacted only while what is needed is blocked")))
		p = made(m, policy.Options{Kind: policy.AllowRequired, Scenario: "app"})
		Expect(ids(p.Blocked)).To(Equal([]string{"tcp/443/log.fan.example"}), "nothing else was proved")
		Expect(p.Blocked[0].Why).To(Equal("optional, contacted only while what is needed is blocked"))
	})

	It("leaves open what the device works worse without", func() {
		m := matrix(fan()...)
		m.Rows[1].Cells["app"] = reports.Cell{Verdict: harness.Degraded}
		for _, kind := range policy.Kinds() {
			p := made(m, policy.Options{Kind: kind})
			Expect(ids(p.Open)).To(ContainElement("tcp/443/log.fan.example"))
			Expect(p.Doubts).To(ContainElement(ContainSubstring("log.fan.example stays open: all works without it, but worse")))
		}
	})

	It("does not close an alternative that another scenario works worse without", func() {
		m := matrix(fan()...)
		for i, row := range m.Rows {
			if row.Destination.ID.String() == named {
				m.Rows[i].Cells["home"] = reports.Cell{Verdict: harness.Degraded}
			}
		}
		Expect(ids(made(m, policy.Options{Kind: policy.BlockOptional}).Open)).To(ContainElement(named))
	})

	It("drops where the run dropped", func() {
		m := matrix(fan()...)
		for i := range m.Columns {
			m.Columns[i].Fault = harness.Drop
		}
		text := export("nft", made(m, policy.Options{Kind: policy.BlockOptional})).Text
		Expect(text).To(ContainSubstring("counter drop"))
		Expect(text).NotTo(ContainSubstring("reject"))
	})

	DescribeTable("is refused, with the remedy", func(m reports.Matrix, options policy.Options, says string) {
		_, err := policy.New(m, options)
		Expect(err).To(MatchError(ContainSubstring(says)))
	},
		Entry("of an unknown kind", reports.Matrix{}, policy.Options{Kind: "block-all"}, "choose block-optional or allow-required"),
		Entry("of a run without scenarios", reports.Matrix{}, policy.Options{Kind: policy.BlockOptional}, "no scenarios"),
		Entry("of an unknown scenario", matrix(), policy.Options{Kind: policy.BlockOptional, Scenario: "a\nb"}, `choose one of app, home`),
		Entry("of a run that proves nothing", reports.Matrix{Columns: []reports.Column{{ID: "app"}}}, policy.Options{Kind: policy.BlockOptional}, "proves no safe list"),
		Entry("of an odd MAC", matrix(), policy.Options{Kind: policy.BlockOptional, Device: policy.Device{MAC: []byte{1, 2}}}, "not an Ethernet address"),
	)

	It("of an unknown format names all", func() {
		_, err := policy.Find("pf")
		Expect(err).To(MatchError(And(ContainSubstring(`"pf"`), ContainSubstring("nft, iptables, openwrt"))))
	})
})

var _ = Describe("an export", func() {
	block := func() policy.Policy {
		return made(matrix(fan()...), policy.Options{Kind: policy.BlockOptional, Device: at()})
	}

	It("says at its top what was lost", func() {
		for _, format := range languages() {
			for _, kind := range policy.Kinds() {
				e, ok := written(format, made(matrix(fan()...), policy.Options{Kind: kind}))
				if !ok {
					continue
				}
				Expect(e.Lost).NotTo(BeEmpty(), format.Name)
				for _, sentence := range e.Lost {
					if format.Comments() {
						Expect(e.Text).To(ContainSubstring("- "+sentence), format.Name)
					}
				}
			}
		}
	})

	It("never blocks an address that something needed has on the same port", func() {
		for _, name := range []string{"nft", "iptables", "openwrt", "unifi"} {
			e := export(name, block())
			Expect(e.Text).NotTo(MatchRegexp(`(?m)^[^#]*203\.0\.113\.1[^0-9].*443`), name)
			Expect(e.Lost).To(ContainElement(ContainSubstring("203.0.113.1 of tcp/443/cdn.fan.example stays open")), name)
		}
	})

	It("does not follow a name onto an address that something needed has", func() {
		e := export("dnsmasq-nftset", block())
		Expect(e.Text).NotTo(ContainSubstring("nftset=/cdn.fan.example/"))
		Expect(e.Lost).To(ContainElement(ContainSubstring("cdn.fan.example is not followed")))
	})

	It("never blocks a name that is needed on another port, or that stands for many", func() {
		for _, name := range []string{"dnsmasq", "adguard", "hosts"} {
			e := export(name, block())
			Expect(e.Text).NotTo(MatchRegexp(`(?m)^[^#!]*api\.fan\.example`), name)
			Expect(e.Text).NotTo(MatchRegexp(`(?m)^[^#!]*[/| ]com\b`), name)
			Expect(e.Text).NotTo(MatchRegexp(`(?m)^[^#!]*[/| ]co\.nz\b`), name)
			Expect(e.Lost).To(ContainElements(ContainSubstring("strangers have names below it"), ContainSubstring("has the same name")), name)
		}
	})

	It("spares a needed name below a blocked one", func() {
		Expect(export("dnsmasq", block()).Text).To(ContainSubstring("server=/mqtt.example.net/#\n"))
		Expect(export("adguard", block()).Text).To(ContainSubstring("@@||mqtt.example.net^$client=192.168.50.10|fd00:50::10\n"))
		Expect(export("dnsmasq-nftset", block()).Text).To(ContainSubstring("nftset=/mqtt.example.net/4#inet#needwant_fan#spared_v4,"))
		Expect(export("nft", block()).Text).To(ContainSubstring("set spared_v4 {"))
	})

	It("fills only sets that the table has", func() {
		for _, kind := range policy.Kinds() {
			p := made(matrix(fan()...), policy.Options{Kind: kind})
			table := export("nft", p).Text
			for _, match := range setName.FindAllStringSubmatch(export("dnsmasq-nftset", p).Text, -1) {
				Expect(table).To(ContainSubstring("set " + match[1] + " {"))
			}
		}
	})

	It("knows the device by its addresses where it has no MAC", func() {
		four := policy.Device{Addresses: []netip.Addr{netip.MustParseAddr("192.168.50.10")}}
		p := made(matrix(fan()...), policy.Options{Kind: policy.AllowRequired, Device: four})
		Expect(export("nft", p).Text).To(ContainSubstring("ip saddr { 192.168.50.10 } jump rules"))
		Expect(export("nft", p).Lost).To(ContainElement(ContainSubstring("IPv6 of the device is not covered")))
		Expect(export("iptables", p).Text).To(ContainSubstring("-4 -I FORWARD -s 192.168.50.10 -j NEEDWANT_FAN\n"))
		Expect(export("openwrt", p).Text).To(ContainSubstring("list src_ip '192.168.50.10'"))
		Expect(export("routeros", p).Text).To(ContainSubstring("chain=forward src-address=192.168.50.10 "))
	})

	It("has stand-ins for what nobody said, and says so", func() {
		p := made(matrix(fan()...), policy.Options{Kind: policy.BlockOptional})
		Expect(export("nft", p).Text).To(And(ContainSubstring("00:00:5e:00:53:01"), ContainSubstring("# FILL IN")))
		Expect(export("adguard", p).Text).To(ContainSubstring("$client=192.0.2.1\n"))
	})

	It("asks for the device's address only if the text has a placeholder", func() {
		p := made(matrix(fan()...), policy.Options{Kind: policy.BlockOptional})
		asking := 0
		for _, format := range policy.Formats() {
			exported, err := format.Export(p)
			if err != nil {
				continue // not with this policy
			}
			asks := strings.Contains(exported.Text, "FILL IN")
			Expect(asks).To(Equal(exported.Placeholder), format.Name)
			if asks {
				asking++
			}
		}
		Expect(asking).To(BeNumerically(">", 4))
	})
})

func names(destinations []harness.Destination) (names []string) {
	for _, d := range destinations {
		names = append(names, d.String())
	}
	return names
}

func everything() []policy.Destination {
	var all []policy.Destination
	for _, s := range fan() {
		all = append(all, policy.Destination{ID: destination(s.id)})
	}
	return all
}
