package policy_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("a policy of a run that always blocked something", func() {
	always := func(patterns ...string) reports.Matrix {
		GinkgoHelper()
		m := matrix(fan()...)
		for _, text := range patterns {
			pattern, err := harness.ParsePattern(text)
			Expect(err).NotTo(HaveOccurred())
			m.Run.Always = append(m.Run.Always, pattern)
		}
		return m
	}

	It("blocks that too, by address and by name, and says so", func() {
		p := made(always("log.fan.example", "*.cloud.example", "udp/9000/203.0.113.77"), policy.Options{Kind: policy.BlockOptional, Device: at()})
		Expect(ids(p.Blocked)).NotTo(ContainElement("tcp/443/log.fan.example"), "it is on the other list")
		Expect(ids(p.Always)).To(ContainElements("tcp/*/log.fan.example", "udp/*/log.fan.example", "icmp/echo/log.fan.example", "tcp/*/*.cloud.example", "udp/9000/203.0.113.77"))
		for _, format := range languages() {
			e, ok := written(format, p)
			if ok && format.Comments() {
				Expect(e.Text).To(ContainSubstring(" The run blocked *.cloud.example in every trial, in its controls too"), format.Name)
			}
		}
		Expect(export("iptables", p).Text).To(And(
			ContainSubstring(" -d 203.0.113.2 -p tcp -j REJECT"), ContainSubstring(" -d 203.0.113.2 -p icmp "),
			ContainSubstring(" -d 203.0.113.77 -p udp -m udp --dport 9000 -j REJECT")))
		Expect(export("dnsmasq", p).Text).To(And(ContainSubstring("\naddress=/*.cloud.example/\n"), ContainSubstring("\naddress=/log.fan.example/\n")))
		Expect(export("dnsmasq-nftset", p).Text).To(ContainSubstring("\nnftset=/cloud.example/4#inet#needwant_fan#icmp_echo_v4,"))
		Expect(export("ha-mqtt", p).Text).To(ContainSubstring(`"tcp/*/*.cloud.example: always blocked"`))
	})

	It("never allows it", func() {
		p := made(always("mqtt.example.net", "*.sub.example.net"), policy.Options{Kind: policy.AllowRequired})
		Expect(ids(p.Open)).NotTo(ContainElement("tcp/8883/mqtt.example.net"))
		Expect(export("nft", p).Text).NotTo(ContainSubstring("203.0.113.4"))
	})

	It("says what no rule can", func() {
		p := made(always("tcp/8080/*"), policy.Options{Kind: policy.BlockOptional})
		Expect(p.Doubts).To(ContainElement("tcp/8080/* stands for every name: block it by hand."))
	})
})
