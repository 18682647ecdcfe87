package gateway_test

import (
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("a stand-in that the device is told to go to", Label("root"), func() {
	byName := func(destinations ...harness.Destination) map[harness.Destination]harness.Way {
		ways := map[harness.Destination]harness.Way{}
		for _, d := range destinations {
			ways[d] = harness.WayName
		}
		return ways
	}

	for _, kind := range []string{"ipset", "iptables"} {
		for _, family := range families {
			DescribeTable("answers at the gateway's own address, which its name has: "+kind+", "+family.name, func(ctx SpecContext, tables option) {
				s := newStreet(ctx, driver(kind), tables)
				s.zone.set("time.example", at(family.first))
				s.zone.set("check.example", at(family.first))
				s.zone.set("ping.example", at(family.second))
				for _, name := range []string{"time.example", "check.example", "ping.example"} {
					s.lookUp(ctx, name)
				}
				uplink := s.tapOutside(ctx)
				record, other := dns.TypeA, dns.TypeAAAA
				if family.first.Is6() {
					record, other = other, record
				}

				icmp, page, clock := destination("icmp/echo/ping.example"), destination("tcp/80/check.example"), destination("udp/123/time.example")
				block := []harness.Destination{icmp, page, clock}
				for _, fault := range []harness.Fault{harness.Reject, harness.Drop} {
					Expect(s.gateway.BlockWith(ctx, block, fault, harness.StandInsFor(block, harness.StandIns()), byName(block...))).To(Succeed())
					Expect(visit(ctx, s.device, family.gateway, "/")).Error().NotTo(HaveOccurred())
					Expect(s.observe(ctx).StoodIn).To(BeEmpty(), "the device was not told to go there")
					Expect(visit(ctx, s.device, family.first.String(), "/")).Error().To(HaveOccurred(), "it is blocked, and redirected by nothing")

					for _, d := range []harness.Destination{clock, icmp, page} {
						Expect(s.resolve(ctx, "udp", "192.168.50.1", d.Name, record)).To(HaveExactElements(family.gateway))
						Expect(s.resolve(ctx, "udp", "192.168.50.1", d.Name, other)).To(HaveLen(1))
						Expect(s.resolve(ctx, "udp", "192.168.50.1", d.Name, dns.TypeHTTPS)).To(BeEmpty())
					}
					Expect(s.observe(ctx).StoodIn).To(BeEmpty(), "it has not gone there yet")
					Expect(askTime(ctx, s.device, family.gateway)).Error().NotTo(HaveOccurred())
					Expect(visit(ctx, s.device, family.gateway, "/generate_204")).To(Equal("204 "))
					Expect(pings(ctx, s.device, netip.MustParseAddr(family.gateway), 3)).To(Equal(3), "each is answered once")

					seen := s.observe(ctx)
					Expect(seen.Broken).To(BeEmpty())
					Expect(seen.Disturbed).To(BeEmpty())
					Expect(seen.Doubts).To(BeEmpty())
					Expect(seen.StoodIn).To(HaveExactElements(
						harness.StoodIn{Destination: icmp, Kind: harness.EchoReply, Answers: 3, By: harness.WayName},
						harness.StoodIn{Destination: page, Kind: harness.ProbePages, Answers: 1, By: harness.WayName},
						harness.StoodIn{Destination: clock, Kind: harness.TimeServer, Answers: 1, By: harness.WayName},
					))
					for _, d := range block {
						Expect(contact(seen, d.String()).Attempts).To(BeNumerically(">", 0), "the query for %s", d)
					}
				}
				Expect(s.gateway.Block(ctx, block, harness.Reject)).To(Succeed())
				Expect(s.resolve(ctx, "udp", "192.168.50.1", "time.example", record)).To(HaveExactElements(family.first.String()))
				Expect(askTime(ctx, s.device, family.gateway)).Error().To(HaveOccurred(), "the gateway has no such service")
				Expect(uplink.to(family.first)).To(BeZero(), "nothing left")
			},
				Entry("in its own tables", deviceAlone, SpecTimeout(60*time.Second)),
				Entry("in shared tables", inSharedTables, SpecTimeout(60*time.Second)),
			)
		}
	}

	for _, kind := range []string{"ipset", "iptables"} {
		for _, family := range families {
			DescribeTable("answers for names that are blocked, by these, and for what has no name: "+kind+", "+family.name, func(ctx SpecContext, tables option) {
				s := newStreet(ctx, driver(kind), tables)
				s.zone.set("time.example", at(family.first))
				s.zone.set("other.example", at(family.first))
				s.lookUp(ctx, "time.example")
				s.lookUp(ctx, "other.example")
				record := dns.TypeA
				if family.first.Is6() {
					record = dns.TypeAAAA
				}
				icmp, clock, other := destination("icmp/echo/"+family.second.String()), destination("udp/123/time.example"), destination("tcp/443/other.example")
				block := []harness.Destination{icmp, clock, other}
				standIns := harness.StandInsFor(block, harness.StandIns())
				uplink := s.tapOutside(ctx)
				for range 2 {
					Expect(s.gateway.BlockWith(ctx, block, harness.NXDomain, standIns, nil)).To(Succeed())
					Expect(s.resolve(ctx, "udp", "192.168.50.1", "other.example", record)).Error().To(MatchError(ContainSubstring("NXDOMAIN")))
					Expect(askTime(ctx, s.device, family.gateway)).Error().NotTo(HaveOccurred())
					Expect(s.observe(ctx).StoodIn).To(BeEmpty(), "the device was not told to go there")

					Expect(s.resolve(ctx, "udp", "192.168.50.1", "time.example", record)).To(HaveExactElements(family.gateway))
					Expect(askTime(ctx, s.device, family.gateway)).Error().NotTo(HaveOccurred())
					Expect(pings(ctx, s.device, family.second, 3)).To(Equal(3))
					seen := s.observe(ctx)
					Expect(seen.Broken).To(BeEmpty())
					Expect(seen.Disturbed).To(BeEmpty())
					Expect(seen.StoodIn).To(HaveExactElements(
						harness.StoodIn{Destination: icmp, Kind: harness.EchoReply, Answers: 3},
						harness.StoodIn{Destination: clock, Kind: harness.TimeServer, Answers: 1, By: harness.WayName},
					))
					Expect(contact(seen, clock.String()).Attempts).To(Equal(1), "the query is one attempt")
				}
				Expect(uplink.to(family.first)+uplink.to(family.second)).To(BeZero(), "nothing left")
				Expect(s.gateway.Block(ctx, block, harness.NXDomain)).To(Succeed())
				Expect(s.resolve(ctx, "udp", "192.168.50.1", "time.example", record)).Error().To(MatchError(ContainSubstring("NXDOMAIN")), "without its stand-in it is only blocked")
			},
				Entry("in its own tables", deviceAlone, SpecTimeout(60*time.Second)),
				Entry("in shared tables", inSharedTables, SpecTimeout(60*time.Second)),
			)
		}
	}

	It("may be a TLS server", func(ctx SpecContext) {
		s := newStreet(ctx)
		family := families[0]
		s.zone.set("api.example", at(family.first))
		s.lookUp(ctx, "api.example")
		block := []harness.Destination{destination("tcp/443/api.example")}
		Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.AllStandIns()), byName(block...))).To(Succeed())
		s.lookUp(ctx, "api.example")
		_, err := shakeHands(ctx, s.device, family.gateway, &tls.Config{ServerName: "api.example", InsecureSkipVerify: true}) //nolint:gosec // that is the finding
		Expect(err).NotTo(HaveOccurred())
		Eventually(func() []harness.StoodIn { return s.observe(ctx).StoodIn }).WithContext(ctx).Should(HaveExactElements(
			harness.StoodIn{Destination: block[0], Kind: harness.ForeignTLS, Answers: 1, By: harness.WayName}))
		Expect(s.observe(ctx).Doubts).To(BeEmpty())
		Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
		Expect(reach(ctx, s.device, "tcp", family.first, 443)).To(MatchError(unix.ECONNREFUSED), "nothing is offered there, and nothing blocks it")
	}, SpecTimeout(20*time.Second))

	It("is refused for what has no such way", func(ctx SpecContext) {
		s := newStreet(ctx)
		bare, wide, page := destination("udp/123/198.18.0.1"), destination("udp/123/*.pool.example"), destination("tcp/80/check.example")
		block := []harness.Destination{bare, wide, page}
		for d, way := range map[harness.Destination]harness.Way{bare: harness.WayName, wide: harness.WayName, page: harness.WayOption, destination("udp/123/a.example"): harness.WayName} {
			Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.StandIns()), map[harness.Destination]harness.Way{d: way})).NotTo(Succeed(), "%s", d)
		}
	}, SpecTimeout(20*time.Second))
})
