package gateway_test

import (
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway"
)

var _ = Describe("a gateway with a blocklist", Label("root"), func() {
	It("shows only contacts with a name on it, and leaves the others alone", func(ctx SpecContext) {
		ads, api := families[0].first, families[0].second
		s := newStreet(ctx, func(config *gateway.Config) {
			config.Apart = true
			config.Only = func(c harness.Contact) []string {
				return slices.DeleteFunc([]string{c.Destination.Name}, func(name string) bool { return name != "ads.example" })
			}
		})
		s.zone.set("ads.example", at(ads))
		s.zone.set("api.example", at(api))
		s.offer(ctx, ads, 443)
		s.offer(ctx, api, 443)
		for _, block := range [][]harness.Destination{nil, {{Protocol: "tcp", Port: 443, Name: "ads.example"}}} {
			Expect(s.gateway.Block(ctx, block, harness.NXDomain)).To(Succeed())
			if block == nil {
				s.lookUp(ctx, "ads.example")
				Expect(reach(ctx, s.device, "tcp", ads, 443)).To(Succeed())
			}
			s.lookUp(ctx, "api.example")
			Expect(reach(ctx, s.device, "tcp", api, 443)).To(Succeed())
			seen := s.observe(ctx)
			Expect(seen.Free).To(Equal(1))
			if block == nil {
				Expect(seen.Contacts).To(HaveExactElements(And(HaveField("Destination.Name", "ads.example"), HaveField("Listed", HaveExactElements("ads.example")))))
			}
		}
	}, SpecTimeout(30*time.Second))
})
