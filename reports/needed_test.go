package reports_test

import (
	"bytes"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = DescribeTable("of a group of alternatives so many are needed", func(groups string, needed, of int) {
	var all [][]string
	for group := range strings.FieldsSeq(groups) {
		all = append(all, strings.Split(group, ""))
	}
	n, m := reports.Needed(all, "a")
	Expect([]int{n, m}).To(Equal([]int{needed, of}))
},
	Entry("of one group, one", "abc", 1, 3),
	Entry("of one group among others, one", "abc de", 1, 3),
	Entry("of two servers in each three of four, two", "abc abd acd bcd", 2, 4),
	Entry("of each two of three, two", "ab bc ac", 2, 3),
	Entry("of the same group twice, one", "ab ba ab", 1, 2),
	Entry("of a group within another, one of the smaller", "abc ab", 1, 2),
	Entry("of groups that overlap otherwise, it is not said", "ab ac", 0, 0),
	Entry("of groups of several sizes, it is not said", "ab acd", 0, 0),
	Entry("of no group, it is not said", "bc", 0, 0),
)

// clocks is the matrix of a device that needs two of four time servers, and its cloud.
func clocks() reports.Matrix {
	server := func(name string) harness.Destination {
		return harness.Destination{Protocol: "udp", Port: 123, Name: name + ".ntp.example"}
	}
	a, b, c, d := server("a"), server("b"), server("c"), server("d")
	cloud := harness.Destination{Protocol: "tcp", Port: 443, Name: "cloud.example"}
	column := harness.ColumnVerdict{Column: harness.Column{ID: "app", Scenario: harness.ScenarioInfo{Name: "app"}}, Certified: "exact", Cells: map[harness.Destination]harness.Cell{
		cloud: {Verdict: harness.Required, Cuts: []string{"c1"}},
		a:     {Verdict: harness.Alternative, Cuts: []string{"c2", "c3", "c4"}},
		b:     {Verdict: harness.Alternative, Cuts: []string{"c2", "c3", "c5"}},
		c:     {Verdict: harness.Alternative, Cuts: []string{"c2", "c4", "c5"}},
		d:     {Verdict: harness.Alternative, Cuts: []string{"c3", "c4", "c5"}},
	}}
	var judgement harness.Judgement
	for i, cut := range [][]harness.Destination{{cloud}, {a, b, c}, {a, b, d}, {a, c, d}, {b, c, d}} {
		column.Cuts = append(column.Cuts, harness.Cut{ID: "c" + string(rune('1'+i)), Destinations: cut, Trials: []int{9 - i}})
	}
	for _, destination := range []harness.Destination{cloud, a, b, c, d} {
		judgement.Rows = append(judgement.Rows, harness.Row{Contact: harness.Contact{Destination: destination}})
	}
	judgement.Columns = []harness.ColumnVerdict{column}
	return reports.New(harness.Run{Status: harness.Complete}, judgement)
}

var _ = Describe("a device that needs two of four", func() {
	It("has one need for the four, in the JSON too", func() {
		m := clocks()
		Expect(m.Cuts).To(HaveLen(5))
		Expect(m.Needs).To(HaveLen(2))
		Expect(m.Needs[0]).To(SatisfyAll(HaveField("AtLeast", 1), HaveField("Of", HaveLen(1)), HaveField("Cuts", []string{"c1"})))
		Expect(m.Needs[1]).To(SatisfyAll(HaveField("AtLeast", 2), HaveField("Of", HaveLen(4)), HaveField("Cuts", []string{"c2", "c3", "c4", "c5"})))
		Expect(string(rendered(m))).To(ContainSubstring(`"at_least": 2`))
	})

	It("has one letter for the four, in the tables and in the sentences", func() {
		text := markdown(clocks())
		Expect(strings.Count(text, "| alternative: needs 2 of 4 (group A) |")).To(Equal(4))
		Expect(text).To(ContainSubstring("Group A: at least two of a.ntp.example, b.ntp.example, c.ntp.example and d.ntp.example on udp/123 are needed (trials 5, 6, 7, 8)."))
		Expect(text).NotTo(ContainSubstring("group B"))
		var page bytes.Buffer
		Expect(reports.Render(&page, "html", reports.Report{Matrix: clocks()})).To(Succeed())
		Expect(page.String()).To(ContainSubstring("at least two of these 4"))
		Expect(page.String()).To(ContainSubstring("needs 1 and any 2 of 4"))
	})

	DescribeTable("is said so in each format", func(format, words string) {
		var out bytes.Buffer
		Expect(reports.Render(&out, format, reports.Report{Matrix: clocks()})).To(Succeed())
		Expect(out.String()).To(ContainSubstring(words))
		Expect(out.String()).NotTo(ContainSubstring("one of its group"))
	},
		Entry(nil, "text", "◐ alternative: some of its group are needed"),
		Entry(nil, "text", "any two of four time servers"),
		Entry(nil, "md", "any two of four time servers"),
		Entry(nil, "html", "some of its group are needed"),
		Entry(nil, "csv", ",alternative,needs 2 of 4 (group A),"),
		Entry(nil, "junit", `message="alternative: needs 2 of 4 (group A)"`),
		Entry(nil, "json", `"at_least": 2`),
	)

	It("is read from the cuts of an earlier version's matrix", func() {
		m := clocks()
		m.Needs = nil
		Expect(markdown(m)).To(Equal(markdown(clocks())))
	})
})
