package bench_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("the scenarios of a run", func() {
	spec := scenarios.List{{Name: "plays"}, {Name: "watched"}, {Name: "reads"}}

	DescribeTable("are those of its spec that it judges alone, or with others as one", func(infos []harness.ScenarioInfo, names ...string) {
		list, err := bench.Listed(spec, infos)
		Expect(err).NotTo(HaveOccurred())
		Expect(list).To(HaveLen(len(names)))
		for i, name := range names {
			Expect(list[i].Name).To(Equal(name))
		}
	},
		Entry("alone", []harness.ScenarioInfo{{Name: "plays"}, {Name: "reads"}}, "plays", "reads"),
		Entry("joined, in the order of the run", []harness.ScenarioInfo{{Name: "watched"}, {Name: "everything", Of: []string{"reads", "plays"}}}, "watched", "reads", "plays"),
		Entry("none", nil),
	)

	DescribeTable("are all there, or the run cannot be carried out", func(info harness.ScenarioInfo, name string) {
		_, err := bench.Listed(spec, []harness.ScenarioInfo{{Name: "plays"}, info})
		Expect(err).To(MatchError(ContainSubstring("the scenario " + name + ", which its spec does not have: begin a new run")))
	},
		Entry("one alone", harness.ScenarioInfo{Name: "everything"}, "everything"),
		Entry("one of several", harness.ScenarioInfo{Name: "everything", Of: []string{"reads", "gone"}}, "gone"),
	)
})
