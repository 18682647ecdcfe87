package reports_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("what can be replaced", func() {
	ntp := []harness.StandIn{harness.TimeServer}
	replaced := func(left ...harness.Destination) reports.Matrix {
		run, judgement := s50()
		app := judgement.Columns[0]
		app.Cuts[1].Replaceable = ntp
		for _, d := range app.Cuts[1].Destinations {
			cell := app.Cells[d]
			cell.Replaceable = ntp
			app.Cells[d] = cell
		}
		judgement.Outside = []harness.Outside{{Columns: []string{"native_app", "hass"}, Left: left, StandIns: ntp, Trial: 11}}
		return reports.New(run, judgement)
	}
	text := func(m reports.Matrix) string {
		var out strings.Builder
		Expect(reports.Text{Width: 120}.Render(&out, m)).To(Succeed())
		return strings.Join(strings.Fields(out.String()), " ")
	}

	It("says by which way the device comes there, if the run found out", func() {
		run, judgement := s50()
		app := judgement.Columns[0]
		d := app.Cuts[1].Destinations[0]
		for way, words := range map[harness.Way]string{harness.WayOption: "by DHCP option 42", harness.WayName: "by its name", harness.WayRedirect: "by redirection"} {
			ways := []harness.Way{way}
			cell := app.Cells[d]
			cell.Replaceable, cell.Ways = ntp, ways
			app.Cells[d], app.Cuts[1].Replaceable, app.Cuts[1].Ways = cell, ntp, ways
			m := reports.New(run, judgement)
			Expect(text(m)).To(ContainSubstring("is needed (trial 6), or your own time server (" + words + ")."))
			Expect(rendered(m)).To(MatchRegexp(`"replaceable": \[\s*"ntp"\s*\],\s*"by": "` + string(way) + `",\s*"ways": \[\s*"` + string(way) + `"`))
			var out strings.Builder
			Expect(reports.HTML(&out, reports.Report{Matrix: m})).To(Succeed())
			Expect(out.String()).To(ContainSubstring("(group A), or your own time server (" + words + ")</strong>"))
		}
	})

	It("stands with what is needed, and first with what is left", func() {
		m := replaced(vacuumHosts()[0])
		Expect(m.Summary).To(ContainSubstring("Needs from outside: no more than one Amazon server, with your own time server (trial 11)."))
		Expect(text(m)).To(And(
			ContainSubstring("◐ alternative A, or ntp"),
			ContainSubstring("on udp/123 is needed (trial 6), or your own time server."),
			ContainSubstring("is required (trial 4).")))
	})

	It("is drawn with the need, and opens with the verdict", func() {
		var out strings.Builder
		Expect(reports.HTML(&out, reports.Report{Matrix: replaced(vacuumHosts()[0]), Trials: reports.NewReport(s50()).Trials})).To(Succeed())
		Expect(out.String()).To(And(
			ContainSubstring(`<p class="own">or your own time server</p>`),
			ContainSubstring("(group A), or your own time server</strong>"),
			ContainSubstring("no more than one Amazon server, with your own time server")))
	})

	It("opens with the servers that the device does not verify", func() {
		run, judgement := s50()
		judgement.Unverified = []harness.Unverified{{Destination: vacuumHosts()[0], Trials: []int{4, 11}}}
		m := reports.New(run, judgement)
		Expect(m.Summary).To(ContainSubstring("Security: it accepts a certificate that it cannot know in the place of " + vacuumHosts()[0].Name + ", so that anybody on the way can read and change what it says (trials 4, 11)."))
		Expect(rendered(m)).To(MatchRegexp(`"unverified": \[\s*\{\s*"destination": "tcp/443/ec2-18-[^"]*",\s*"trials": \[\s*4,\s*11\s*\]`))
		judgement.Unverified = nil
		Expect(rendered(reports.New(run, judgement))).NotTo(Or(ContainSubstring("Security"), ContainSubstring("unverified")))
	})

	It("may leave nothing to need from outside", func() {
		Expect(replaced().Summary).To(ContainSubstring("Needs from outside: nothing, with your own time server (trial 11)."))
	})

	It("is in the JSON, by the names of the stand-ins", func() {
		Expect(rendered(replaced())).To(And(
			MatchRegexp(`"replaceable": \[\s*"ntp"\s*\]`),
			MatchRegexp(`"outside": \[\s*\{\s*"columns": \[\s*"native_app",\s*"hass"\s*\],\s*"left": \[\],\s*"stand_ins": \[\s*"ntp"\s*\],\s*"trial": 11`)))
	})

	It("is not spoken of if only a part of a need can be replaced", func() {
		run, judgement := s50()
		m := reports.New(run, judgement)
		Expect(text(m)).NotTo(ContainSubstring("your own"))
		Expect(m.Outside).To(BeNil())
	})
})
