package lablane_test

import (
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	. "github.com/onsi/gomega/gstruct"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// What people reported of real devices: see docs/worlds.md. Each world is tried in
// the way that shows what is peculiar about it.
var _ = Describe("what people reported", Label("root"), func() {
	both := []harness.Fault{harness.Reject, harness.Drop}
	tried := map[string]bool{}
	provokers := map[string][]harness.Provoker{"provoked": {harness.ByLink}, "new-lease": {harness.ByLease}} // if the settings name none
	horizons := map[string]time.Duration{"dies-late": 4}                                                     // in longest periods; the usual one for the others
	DescribeTableSubtree("is found out", func(name string, settings harness.Settings) {
		tried[name] = true
		prove := func(ctx SpecContext, lanes int) {
			world := find(name)
			settings.Lanes, settings.Careful = lanes, settings.MaxNoise > 0
			settings.Horizon = horizons[name] * world.Longest()
			run := experiment(ctx, world, settings)
			for _, column := range harness.Judge(run).Columns {
				expected := expectation(world, column.Column)
				Expect(verdicts(column)).To(Equal(expected.Verdicts), column.Column.ID)
				Expect(cuts(column)).To(Equal(expected.Cuts), column.Column.ID)
				Expect(column.Certified).To(Equal(certificate(expected)), column.Column.ID)
			}
			if by := slices.Concat(settings.Provoke, provokers[name]); len(by) > 0 {
				Expect(run.Results).To(ContainElement(And(HaveField("Trial.Block", Not(BeEmpty())), HaveField("Provoked", PointTo(HaveField("By", by[0]))))))
			}
		}
		It("of "+name, func(ctx SpecContext) { prove(ctx, 1) }, SpecTimeout(5*time.Minute))
		It("of "+name+", on 2 lanes", Label("slow"), func(ctx SpecContext) { prove(ctx, 2) }, SpecTimeout(5*time.Minute))
		It("of "+name+", on 4 lanes", Label("slow"), func(ctx SpecContext) { prove(ctx, 4) }, SpecTimeout(5*time.Minute))
	},
		Entry("a minute fine, six silent", Label("slow"), "duty-cycle", harness.Settings{}),
		Entry("needs what it contacts once a day", Label("slow"), "once-a-day", harness.Settings{}),
		Entry("contacts something seldom, and when its link comes up", Label("whole"), "provoked", harness.Settings{}),
		Entry("contacts something seldom, and when it gets a new lease", Label("whole"), "new-lease", harness.Settings{}),
		Entry("contacts something seldom, and when it is restarted", Label("whole"), "provoked", harness.Settings{Provoke: []harness.Provoker{harness.ByStart}}),
		Entry("fine until a third failure", Label("slow"), "dies-late", harness.Settings{}),
		Entry("fine for long, then dead", Label("whole"), "late-onset", harness.Settings{}),
		Entry("rejecting helps", Label("whole"), "watchdog", harness.Settings{Faults: both}),
		Entry("rejecting does not help", Label("slow"), "no-way-round", harness.Settings{Faults: both}),
		Entry("now and then not to be found", Label("whole"), "comes-and-goes", harness.Settings{}),
		Entry("dead without a clock and names", Label("slow"), "clock-and-names", harness.Settings{}),
		Entry("tells what it is and nothing else", "info-only", harness.Settings{}),
		Entry("not a firewall, but names alone break it", Label("whole"), "blocked-names", harness.Settings{Faults: append(both, harness.NXDomain)}),
		Entry("closes its port", Label("slow"), "cloud-locked", harness.Settings{}),
		Entry("stays broken", "dead-server", harness.Settings{}),
		Entry("fine until it is power-cycled", "power-cycled", harness.Settings{Regimes: []harness.Regime{harness.Steady, harness.ColdBoot}}),
		Entry("asks for the time when it is switched on", Label("whole"), "boot-only", harness.Settings{Regimes: []harness.Regime{harness.Steady, harness.ColdBoot}}),
		Entry("one request in five is ignored", "deaf", harness.Settings{MaxNoise: 0.05}),
		Entry("only its own subnet", Label("slow"), "own-subnet", harness.Settings{}),
		Entry("the cloud steps in", "cloud-fallback", harness.Settings{}),
		Entry("a resolver that is written in", "own-resolver", harness.Settings{}),
		Entry("a ping is all that it needs", Label("whole"), "ping-watchdog", harness.Settings{Faults: both}),
		Entry("a ping is all that it needs, blocked by iptables", Label("slow"), "ping-watchdog", harness.Settings{Driver: "iptables", Faults: both}),
		Entry("ten third parties", Label("slow"), "third-parties", harness.Settings{}),
		Entry("contacts more only while it is broken", "fallback-of-required", harness.Settings{Faults: both}),
		Entry("works, but late", Label("whole"), "slower", harness.Settings{}),
	)

	It("is all there", func() {
		tried["tv-list"] = true // with its blocklist, in only_test.go
		for _, name := range []string{"own-time", "picky-time", "probe-204", "no-pinning", "time-by-dhcp", "own-cloud"} {
			tried[name] = true // with stand-ins, in standin_test.go
		}
		for _, world := range labtest.Peculiar() {
			Expect(tried).To(HaveKey(world.Name))
		}
	})

	It("takes as long to find out as it takes to happen, and the run says how long it held", Label("slow"), func(ctx SpecContext) {
		world := find("late-onset")
		cloud := harness.Destination{Protocol: "udp", Port: 8053, Name: "ot.sweeper.example"}
		for watch, verdict := range map[lab.Watch]harness.Verdict{
			world.Watch: harness.Required,
			{Every: 50 * time.Millisecond, For: 600 * time.Millisecond, Ratio: 0.6}: harness.Optional,
		} {
			world.Watch = watch
			world, err := labtest.Make(world)
			Expect(err).NotTo(HaveOccurred())
			run := experiment(ctx, world, harness.Settings{})
			Expect(harness.Judge(run).Columns[0].Cells[cloud].Verdict).To(Equal(verdict), "%s", watch.For)
			for _, result := range run.Results {
				Expect(result.Held).To(BeNumerically(">=", watch.For))
			}
		}
	}, SpecTimeout(5*time.Minute))
})

// expectation is what the world's own text says of a column.
func expectation(world lab.World, column harness.Column) labtest.Expectation {
	GinkgoHelper()
	regimes := map[harness.Regime]labtest.Regime{harness.Steady: labtest.Steady, harness.ColdBoot: labtest.ColdBoot}
	expected, err := labtest.ExpectUnder(labtest.Fault(column.Fault), world, column.Scenario.Name, regimes[column.Regime])
	Expect(err).NotTo(HaveOccurred())
	return expected
}
