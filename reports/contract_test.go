package reports_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// keys are what other programs rely on, in the order in which they are
// documented. A star stands for any key, brackets for the elements of a list.
const keys = `
apiVersion kind summary
device device.model device.firmware
run run.id run.started run.trials run.controls run.duration_s run.status run.lanes run.faults run.settle_s run.horizon_s run.horizon_trial run.kept
columns columns[].id columns[].scenario columns[].title columns[].regime columns[].fault columns[].vantage columns[].certified
columns[].false_fail columns[].false_pass
rows rows[].destination rows[].destination.id rows[].destination.host rows[].destination.addresses rows[].destination.protocol
rows[].destination.port rows[].destination.service rows[].destination.first_seen rows[].destination.collateral
rows[].destination.owner rows[].destination.owner.domain
rows[].cells rows[].cells.* rows[].cells.*.verdict rows[].cells.*.cuts rows[].cells.*.why rows[].cells.*.trials
rows[].cells.*.attempts rows[].cells.*.confidence
cuts cuts[].id cuts[].column cuts[].destinations cuts[].trials
needs needs[].column needs[].at_least needs[].of needs[].cuts
safe safe[].columns safe[].destinations safe[].trial
unknown unknown[].column unknown[].why unknown[].destinations
`

var _ = Describe("the report in JSON", func() {
	It("has the documented keys in the documented order, and no others", func() {
		run, judgement := s50()
		judgement.Columns[0].Unknown = []harness.Unknown{{Why: "not asked"}}
		m := reports.New(run, judgement)
		for i := range m.Columns {
			m.Columns[i].Checks = ""
		}
		Expect(paths(rendered(m))).To(Equal(strings.Fields(keys)))
	})

	It("adds what a reader may want to know only if there is something to know", func() {
		added := slices.DeleteFunc(paths(rendered(unsettled())), func(path string) bool { return slices.Contains(strings.Fields(keys), path) })
		Expect(added).To(Equal([]string{"device.name", "run.why"}))
		added = slices.DeleteFunc(paths(rendered(sample())), func(path string) bool { return slices.Contains(strings.Fields(keys), path) })
		Expect(added).To(Equal([]string{"columns[].checks"}))
	})

	It("is never null, even where nothing is known", func() {
		for _, m := range []reports.Matrix{sample(), unsettled(), failed()} {
			Expect(rendered(m)).NotTo(ContainSubstring("null"))
		}
	})

	It("says the same when it is read again", func() {
		for _, m := range []reports.Matrix{sample(), unsettled(), failed()} {
			var again reports.Matrix
			Expect(json.Unmarshal(rendered(m), &again)).To(Succeed())
			Expect(again).To(Equal(m))
		}
	})

	It("counts the trials that block, and how long the longest of them held", func() {
		run := harness.Run{Results: []harness.Result{
			{Held: time.Hour},
			{Held: 1234567 * time.Microsecond, Trial: harness.Trial{Block: vacuumHosts()}},
			{Held: time.Second, Trial: harness.Trial{Block: vacuumHosts()[:1]}, Suspect: "messages lost"},
		}}
		Expect(reports.New(run, harness.Judgement{}).Run).To(SatisfyAll(
			HaveField("Trials", 2), HaveField("Controls", 1), HaveField("Horizon", 1.235)))
	})

	DescribeTable("never rounds a doubt away", func(confidence, want float64) {
		d := vacuumHosts()[0]
		column := harness.ColumnVerdict{Column: harness.Column{ID: "x"}, Cells: map[harness.Destination]harness.Cell{d: {Verdict: harness.Required, Confidence: confidence}}}
		m := reports.New(harness.Run{}, harness.Judgement{Columns: []harness.ColumnVerdict{column}, Rows: []harness.Row{{Contact: harness.Contact{Destination: d}}}})
		Expect(m.Rows[0].Cells["x"].Confidence).To(Equal(want))
	},
		Entry("nearly sure", 0.99999, 0.9999),
		Entry("sure", 1.0, 1.0),
		Entry("as written", 0.999, 0.999),
		Entry("not at all", 0.0, 0.0),
	)

	It("calls undecided what was never judged", func() {
		run, judgement := s50()
		delete(judgement.Columns[0].Cells, vacuumHosts()[0])
		cell := reports.New(run, judgement).Rows[0].Cells["native_app"]
		Expect(cell.Verdict).To(Equal(harness.Undecided))
		Expect(cell.Why).NotTo(BeEmpty())
	})

	It("gives a bare address as the destination's address", func() {
		Expect(sample().Rows[2].Destination).To(SatisfyAll(HaveField("Host", ""), HaveField("Addresses", []string{"61.161.155.29"})))
	})
})

func rendered(m reports.Matrix) []byte {
	GinkgoHelper()
	var out bytes.Buffer
	Expect(reports.JSON(&out, m)).To(Succeed())
	return out.Bytes()
}

// paths lists the keys of a JSON text, each once, in the order they first occur.
func paths(text []byte) []string {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var found []string
	walk(decoder, "", &found)
	return found
}

func walk(decoder *json.Decoder, path string, found *[]string) {
	GinkgoHelper()
	token, err := decoder.Token()
	Expect(err).NotTo(HaveOccurred())
	switch token {
	case json.Delim('{'):
		for decoder.More() {
			key, err := decoder.Token()
			Expect(err).NotTo(HaveOccurred())
			inner := strings.TrimPrefix(path+"."+key.(string), ".")
			if strings.HasSuffix(path, ".cells") {
				inner = path + ".*"
			}
			if !slices.Contains(*found, inner) {
				*found = append(*found, inner)
			}
			walk(decoder, inner, found)
		}
		_, err = decoder.Token()
	case json.Delim('['):
		for decoder.More() {
			walk(decoder, path+"[]", found)
		}
		_, err = decoder.Token()
	}
	Expect(err).NotTo(HaveOccurred())
}
