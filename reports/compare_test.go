package reports_test

import (
	"bytes"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("a comparison of two runs", func() {
	DescribeTable("reports whether something became required", func(before, after string, worse bool) {
		Expect(reports.Compare(needing(before), needing(after)).Worse()).To(Equal(worse))
	},
		Entry("nothing changed", "a b|c", "a b|c", false),
		Entry("a destination became required", "a", "a b", true),
		Entry("something is no longer required", "a b", "a", false),
		Entry("one of a group became required", "a|b", "a", true),
		Entry("what was required is now one of a group", "a", "a|b", false),
		Entry("a group lost a member", "a|b|c", "a|b", true),
		Entry("a group gained a member", "a|b", "a|b|c", false),
		Entry("a group became needed", "a", "a b|c", true),
		Entry("something new is required", "a", "a new", true),
		Entry("nothing at all was needed, and is", "", "a", true),
	)

	It("says what changed, the answer first", func() {
		text := compared(needing("a b|c"), needing("b new"))
		Expect(text).To(HavePrefix("Something became required.\n"))
		Expect(text).To(SatisfyAll(
			ContainSubstring("b.example on tcp/443 is required now (trial 7); before, it was alternative."),
			ContainSubstring("new.example on tcp/443 is required now (trial 7); before, it was not seen."),
			ContainSubstring("a.example on tcp/443 was required, and is now optional."),
			ContainSubstring("Alternative before, now optional: c.example on tcp/443."),
		))
		Expect(text).NotTo(ContainSubstring("It is no longer so"), "one of b and c is still needed: b")
	})

	It("says so when nothing changed", func() {
		Expect(compared(needing("a"), needing("a"))).To(SatisfyAll(
			HavePrefix("Nothing became required.\n"), ContainSubstring("Nothing changed.")))
	})

	It("finds a column again by what it is, whatever its id", func() {
		after := needing("a b")
		after.Columns[0].ID = "app@steady"
		for i := range after.Cuts {
			after.Cuts[i].Column = "app@steady"
		}
		for _, row := range after.Rows {
			row.Cells["app@steady"] = row.Cells["app"]
			delete(row.Cells, "app")
		}
		Expect(reports.Compare(needing("a"), after).Worse()).To(BeTrue())
		Expect(reports.Compare(needing("a b"), after).Worse()).To(BeFalse())
	})

	It("names the columns that only one of the runs has", func() {
		after := needing("a")
		after.Columns[0].Regime = harness.ColdBoot
		c := reports.Compare(needing("a"), after)
		Expect(c.Columns).To(BeEmpty())
		Expect(compared(needing("a"), after)).To(SatisfyAll(
			HavePrefix("The runs have no column in common"),
			ContainSubstring("app is only in the earlier run."), ContainSubstring("app is only in the later run.")))
	})

	It("warns of what may mislead", func() {
		before, after := needing("a"), needing("a b")
		before.Device.Model = "lamp.v0"
		before.Run.Status = harness.OverBudget
		before.Rows[1].Cells["app"] = reports.Cell{Verdict: harness.Undecided}
		Expect(reports.Compare(before, after).Columns[0].Grown[0].Uncertain).To(BeTrue())
		Expect(compared(before, after)).To(SatisfyAll(
			ContainSubstring("different models"), ContainSubstring("The earlier run is not complete: stopped at its budget"),
			ContainSubstring("before, it was undecided")))
	})

	It("does not take what a run left open for a change, nor for none", func() {
		unfinished := func(m reports.Matrix) reports.Matrix {
			m.Run.Status, m.Columns[0].Certified, m.Cuts, m.Needs = harness.Interrupted, "none", nil, nil
			for _, row := range m.Rows {
				row.Cells["app"] = reports.Cell{Verdict: harness.Undecided}
			}
			return m
		}
		for _, runs := range [][2]reports.Matrix{
			{unfinished(needing("a b|c")), needing("a b|c")},
			{needing("a b|c"), unfinished(needing("a b|c"))},
			{unfinished(needing("")), needing("new")},
		} {
			c := reports.Compare(runs[0], runs[1])
			Expect([]bool{c.Worse(), c.Open()}).To(Equal([]bool{false, true}))
			Expect(compared(runs[0], runs[1])).To(HavePrefix("Nothing is known to have become required, but the runs do not decide everything."))
		}
		same := unfinished(needing("a"))
		Expect(reports.Compare(same, same).Open()).To(BeFalse(), "there is no news")
		Expect(compared(same, same)).To(ContainSubstring("No verdict changed"))
		Expect(reports.Compare(needing("a"), needing("a")).Open()).To(BeFalse())
	})

	It("reads as it did before", func() {
		c := reports.Compare(needing("a b|c d"), needing("b new d|e|f"))
		golden("compare.text", func(out *bytes.Buffer) error { return c.Text(out, 0) })
		golden("compare.md", func(out *bytes.Buffer) error { return c.Markdown(out) })
	})

	It("is harmless, whatever the names are", func() {
		c := reports.Compare(spoken("a|b\n<script>\u202e"), needing("a"))
		var text, md bytes.Buffer
		Expect(c.Text(&text, 80)).To(Succeed())
		Expect(c.Markdown(&md)).To(Succeed())
		Expect(unseen(text.String() + md.String())).To(BeEmpty())
		Expect(md.String()).NotTo(MatchRegexp("<[a-zA-Z/!?]"))
	})
})

// needing is the matrix of a lamp which needs what the words say: "a b|c" is a,
// and one of b and c.
func needing(words string) reports.Matrix {
	column := harness.Column{ID: "app", Scenario: harness.ScenarioInfo{Name: "app", Title: "Obeys the app?"}, Regime: harness.Steady, Fault: harness.Reject}
	verdict := harness.ColumnVerdict{Column: column, Certified: "exact", Cells: map[harness.Destination]harness.Cell{}}
	for _, name := range append([]string{"a", "b", "c", "d", "e", "f"}, slices.DeleteFunc(strings.Fields(words), func(w string) bool { return w != "new" })...) {
		verdict.Cells[destination("tcp/443/"+name+".example")] = harness.Cell{Verdict: harness.Optional}
	}
	for _, word := range strings.Fields(words) {
		cut := harness.Cut{ID: "c" + word, Trials: []int{7}}
		for name := range strings.SplitSeq(word, "|") {
			d := destination("tcp/443/" + name + ".example")
			cut.Destinations = append(cut.Destinations, d)
			verdict.Cells[d] = harness.Cell{Verdict: harness.Alternative, Cuts: []string{cut.ID}}
		}
		if len(cut.Destinations) == 1 {
			verdict.Cells[cut.Destinations[0]] = harness.Cell{Verdict: harness.Required, Cuts: []string{cut.ID}}
		}
		verdict.Cuts = append(verdict.Cuts, cut)
	}
	judgement := harness.Judgement{Columns: []harness.ColumnVerdict{verdict}}
	for d := range verdict.Cells {
		judgement.Rows = append(judgement.Rows, harness.Row{Contact: harness.Contact{Destination: d}})
	}
	slices.SortFunc(judgement.Rows, func(a, b harness.Row) int { return a.Contact.Destination.Compare(b.Contact.Destination) })
	return reports.New(harness.Run{Status: harness.Complete, Device: harness.Device{Model: "lamp.v1"}}, judgement)
}

func compared(before, after reports.Matrix) string {
	GinkgoHelper()
	var out bytes.Buffer
	Expect(reports.Compare(before, after).Text(&out, 120)).To(Succeed())
	return out.String()
}
