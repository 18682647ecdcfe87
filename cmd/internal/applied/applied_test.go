package applied_test

import (
	"context"
	"os"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

// NEEDWANT_RANDOM_WORLDS=20 ginkgo ./cmd/internal/applied asks for more than
// the usual number of random worlds.
const moreWorlds = "NEEDWANT_RANDOM_WORLDS"

var _ = Describe("an export, applied to a gateway", Label("root", "peer"), func() {
	worlds := labtest.Core()
	for seed := range random() {
		worlds = append(worlds, labtest.Random(1000+uint64(seed)))
	}
	for _, world := range worlds {
		Context(world.Name, func() {
			It("keeps everything working and lets nothing through, as nft", func(ctx SpecContext) {
				tools("nft")
				s := live(ctx, world)
				for _, kind := range policy.Kinds() {
					p := s.policy(truth(world), kind)
					s.run(ctx, written("nft", p), "nft", "-f", "-")
					s.expectHeld(ctx, p)
				}
			}, SpecTimeout(2*time.Minute))

			It("keeps everything working and lets nothing through, as iptables", func(ctx SpecContext) {
				tools("nft", "iptables-restore", "ip6tables-restore")
				s := live(ctx, world)
				for _, kind := range policy.Kinds() {
					p := s.policy(truth(world), kind)
					s.run(ctx, written("iptables", p), "iptables-restore", "--noflush")
					s.run(ctx, written("iptables", p), "ip6tables-restore", "--noflush")
					s.expectHeld(ctx, p)
				}
			}, SpecTimeout(2*time.Minute))

			It("keeps everything working and lets nothing through, as dnsmasq that fills the sets of nft", func(ctx SpecContext) {
				tools("nft", "dnsmasq")
				s := live(ctx, world)
				for _, kind := range policy.Kinds() {
					p := s.policy(nameless(truth(world)), kind)
					s.run(ctx, written("nft", p), "nft", "-f", "-")
					stop := s.serveNames(ctx, written("dnsmasq-nftset", p))
					s.expectHeld(ctx, p)
					stop()
				}
			}, SpecTimeout(2*time.Minute))
		})
	}

	It("holds when it was written from a real experiment", func(ctx SpecContext) {
		tools("nft")
		world, err := lab.Find("all-optional")
		Expect(err).NotTo(HaveOccurred())
		s := live(ctx, world)
		experiment := harness.Experiment{Run: s.asked, Lanes: []harness.Lane{s.lane}, Journal: unwritten{}}
		Expect(experiment.Do(ctx)).To(Succeed())
		Expect(experiment.Run.Status).To(Equal(harness.Complete))
		m := reports.New(experiment.Run, harness.Judge(experiment.Run))
		for _, kind := range policy.Kinds() {
			p := s.policy(m, kind)
			Expect(p.Blocked).To(HaveLen(len(world.Destinations)))
			s.run(ctx, written("nft", p), "nft", "-f", "-")
			s.expectHeld(ctx, p)
		}
	}, SpecTimeout(5*time.Minute))

	It("is seen to fail where it lets something through, or breaks something", func(ctx SpecContext) {
		tools("nft")
		world, err := lab.Find("one-of-each")
		Expect(err).NotTo(HaveOccurred())
		s := live(ctx, world)
		p := s.policy(truth(world), policy.BlockOptional)
		s.gauge(ctx, p.Blocked)
		Eventually(ctx, func() int { return s.read(ctx, "passed") }).Should(BeNumerically(">", 0), "nothing is loaded yet")
		p.Blocked, p.Open = p.Open, p.Blocked
		s.run(ctx, written("nft", p), "nft", "-f", "-")
		Eventually(ctx, s.broken).WithContext(ctx).ShouldNot(BeEmpty(), "what is needed is blocked")
	}, SpecTimeout(time.Minute))
})

// unwritten is a journal that nobody reads.
type unwritten struct{}

func (unwritten) Append(harness.Result) error { return nil }

// random counts the random worlds to try.
func random() int {
	if count, err := strconv.Atoi(os.Getenv(moreWorlds)); err == nil {
		return count
	}
	return 2
}

func (s *street) policy(m reports.Matrix, kind policy.Kind) policy.Policy {
	GinkgoHelper()
	p, err := policy.New(m, policy.Options{Kind: kind, Device: s.device()})
	Expect(err).NotTo(HaveOccurred())
	return p
}

func written(name string, p policy.Policy) string {
	GinkgoHelper()
	format, err := policy.Find(name)
	Expect(err).NotTo(HaveOccurred())
	export, err := format.Export(p)
	Expect(err).NotTo(HaveOccurred())
	return export.Text
}

// expectHeld waits until the policy has its effect, and sees that it keeps it:
// for a whole window nothing blocked leaves the gateway, though the device
// tries, and after it every scenario passes. A scenario may take a few attempts, since an
// answer may be late on a busy machine; a device that the rules broke stays broken.
func (s *street) expectHeld(ctx context.Context, p policy.Policy) {
	GinkgoHelper()
	held := func(g Gomega) {
		s.gauge(ctx, p.Blocked)
		pause(ctx, s.window())
		g.Expect(s.read(ctx, "passed")).To(BeZero(), "packets to what is blocked")
		if s.restless(p.Blocked) {
			g.Expect(s.read(ctx, "tried")).To(BeNumerically(">", 0), "the device tries what is blocked")
		}
		g.Eventually(ctx, s.broken).WithContext(ctx).WithTimeout(5 * time.Second).Should(BeEmpty())
	}
	Eventually(ctx, held).WithTimeout(20 * time.Second).Should(Succeed())
	held(Default)
}

// pause lets the device do what it does for a while: the length of the window
// is part of what is claimed.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
