package reports_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// replacing is the run of the vacuum cleaner, with a time server of the owner's that would
// do, and with what is left to need then.
func replacing(left ...harness.Destination) (harness.Run, harness.Judgement) {
	run, judgement := s50()
	app, ntp := judgement.Columns[0], []harness.StandIn{harness.TimeServer}
	outside := harness.Outside{Columns: []string{"native_app", "hass"}, Left: left, StandIns: ntp, Trial: 11}
	app.Cuts[1].Replaceable = ntp
	for _, d := range app.Cuts[1].Destinations {
		cell := app.Cells[d]
		cell.Replaceable = ntp
		app.Cells[d] = cell
		outside.Replaced = append(outside.Replaced, harness.Replaced{Destination: d, StandIn: harness.TimeServer})
	}
	judgement.Outside = []harness.Outside{outside}
	return run, judgement
}

var _ = Describe("what can be replaced", func() {
	ntp := []harness.StandIn{harness.TimeServer}
	replaced := func(left ...harness.Destination) reports.Matrix { return reports.New(replacing(left...)) }
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
		Expect(m.Summary).To(ContainSubstring("With your own time server, the device needs no more than one Amazon server from outside (trial 11)."))
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
			ContainSubstring("With your own time server, the device needs no more than one Amazon server from outside")))
	})

	It("opens with the servers that the device does not verify", func() {
		run, judgement := s50()
		judgement.Unverified = []harness.Unverified{{Destination: vacuumHosts()[0], Trials: []int{4, 11}}}
		m := reports.New(run, judgement)
		Expect(m.Summary).To(ContainSubstring("Security: it accepts an unknown certificate for " + vacuumHosts()[0].Name + ", so that anybody on the way can read and change this traffic (trials 4, 11)."))
		Expect(rendered(m)).To(MatchRegexp(`"unverified": \[\s*\{\s*"destination": "tcp/443/ec2-18-[^"]*",\s*"trials": \[\s*4,\s*11\s*\]`))
		judgement.Unverified = nil
		Expect(rendered(reports.New(run, judgement))).NotTo(Or(ContainSubstring("Security"), ContainSubstring("unverified")))
	})

	It("is drawn and listed apart from what is still needed and from what can be blocked", func() {
		m := replaced(vacuumHosts()[0])
		Expect(text(m)).To(ContainSubstring("What is left to need from outside, with your own time server (trial 11) " +
			"Still needed from outside: ec2-18-194-236-76.eu-central-1.compute.amazonaws.com on tcp/443. " +
			"Your own time server instead: 61.161.155.29, news.neu.edu.cn, timeball3.its.waikato.ac.nz, cat-prod-time1.catalyst.net.nz and time.unleash.net.nz on udp/123. " +
			"Can be blocked: ec2-52-29-158-79.eu-central-1.compute.amazonaws.com on tcp/443."))
		for name, page := range map[string]string{"report": html(reports.Report{Matrix: m}), "page of a run": live(reports.Report{Matrix: m}, reports.Live{Ended: true})} {
			Expect(page).To(And(
				MatchRegexp(`<li class="needed"><bdi>ec2-18-.*</bdi> <span class="service">on tcp/443</span> <span class="tag">still needed from outside</span></li>`),
				MatchRegexp(`<li class="own"><bdi>news\.neu\..*</bdi> <span class="service">on udp/123</span> <span class="tag">your own time server instead</span></li>`),
				MatchRegexp(`<li class="spare"><bdi>ec2-52-.*<span class="tag">can be blocked</span></li>`),
				MatchRegexp(`alternative</span> <span class="letter">.*A</span> <span class="home"></span><span class="hidden">or your own time server</span>`),
				MatchRegexp(`class="home".*something of your own can replace it`)), name)
		}
		Expect(html(reports.NewReport(s50()))).NotTo(Or(ContainSubstring(`class="home"`), ContainSubstring(`class="way"`)))
	})

	It("does not call needed what is only not decided", func() {
		run, judgement := replacing(vacuumHosts()[:2]...)
		for _, column := range judgement.Columns {
			cell := column.Cells[vacuumHosts()[1]]
			cell.Verdict = harness.NotExercised
			column.Cells[vacuumHosts()[1]] = cell
		}
		Expect(text(reports.New(run, judgement))).To(ContainSubstring("Left reachable, since it is not decided: ec2-52-29-158-79.eu-central-1.compute.amazonaws.com on tcp/443."))
	})

	It("has a drawing for each regime", func() {
		run, judgement := replacing()
		judgement.Outside = append(judgement.Outside, judgement.Outside[0])
		judgement.Outside[0].Columns, judgement.Outside[1].Columns = []string{"native_app"}, []string{"hass"}
		Expect(html(reports.Report{Matrix: reports.New(run, judgement)})).To(And(
			ContainSubstring(`<h2 id="left0">What native_app still needs from outside, with your own time server`),
			ContainSubstring(`<h2 id="left1">What hass still needs from outside, with your own time server`)))
	})

	It("may leave nothing to need from outside", func() {
		Expect(replaced().Summary).To(ContainSubstring("With your own time server, the device needs nothing from outside (trial 11)."))
	})

	It("is in the JSON, by the names of the stand-ins", func() {
		Expect(rendered(replaced())).To(And(
			MatchRegexp(`"replaceable": \[\s*"ntp"\s*\]`),
			MatchRegexp(`"outside": \[\s*\{\s*"columns": \[\s*"native_app",\s*"hass"\s*\],\s*"left": \[\],\s*"replaced": \[\s*\{\s*"destination": "udp/123/61.161.155.29",\s*"stand_in": "ntp"\s*\},(?s:.*)\],\s*"stand_ins": \[\s*"ntp"\s*\],\s*"trial": 11`)))
	})

	It("is not spoken of if only a part of a need can be replaced", func() {
		run, judgement := s50()
		m := reports.New(run, judgement)
		Expect(text(m)).NotTo(ContainSubstring("your own"))
		Expect(m.Outside).To(BeNil())
	})
})
