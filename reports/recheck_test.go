package reports_test

import (
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("a matrix that was tested again", func() {
	// again is the sample as if it had been a recheck of an earlier matrix.
	again := func(before reports.Matrix) reports.Matrix {
		GinkgoHelper()
		known, err := before.Known("old.run")
		Expect(err).NotTo(HaveOccurred())
		run, judgement := s50()
		run.Settings.Known = known
		return reports.New(run, judgement)
	}
	text := func(m reports.Matrix) string {
		var out strings.Builder
		Expect(reports.Text{}.Render(&out, m)).To(Succeed())
		return strings.Join(strings.Fields(out.String()), " ")
	}

	It("says first that nothing changed, and what that rests on", func() {
		before := sample()
		before.Run.Started = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
		m := again(before)
		Expect(m.Summary).To(HavePrefix("Nothing changed since old.run of 2026-11-02. You can block "))
		Expect(m.Run.Recheck.Worse).To(BeFalse())
		Expect(text(m)).To(And(ContainSubstring("Rechecked from old.run of 2026-11-02 ("), ContainSubstring("Not tested again, and taken from there:")))
	})

	It("says how the device differs from that of a catalog's entry, and what rests on it", func() {
		before := sample()
		before.Run.Started = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
		known, err := before.Known("catalog/a/1/nz/OLD.yaml")
		Expect(err).NotTo(HaveOccurred())
		known.Catalog = true
		run, judgement := s50()
		run.Settings.Known = known
		m := reports.New(run, judgement)
		Expect(m.Summary).To(HavePrefix("Nothing differs from the catalog's entry OLD.yaml of 2026-11-02. You can block "))
		Expect(text(m)).To(And(ContainSubstring("Began from the catalog's entry OLD.yaml of 2026-11-02 (another device, "), ContainSubstring("Not tested on this device, and taken from there:")))

		known.Columns[0].Cuts = nil
		for d := range known.Columns[0].Verdicts {
			known.Columns[0].Verdicts[d] = harness.Optional
		}
		m = reports.New(run, judgement)
		Expect(m.Summary).To(HavePrefix("Differs from the catalog's entry OLD.yaml of 2026-11-02: "))
		Expect(m.Run.Recheck.Worse).To(BeFalse(), "nothing became required on this device")
	})

	It("names the firmware of then, if it is another one now", func() {
		before := sample()
		before.Device.Firmware = "3.5.7"
		Expect(again(before).Summary).To(MatchRegexp(`^Nothing changed since old\.run of \S+, firmware 3\.5\.7\. `))
	})

	It("says in one sentence what changed", func() {
		before := sample()
		gone, column := before.Cuts[0], before.Cuts[0].Column
		before.Cuts = before.Cuts[1:]
		for _, row := range before.Rows {
			if row.Destination.ID == gone.Destinations[0] {
				row.Cells[column] = reports.Cell{Verdict: harness.Optional}
			}
		}
		m := again(before)
		Expect(gone.Destinations).To(HaveLen(1))
		Expect(m.Run.Recheck.Changed).To(ConsistOf(MatchRegexp(`^native_app: .* is required now \(trial \d+\); before, it was optional\.$`)))
		Expect(m.Summary).To(HavePrefix("Changed since old.run of "))
		Expect(m.Run.Recheck.Worse).To(BeTrue())
	})

	It("lists apart what was not contacted this time", func() {
		before := sample()
		unseen := harness.Destination{Protocol: "tcp", Port: 443, Name: "seldom.example"}
		before.Rows = append(before.Rows, reports.Row{Destination: reports.Destination{ID: unseen}, Cells: map[string]reports.Cell{"native_app": {Verdict: harness.Optional}, "hass": {Verdict: harness.Optional}}})
		m := again(before)
		Expect(m.Run.Recheck.Changed).To(BeEmpty())
		Expect(m.Run.Recheck.Unseen).To(ConsistOf(unseen))
		Expect(text(m)).To(ContainSubstring("Not contacted this time, so not in the table: seldom.example on tcp/443."))
	})

	It("claims nothing of a recheck that is not over", func() {
		known, err := sample().Known("old.run")
		Expect(err).NotTo(HaveOccurred())
		run, judgement := s50()
		run.Settings.Known, run.Status = known, harness.Interrupted
		Expect(reports.New(run, judgement).Summary).To(HavePrefix("The recheck of old.run of "))
	})

	It("must decide something", func() {
		_, err := reports.Matrix{}.Known("empty.json")
		Expect(err).To(MatchError(ContainSubstring("empty.json decides no scenario")))
	})
})
