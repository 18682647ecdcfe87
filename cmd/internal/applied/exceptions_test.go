package applied_test

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/blocklist"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("exceptions from a blocklist, applied to a resolver", Label("root", "peer"), func() {
	It("let a device work again that the list broke", func(ctx SpecContext) {
		tools("nft", "dnsmasq")
		world, err := lab.Find("tv-list")
		Expect(err).NotTo(HaveOccurred())
		text, err := os.ReadFile("../../../netns/lab/worlds/tv-list.txt")
		Expect(err).NotTo(HaveOccurred())
		list, err := blocklist.Parse("tv-list.txt", strings.NewReader(string(text)))
		Expect(err).NotTo(HaveOccurred())
		var blocked strings.Builder
		for _, d := range world.Destinations {
			if list.Blocks(d.Host) {
				blocked.WriteString("address=/" + d.Host + "/\n")
			}
		}
		Expect(strings.Count(blocked.String(), "\n")).To(Equal(10))

		m := reports.Matrix{Run: reports.Run{Only: &reports.Only{List: "tv-list.txt"}}}
		m.Allow = [][]string{{"dns/drm-b.license.example"}, {"dns/drm-c.license.example"}, {"dns/drm-a.license.example"}}
		exceptions, err := policy.NewExceptions(m, policy.Device{})
		Expect(err).NotTo(HaveOccurred())
		allowed, err := exceptions.Write("dnsmasq")
		Expect(err).NotTo(HaveOccurred())

		s := live(ctx, world)
		stop := s.serveNames(ctx, blocked.String())
		Eventually(ctx, s.broken).WithContext(ctx).WithTimeout(20 * time.Second).ShouldNot(BeEmpty())
		stop()
		s.serveNames(ctx, blocked.String()+allowed)
		Eventually(ctx, s.broken).WithContext(ctx).WithTimeout(20 * time.Second).Should(BeEmpty())
		var still []string
		for _, d := range world.Destinations {
			if list.Blocks(d.Host) && s.blocked(ctx, d.Host) {
				still = append(still, d.Host)
			}
		}
		Expect(still).To(And(HaveLen(9), Not(ContainElement("drm-b.license.example"))), "nothing else is allowed")
	}, SpecTimeout(time.Minute))
})

// blocked reports whether dnsmasq says that a name does not exist.
func (s *street) blocked(ctx context.Context, name string) bool {
	GinkgoHelper()
	answer, err := s.ask(ctx, name)
	Expect(err).NotTo(HaveOccurred())
	return answer.Rcode == dns.RcodeNameError
}
