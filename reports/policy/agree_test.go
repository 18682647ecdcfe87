package policy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

// quiet is a run whose last trial blocked all but one destination with everything
// working, though the device did not try all of them, and one of them made it slow.
func quiet() (harness.Run, harness.Judgement) {
	run := harness.Run{
		ID: "QUIET", Status: harness.Complete, Device: harness.Device{Name: "fan", Model: "fan.v1"},
		Settings:  harness.Settings{Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady}},
		Scenarios: []harness.ScenarioInfo{{Name: "app", Title: "Works?", Vantage: "gateway"}},
	}
	column := harness.ColumnVerdict{Column: run.Columns()[0], Certified: "exact", Cells: map[harness.Destination]harness.Cell{}}
	var rows []harness.Row
	var blocked, group []harness.Destination
	for i, seen := range []struct {
		name    string
		verdict harness.Verdict
	}{
		{"required", harness.Required}, {"optional", harness.Optional}, {"another", harness.Optional},
		{"either", harness.Alternative}, {"or", harness.Alternative},
		{"fallback", harness.Optional}, {"quiet", harness.NotExercised}, {"slow", harness.Degraded}, {"unclear", harness.Undecided},
	} {
		d := destination(fmt.Sprintf("tcp/443/%s.proof.example", seen.name))
		cell := harness.Cell{Verdict: seen.verdict, Why: "So it is."}
		if seen.name == "fallback" {
			cell.OnlyWhile = []string{"c1"}
		}
		column.Cells[d] = cell
		rows = append(rows, harness.Row{Contact: harness.Contact{Destination: d, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)})}}, FirstSeen: "control"})
		if seen.verdict == harness.Alternative {
			group = append(group, d)
		}
		if seen.name != "required" && seen.name != "or" {
			blocked = append(blocked, d)
		}
	}
	column.Cuts = []harness.Cut{{ID: "c1", Destinations: []harness.Destination{rows[0].Contact.Destination}}, {ID: "c2", Destinations: group}}
	return run, harness.Judgement{Rows: rows, Columns: []harness.ColumnVerdict{column}, Safe: []harness.SafeList{{Columns: []string{"app"}, Destinations: blocked, Trial: 9}}}
}

var proved = []string{"another.proof.example", "either.proof.example", "optional.proof.example"}

var _ = Describe("what is safe to block", func() {
	report := func(format string) string {
		GinkgoHelper()
		var out bytes.Buffer
		Expect(reports.Render(&out, format, reports.NewReport(quiet()))).To(Succeed())
		return out.String()
	}
	between := func(text, from, to string) string {
		GinkgoHelper()
		_, rest, found := strings.Cut(text, from)
		Expect(found).To(BeTrue(), "no %q", from)
		section, _, _ := strings.Cut(rest, to)
		return section
	}

	It("is only what was proved, and the same in every report", func() {
		Expect(namesIn(between(report("text"), "Safe to block, all at once\n", "\n\n"))).To(Equal(proved))
		Expect(namesIn(between(report("md"), "**Safe to block, all at once**\n\n", "\n\n"))).To(Equal(proved))
		Expect(namesIn(strings.ReplaceAll(between(report("html"), `<ul class="safe">`, "</ul>"), "<wbr>", ""))).To(Equal(proved))
		var m reports.Matrix
		Expect(json.Unmarshal([]byte(report("json")), &m)).To(Succeed())
		Expect(m.Safe).To(HaveLen(1))
		Expect(namesIn(fmt.Sprint(m.Safe[0].Destinations))).To(Equal(proved))
	})

	It("is called everything that was seen by none of them", func() {
		for _, format := range reports.Formats() {
			Expect(strings.ToLower(report(format.Name))).NotTo(ContainSubstring("everything that was seen"), format.Name)
		}
	})

	It("is the same in every export that blocks, and in what a gateway blocks", func() {
		run, judgement := quiet()
		p := made(reports.New(run, judgement), policy.Options{Kind: policy.BlockOptional, Device: at()})
		Expect(namesIn(fmt.Sprint(policy.IDs(p.Blocked)))).To(Equal(proved))
		for _, format := range languages() {
			e, ok := written(format, p)
			switch {
			case !ok:
			case format.Name == "ha-mqtt":
				Expect(namesIn(between(e.Text, `"blocked": [`, "]"))).To(Equal(proved))
			default:
				Expect(namesIn(comment.ReplaceAllString(e.Text, ""))).To(Equal(proved), format.Name)
			}
		}
	})

	It("is not certified beyond what was tried", func() {
		for _, format := range []string{"text", "md", "html"} {
			Expect(report(format)).NotTo(ContainSubstring("no other cut exists"), format)
			Expect(spaces.ReplaceAllString(report(format), " ")).To(ContainSubstring("Nothing is proved of 2 destinations that stayed open."), format)
		}
	})
})

// namesIn lists the destinations of the quiet run that a text names, by their hosts
// or their addresses.
func namesIn(text string) (names []string) {
	_, judgement := quiet()
	for _, row := range judgement.Rows {
		address := regexp.MustCompile(`\b` + regexp.QuoteMeta(row.Contact.Addresses[0].String()) + `\b`)
		if strings.Contains(text, row.Contact.Destination.Name) || address.MatchString(text) {
			names = append(names, row.Contact.Destination.Name)
		}
	}
	slices.Sort(names)
	return names
}
