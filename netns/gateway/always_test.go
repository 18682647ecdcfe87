package gateway_test

import (
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway"
)

var _ = Describe("what is always blocked", Label("root"), func() {
	patterns := func(texts ...string) option {
		return func(config *gateway.Config) {
			for _, text := range texts {
				pattern, err := harness.ParsePattern(text)
				Expect(err).NotTo(HaveOccurred())
				config.Always = append(config.Always, pattern)
			}
		}
	}

	for _, kind := range []string{"ipset", "iptables"} {
		for _, family := range families {
			It("stays blocked when nothing is, and is not a contact to judge: "+kind+", "+family.name, func(ctx SpecContext) {
				hosts := []netip.Addr{family.first, family.second, family.unassigned, family.unassigned.Next()}
				s := newStreet(ctx, driver(kind), patterns("cloud.example", "*.shop.example", "tcp/443/"+hosts[2].String()))
				for _, address := range hosts {
					s.offer(ctx, address, 443)
				}
				s.zone.set("cloud.example", at(hosts[0]))
				s.zone.set("a.shop.example", at(hosts[1]))
				s.zone.set("open.example", at(hosts[3]))
				for _, name := range []string{"cloud.example", "a.shop.example", "open.example"} {
					s.lookUp(ctx, name)
				}
				for _, fault := range []harness.Fault{harness.Reject, harness.Drop, harness.NXDomain} {
					Expect(s.gateway.Block(ctx, nil, fault)).To(Succeed())
					for _, address := range hosts[:3] {
						Expect(try(ctx, s.device, "tcp", address, 443)).NotTo(Succeed(), "%s, %s", address, fault)
					}
					Expect(reach(ctx, s.device, "tcp", hosts[3], 443)).To(Succeed())
				}
				seen := s.observe(ctx)
				Expect(seen.Broken).To(BeEmpty())
				Expect(seen.Contacts).To(HaveExactElements(HaveField("Destination.Name", "open.example")))
				Expect(seen.Always).To(ConsistOf(
					And(HaveField("Destination.Name", "cloud.example"), HaveField("Attempts", BeNumerically(">", 0))),
					HaveField("Destination.Name", "a.shop.example"),
					HaveField("Destination.Name", hosts[2].String())))
			}, SpecTimeout(30*time.Second))
		}
	}
})
