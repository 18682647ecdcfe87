package reports_test

import (
	"bytes"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("the result in plain words", func() {
	DescribeTable("says what can be blocked and what is needed", func(change func(m *reports.Matrix), sentence string) {
		m := sample()
		change(&m)
		Expect(m.Sentence()).To(Equal(sentence))
	},
		Entry("of the forum's vacuum", func(*reports.Matrix) {},
			"You can block 5 of 7 destinations. The app needs one Amazon server and any one of five time servers; Home Assistant needs none."),
		Entry("of a simulated device", func(m *reports.Matrix) { m.Run.Simulated = true },
			"You can block 5 of 7 destinations of this simulated device. The app needs one Amazon server and any one of five time servers; Home Assistant needs none."),
		Entry("when no trial blocked it all", func(m *reports.Matrix) { m.Safe[2].Trial = 0 },
			"You can block 5 of 7 destinations, though no single trial blocked all of them at once. The app needs one Amazon server and any one of five time servers; Home Assistant needs none."),
		Entry("when there is no list for all scenarios", func(m *reports.Matrix) { m.Safe = m.Safe[:2] },
			"It is not known yet how many of the 7 destinations you can block at once. The app needs one Amazon server and any one of five time servers; Home Assistant needs none."),
		Entry("when nothing can be blocked, and all is decided", func(m *reports.Matrix) { m.Safe[2].Destinations = nil },
			"You can block none of the 7 destinations. The app needs one Amazon server and any one of five time servers; Home Assistant needs none."),
		Entry("when nothing can be blocked so far, and a cell is open", func(m *reports.Matrix) {
			m.Safe[2].Destinations = nil
			m.Rows[1].Cells["native_app"] = reports.Cell{Verdict: harness.Undecided}
		}, "It is not known yet which of the 7 destinations you can block. The app needs one Amazon server and any one of five time servers, and maybe more; Home Assistant needs none. 1 of 14 cells are still open."),
		Entry("when the only destination is needed", func(m *reports.Matrix) {
			m.Rows, m.Cuts, m.Safe[2].Destinations = m.Rows[:1], m.Cuts[:1], nil
		}, "You cannot block the only destination. The app needs one Amazon server; Home Assistant needs none."),
		Entry("when a cell is open", func(m *reports.Matrix) {
			m.Rows[1].Cells["native_app"] = reports.Cell{Verdict: harness.Undecided}
			m.Rows[1].Cells["hass"] = reports.Cell{Verdict: harness.NotExercised}
		}, "You can block 5 of 7 destinations. The app needs one Amazon server and any one of five time servers, and maybe more; Home Assistant is not known yet to need any. 2 of 14 cells are still open."),
		Entry("of another scenario", func(m *reports.Matrix) { m.Columns[0].Scenario = "play_music" },
			"You can block 5 of 7 destinations. Play music needs one Amazon server and any one of five time servers; Home Assistant needs none."),
		Entry("when two of three are needed", func(m *reports.Matrix) {
			clocks := m.Cuts[1].Destinations[:3]
			m.Cuts = []reports.Cut{{ID: "a", Column: "native_app", Destinations: clocks[:2]}, {ID: "b", Column: "native_app", Destinations: clocks[1:]},
				{ID: "c", Column: "native_app", Destinations: []harness.Destination{clocks[0], clocks[2]}}}
		}, "You can block 5 of 7 destinations. The app needs any two of three time servers; Home Assistant needs none."),
		Entry("when groups overlap", func(m *reports.Matrix) {
			clocks := m.Cuts[1].Destinations
			m.Cuts = []reports.Cut{{ID: "a", Column: "native_app", Destinations: clocks[:2]}, {ID: "b", Column: "native_app", Destinations: clocks[1:4]}}
		}, "You can block 5 of 7 destinations. The app needs others of which some stand in for each other; Home Assistant needs none."),
		Entry("of a run that failed", func(m *reports.Matrix) { m.Run.Status = harness.Failed },
			"There is no result, since it does not work with nothing blocked."),
		Entry("of a device that broke down during the run", func(m *reports.Matrix) { m.Run.Status, m.Run.Worked = harness.Failed, true },
			"The run ended early, since the device stopped working with nothing blocked. You can block 5 of 7 destinations. The app needs one Amazon server and any one of five time servers; Home Assistant needs none."),
		Entry("when there may be more cuts", func(m *reports.Matrix) { m.Columns[0].Certified = "none" },
			"You can block 5 of 7 destinations. The app needs one Amazon server and any one of five time servers, and maybe more; Home Assistant needs none."),
		Entry("of a run without a trial", func(m *reports.Matrix) { m.Rows = nil },
			"There is no result, since nothing was judged."),
	)

	DescribeTable("names what is needed", func(id, name string) {
		m := sample()
		m.Cuts = []reports.Cut{{ID: "c1", Column: "native_app", Destinations: []harness.Destination{destination(id)}}}
		Expect(m.Sentence()).To(ContainSubstring("The app needs " + name + ";"))
	},
		Entry(nil, "tcp/443/api.cloud.shelly.co.uk", "one shelly.co.uk server"),
		Entry(nil, "tcp/443/*.data.iot.example", "one iot.example server"),
		Entry(nil, "tcp/443/203.0.113.9", "one server without a name"),
		Entry(nil, "udp/53/resolver", "the gateway's DNS resolver"),
		Entry(nil, "tcp/853/9.9.9.9", "one DNS server"),
		Entry(nil, "icmp/echo/ping.example", "one pinged host"),
	)

	It("heads every format", func() {
		for _, format := range reports.Formats() {
			var out bytes.Buffer
			Expect(reports.Render(&out, format.Name, reports.NewReport(s50()))).To(Succeed())
			text := strings.Join(strings.Fields(out.String()), " ")
			Expect(text).To(ContainSubstring(sample().Sentence()), format.Name)
		}
	})

	It("tells the conditions apart in which a scenario needs different things", func() {
		Expect(unsettled().Sentence()).To(ContainSubstring("Remote (steady, reject) needs one cloud.example server, and maybe more"))
	})
})

var _ = Describe("the page's column heads", func() {
	It("can only be broken within words that are wider than a column", func() {
		m := sample()
		m.Columns[0].Title = "Required for Benachrichtigungen?"
		var out bytes.Buffer
		Expect(reports.HTML(&out, reports.Report{Matrix: m})).To(Succeed())
		Expect(out.String()).To(And(ContainSubstring("Required for Benachrichtigu<wbr>ngen? "), ContainSubstring(`<th scope="col">Required for HASS? `)))
	})
})
