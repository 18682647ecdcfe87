package reports_test

import (
	"bytes"
	"encoding/xml"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("JUnit", func() {
	It("has a test case for each destination and scenario", func() {
		doc := junit(sample())
		Expect(doc.Suites).To(HaveLen(2))
		for _, suite := range doc.Suites {
			Expect(suite.Cases).To(HaveLen(7))
			Expect(suite.Tests).To(Equal(7))
		}
		Expect(doc.Tests).To(Equal(14))
	})

	It("passes what is optional, skips what is open, and fails what is needed", func() {
		doc := junit(sample())
		Expect(doc.Suites[0]).To(SatisfyAll(HaveField("Failures", 6), HaveField("Skipped", 0)))
		Expect(doc.Suites[1]).To(SatisfyAll(HaveField("Failures", 0), HaveField("Skipped", 0)))
		first := doc.Suites[0].Cases[0]
		Expect(first.Name).To(Equal("tcp/443/ec2-18-194-236-76.eu-central-1.compute.amazonaws.com"))
		Expect(first.Failure.Type).To(Equal("required"))
		Expect(first.Failure.Text).To(Equal("It fails when only this is blocked. 12 attempts at the block in trial 4; confidence 99.99 %."))

		doc = junit(unsettled())
		Expect(doc).To(SatisfyAll(HaveField("Tests", 20), HaveField("Failures", 8), HaveField("Skipped", 8), HaveField("Errors", 0)))
	})

	It("is never green for a run that failed with nothing blocked", func() {
		doc := junit(failed())
		Expect(doc.Errors).To(Equal(1))
		Expect(doc.Suites[0].Cases[0].Error.Message).To(ContainSubstring("no answer to get_status"))
	})

	It("is never green for a run that judged nothing", func() {
		m := failed()
		m.Run.Status = harness.Interrupted
		Expect(junit(m)).To(SatisfyAll(HaveField("Tests", 1), HaveField("Skipped", 1)))
	})
})

// junitDoc reads what build servers read.
type junitDoc struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
	Suites   []struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Skipped  int `xml:"skipped,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Failure struct {
				Type string `xml:"type,attr"`
				Text string `xml:",chardata"`
			} `xml:"failure"`
			Error struct {
				Message string `xml:"message,attr"`
			} `xml:"error"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func junit(m reports.Matrix) (doc junitDoc) {
	GinkgoHelper()
	var out bytes.Buffer
	Expect(reports.JUnit(&out, m)).To(Succeed())
	Expect(xml.Unmarshal(out.Bytes(), &doc)).To(Succeed())
	return doc
}

var _ = Describe("OpenMetrics", func() {
	It("says what is required, and ends as it should", func() {
		text := metrics(sample())
		Expect(text).To(ContainSubstring("\n" + `needwant_required{device="roborock.vacuum.s5",destination="tcp/443/ec2-18-194-236-76.eu-central-1.compute.amazonaws.com",scenario="native_app",regime="steady"} 1` + "\n"))
		Expect(text).To(ContainSubstring("\n" + `needwant_required{device="roborock.vacuum.s5",destination="udp/123/news.neu.edu.cn",scenario="native_app",regime="steady"} 0` + "\n"))
		Expect(text).To(HaveSuffix("\n# EOF\n"))
	})

	It("claims nothing of cells that are open", func() {
		for line := range strings.Lines(metrics(unsettled())) {
			if strings.HasPrefix(line, "needwant_required{") {
				Expect(line).NotTo(Or(ContainSubstring("resolver"), ContainSubstring("ot.io.mi.com")))
			}
		}
		Expect(metrics(unsettled())).To(MatchRegexp(`needwant_verdict\{[^\n]*resolver[^\n]*verdict="undecided"\} 1\n`))
	})

	It("tells faults apart where there are several, so that no series occurs twice", func() {
		Expect(metrics(sample())).NotTo(ContainSubstring("fault="))
		Expect(metrics(unsettled())).To(ContainSubstring(`regime="cold_boot",fault="drop"} `))
		for _, m := range []reports.Matrix{sample(), unsettled(), failed(), twenty().Matrix} {
			expectSoundMetrics(metrics(m))
		}
	})

	It("counts the cells", func() {
		m := sample()
		m.Rows[0].Cells["hass"] = reports.Cell{Verdict: harness.Undecided}
		Expect(metrics(m)).To(SatisfyAll(
			ContainSubstring(`needwant_cells{device="roborock.vacuum.s5",verdict="optional"} 7`),
			ContainSubstring(`needwant_cells{device="roborock.vacuum.s5",verdict="undecided"} 1`)))
	})

	It("writes a name so that it stays a name", func() {
		m := sample()
		m.Device.Model = "a\"} 1\nb{c=\"\\"
		Expect(metrics(m)).To(ContainSubstring(`needwant_run_trials{device="a\"} 1\\u000ab{c=\"\\"} 7`))
	})
})

func metrics(m reports.Matrix) string {
	GinkgoHelper()
	var out bytes.Buffer
	Expect(reports.OpenMetrics(&out, m)).To(Succeed())
	return out.String()
}

// expectSoundMetrics holds the text to the grammar of OpenMetrics 1.0, as far
// as gauges go.
func expectSoundMetrics(text string) {
	GinkgoHelper()
	sample := regexp.MustCompile(`^([a-z_]+)\{([a-z_]+="(?:[^"\\\n]|\\[\\n"])*",?)*\} -?[0-9.]+$`)
	family, series := "", map[string]bool{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	Expect(lines[len(lines)-1]).To(Equal("# EOF"))
	for _, line := range lines[:len(lines)-1] {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			family = strings.TrimSuffix(rest, " gauge")
			continue
		}
		if strings.HasPrefix(line, "# UNIT ") || strings.HasPrefix(line, "# HELP ") {
			Expect(line[len("# UNIT "):]).To(HavePrefix(family + " "))
			continue
		}
		Expect(line).To(MatchRegexp(sample.String()))
		Expect(sample.FindStringSubmatch(line)[1]).To(Equal(family))
		Expect(series).NotTo(HaveKey(line))
		series[line] = true
	}
}
