package reports_test

import (
	"bytes"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("the result of a run on a blocklist", func() {
	DescribeTable("begins with what to allow", func(sets string, change func(*reports.Matrix), sentence string) {
		m := sample()
		m.Run.Only = &reports.Only{List: "list.txt", Entries: 400}
		for set := range strings.SplitSeq(sets, ";") {
			var ids []string
			for name := range strings.FieldsSeq(set) {
				ids = append(ids, "dns/"+name)
			}
			m.Allow = append(m.Allow, ids)
		}
		if change != nil {
			change(&m)
		}
		Expect(m.Sentence()).To(Equal(sentence))
	},
		Entry("one", "a.x", nil, "Allow a.x and everything works."),
		Entry("several", "a.x b.x", nil, "Allow these 2 and everything works: a.x and b.x."),
		Entry("any one", "a.x;b.x;c.x", nil, "Any one of these three is enough: allow a.x, b.x or c.x, and everything works."),
		Entry("one, and any one of others", "a.x b.x;a.x c.x", nil, "Allow a.x, and any one of these two: b.x and c.x. Then everything works."),
		Entry("one of two ways", "a.x b.x;c.x d.x", nil, "Allow these 2 and everything works: a.x and b.x (another set of as many is enough, too: c.x and d.x)."),
		Entry("one of many ways", "a.x b.x;c.x d.x;a.x d.x", nil, "Allow these 2 and everything works: a.x and b.x (2 other sets of 2 are enough, too)."),
		Entry("nothing", "", nil, "Your list is not the cause: all 7 destinations on it that the device contacts were blocked at once, and everything worked."),
		Entry("nothing, of one", "", func(m *reports.Matrix) { m.Rows = m.Rows[:1] },
			"Your list is not the cause: the only destination on it that the device contacts was blocked at once, and everything worked."),
		Entry("nothing, since it contacts nothing on it", "", func(m *reports.Matrix) { m.Rows = nil },
			"Your list is not the cause, as far as was seen: the device contacted nothing that is on it."),
		Entry("nothing, though some was not tried", "", func(m *reports.Matrix) {
			m.Rows[1].Cells["hass"] = reports.Cell{Verdict: harness.NotExercised}
			m.Run.Only.Ignored = 2
		}, "Your list is not the cause: all 7 destinations on it that the device contacts were blocked at once, and everything worked. "+
			"Nothing is proved of 1 destination on it that the device did not try while blocked. The list has 2 lines that never block a name, which were left out."),
		Entry("nothing, since it does not work in any case", "", func(m *reports.Matrix) { m.Run.Status, m.Allow = harness.Failed, nil },
			"Your list is not the cause, or not the only one: it does not work with the list switched off."),
		Entry("not yet known", "", func(m *reports.Matrix) { m.Allow = nil },
			"It is not known yet which names to allow. So far needed: ec2-18-194-236-76.eu-central-1.compute.amazonaws.com."),
	)

	only := func() (harness.Run, harness.Judgement) {
		run, judgement := s50()
		run.Settings.Only = &harness.OnlyList{List: "/home/me/list.txt", Entries: 400}
		run.Results[3].Seen.Free = 20
		judgement.Allow = [][]string{{"a.example"}, {"b.example"}}
		judgement.Rows[0].Contact.Listed = []string{"a.example"}
		return run, judgement
	}

	for _, format := range reports.Formats() {
		It("is there as "+format.Name, func() {
			var out bytes.Buffer
			Expect(format.Render(&out, reports.NewReport(only()))).To(Succeed())
			Expect(strings.Join(strings.Fields(out.String()), " ")).To(ContainSubstring("Any one of these two is enough: allow a.example or b.example, and everything works."))
		})
	}

	It("is in the JSON, with the list", func() {
		m := reports.New(only())
		Expect(m.Allow).To(Equal([][]string{{"dns/a.example"}, {"dns/b.example"}}))
		Expect(m.Run.Only).To(Equal(&reports.Only{List: "list.txt", Entries: 400, Free: 20}))
		Expect(m.Rows[0].Destination.Listed).To(HaveExactElements("a.example"))
	})
})
