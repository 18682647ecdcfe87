package lablane_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// Reject and drop are columns of one run. Each world is tried with both drivers,
// one of them over IPv6; the combinations that are labelled slow are left to make
// torture.
var _ = Describe("the matrix of a world is true", Label("root"), SpecPriority(1), func() {
	drivers := []string{"ipset", "iptables"}
	families := map[string]func(lab.World) lab.World{
		"over its own addresses": func(world lab.World) lab.World { return world },
		"over IPv6":              overIPv6,
	}

	for i, world := range labtest.Core() {
		for j, driver := range drivers {
			for family, moved := range families {
				labels := Label("whole")
				switch {
				case (family == "over IPv6") != ((i+j)%2 == 1):
					labels = Label("slow")
				case world.Name == "one-of-each" && driver == "ipset":
					labels = Label()
				}
				It(world.Name+" "+family+" by "+driver, labels, func(ctx SpecContext) {
					check(ctx, moved(find(world.Name)), driver, harness.Reject, harness.Drop)
				}, SpecTimeout(10*time.Minute))
			}
		}
	}

	// How names are blocked has nothing to do with the driver.
	for _, world := range labtest.Core() {
		labels := Label("slow")
		if world.Name == "one-of-each" {
			labels = Label("whole")
		}
		It(world.Name+" with its names blocked", labels, func(ctx SpecContext) {
			check(ctx, find(world.Name), "ipset", harness.NXDomain)
		}, SpecTimeout(10*time.Minute))
	}

	faults := []harness.Fault{harness.Reject, harness.Drop}
	for seed := range uint64(10) {
		for j, driver := range drivers {
			for k, fault := range faults {
				for family, moved := range families {
					labels := Label("slow")
					if seed < 2 && (family == "over IPv6") == (seed == 1) && int(seed) == j && int(seed) == k {
						labels = Label("whole")
					}
					It(fmt.Sprintf("random world %d %s by %s, %s", seed, family, driver, fault), labels, func(ctx SpecContext) {
						check(ctx, moved(quick(labtest.Random(seed))), driver, fault)
					}, SpecTimeout(10*time.Minute))
				}
			}
		}
	}
})

// check runs the experiment on a world and compares it with what the world's
// own text says, read by an evaluator that shares no code with the lab.
func check(ctx SpecContext, world lab.World, driver string, faults ...harness.Fault) {
	GinkgoHelper()
	run := experiment(ctx, world, harness.Settings{Driver: driver, Faults: faults})
	judgement := harness.Judge(run)
	for _, column := range judgement.Columns {
		expected, err := labtest.Expect(world, column.Column.Scenario.Name, labtest.Steady)
		Expect(err).NotTo(HaveOccurred())
		if !expected.Monotone {
			Expect(column.Certified).To(Equal("none"), "%s: it must be noticed", column.Column.ID)
			Expect(column.Cells).To(ContainElement(HaveField("Verdict", harness.Undecided)), column.Column.ID)
			continue
		}
		Expect(verdicts(column)).To(Equal(expected.Verdicts), column.Column.ID)
		Expect(cuts(column)).To(Equal(expected.Cuts), column.Column.ID)
		Expect(column.Certified).To(Equal(certificate(expected)), column.Column.ID)
	}
	safe := judgement.Safe[len(judgement.Safe)-1].Destinations // of all columns together
	if len(safe) == 0 {
		return
	}
	last := run.Results[len(run.Results)-1]
	Expect(last.Trial.Block).To(Equal(safe), "the last trial blocks what is safe")
	for _, outcome := range last.Outcomes {
		Expect(outcome.Answer).To(Equal(harness.Pass), "what is safe can be blocked at once")
	}
}

// certificate is what a column must be certified as: nothing, if a destination is
// never tried while it is blocked and the scenario works.
func certificate(expected labtest.Expectation) string {
	for _, verdict := range expected.Verdicts {
		if verdict == string(harness.NotExercised) {
			return "none"
		}
	}
	return "exact"
}

func verdicts(column harness.ColumnVerdict) map[string]string {
	verdicts := map[string]string{}
	for d, cell := range column.Cells {
		verdicts[d.String()] = string(cell.Verdict)
	}
	return verdicts
}

// cuts are sorted as the evaluator sorts them.
func cuts(column harness.ColumnVerdict) [][]string {
	var cuts [][]string
	for _, cut := range column.Cuts {
		var ids []string
		for _, d := range cut.Destinations {
			ids = append(ids, d.String())
		}
		slices.Sort(ids)
		cuts = append(cuts, ids)
	}
	slices.SortFunc(cuts, func(a, b []string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), slices.Compare(a, b))
	})
	return cuts
}
