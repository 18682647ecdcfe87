package peers_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/peers"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

var _ = Describe("The other methods", func() {
	DescribeTable("find what is required where there are no alternatives",
		func(method peers.Method) {
			for i := range 50 {
				system := systems.Family{N: 15, Singles: 3}.Draw(rand.New(rand.NewPCG(1, uint64(i))))
				cuts, trials := peers.Counted(method, system.N, system.Fails)
				Expect(cuts).To(ConsistOf(system.Cuts))
				Expect(trials).To(BeNumerically(">", 4))
			}
		},
		Entry("one at a time", peers.OneAtATime),
		Entry("ddmin", peers.DeltaDebug),
		Entry("QuickXplain", peers.QuickXplain),
		Entry("MARCO", peers.Marco),
		Entry("ProbDD", peers.ProbDD),
		Entry("CDD", peers.CDD),
	)

	It("leave allowed what the device works with, and would not without any of it", func() {
		for _, method := range []peers.Method{peers.DeltaDebug, peers.QuickXplain, peers.ProbDD, peers.CDD} {
			for i := range 50 {
				system := systems.Random(rand.New(rand.NewPCG(2, uint64(i))))
				cuts, _ := peers.Counted(method, system.N, system.Fails)
				var allowed search.Set
				for _, cut := range cuts {
					allowed = allowed.Union(cut)
				}
				Expect(system.Fails(search.All(system.N).Minus(allowed))).To(BeFalse(), "system %d", i)
				for _, x := range allowed.Members() {
					Expect(system.Fails(search.All(system.N).Minus(allowed).With(x))).To(BeTrue(), "system %d", i)
				}
			}
		}
	})

	It("list overlapping alternatives with MARCO alone", func() {
		system := systems.System{N: 8, Cuts: []search.Set{search.Of(0), search.Of(1, 2, 3), search.Of(3, 4)}}
		cuts, _ := peers.Counted(peers.Marco, system.N, system.Fails)
		Expect(cuts).To(ConsistOf(system.Cuts))
		for _, method := range []peers.Method{peers.OneAtATime, peers.DeltaDebug, peers.QuickXplain, peers.ProbDD, peers.CDD} {
			cuts, _ := peers.Counted(method, system.N, system.Fails)
			Expect(cuts).NotTo(ConsistOf(system.Cuts))
		}
	})

	It("block one at a time in as many trials as there are destinations, and one", func() {
		_, trials := peers.Counted(peers.OneAtATime, 9, func(search.Set) bool { return false })
		Expect(trials).To(Equal(10))
	})

	It("include picire, the real program", Label("peer", "slow"), func(ctx SpecContext) {
		picire, err := peers.InstallPicire(ctx, GinkgoT().TempDir())
		Expect(err).NotTo(HaveOccurred())
		found, err := picire.Explain(ctx, 12, [][]search.Set{{search.Of(4), search.Of(7)}, {}})
		Expect(err).NotTo(HaveOccurred())
		Expect(found[0].Cuts).To(ConsistOf(search.Of(4), search.Of(7)))
		Expect(found[0].Trials).To(BeNumerically(">", 8))
		Expect(found[1]).To(Equal(peers.Found{Trials: 1}))
	}, SpecTimeout(2*time.Minute))

	It("include Go's bisect, the real program", Label("peer"), func(ctx SpecContext) {
		bisect, err := peers.BuildBisect(ctx, GinkgoT().TempDir())
		Expect(err).NotTo(HaveOccurred())
		system := systems.System{N: 12, Cuts: []search.Set{search.Of(4), search.Of(1, 7, 9)}}
		cuts, trials, err := bisect.Explain(ctx, system.N, system.Cuts)
		Expect(err).NotTo(HaveOccurred())
		Expect(cuts).To(ConsistOf(system.Cuts))
		Expect(trials).To(BeNumerically(">", 8))
	}, SpecTimeout(2*time.Minute))
})

var _ = Describe("A device for bisect", func() {
	var tally string
	BeforeEach(func() {
		tally = filepath.Join(GinkgoT().TempDir(), "tally")
		Expect(os.WriteFile(tally, nil, 0o600)).To(Succeed())
	})

	// blocked is what a pattern enables and what it reports, of four destinations.
	reported := func(pattern string, cut string) (works bool, report string) {
		GinkgoHelper()
		var out bytes.Buffer
		works, err := peers.Device([]string{"program", "verb", tally, pattern, "4", cut}, &out)
		Expect(err).NotTo(HaveOccurred())
		return works, out.String()
	}

	It("blocks everything for y, nothing for n, and reports both", func() {
		works, report := reported("y", "0,1,2,3")
		Expect(works).To(BeFalse())
		Expect(report).To(ContainSubstring("destination 3 [bisect-match 0x"))
		works, _ = reported("n", "0")
		Expect(works).To(BeTrue())
	})

	It("adds suffixes, takes others away, and inverts", func() {
		Expect(worksOf(reported("0+1", "0,1,2,3"))).To(BeFalse())
		Expect(worksOf(reported("-0-1", "2"))).To(BeTrue())
		Expect(worksOf(reported("y-x0-x1-x2-x3-x4-x5-x6-x7", "0,1,2,3"))).To(BeTrue())
		Expect(worksOf(reported("!y", "2"))).To(BeTrue())
		Expect(worksOf(reported("v!n", "2"))).To(BeFalse())
	})

	It("counts its runs", func() {
		reported("y", "0")
		reported("n", "0")
		Expect(os.ReadFile(tally)).To(HaveLen(2))
	})
})

func worksOf(works bool, _ string) bool { return works }
