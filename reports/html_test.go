package reports_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("the page", func() {
	It("asks nothing of a network and runs no script", func() {
		for _, report := range []reports.Report{twenty(), reports.NewReport(open())} {
			text := html(report)
			Expect(text).To(ContainSubstring(`content="default-src 'none';`))
			Expect(text).NotTo(MatchRegexp(`(?i)<script|<link|<iframe|@import|\son[a-z]+=`))
			for _, reference := range references(text) {
				Expect(reference).To(HavePrefix("#"))
			}
		}
	})

	It("has a row a destination, and the proof of each cell", func() {
		text := html(twenty())
		Expect(strings.Count(text, `<details name="proof">`)).To(Equal(20 * 3))
		Expect(strings.Count(text, `<th scope="row">`)).To(BeNumerically(">=", 20))
		Expect(text).To(ContainSubstring("With only this at the block it failed in trial"))
	})

	It("says each verdict by a word, beside colour and sign", func() {
		text := html(reports.NewReport(open()))
		for _, verdict := range []harness.Verdict{harness.Required, harness.Degraded, harness.Optional, harness.NotExercised, harness.Undecided} {
			Expect(text).To(ContainSubstring(`<span class="word">` + string(verdict) + `</span>`))
		}
	})

	It("draws the groups, with the same letters as the cells", func() {
		text := html(twenty())
		Expect(strings.Count(text, `<span class="hidden">group </span>B`)).To(Equal(2))
		Expect(text).To(MatchRegexp(`<span class="letter">B</span> at least one of these 2</p>\n<ul class="members">\n<li><bdi>relay-eu\.`))
	})

	It("draws each trial, with what was blocked and what passed", func() {
		report := twenty()
		text := html(report)
		Expect(text).To(ContainSubstring(`<svg class="chart"`))
		passes := regexp.MustCompile(`<path class="pass" d="([^"]*)"`).FindStringSubmatch(text)
		passed := 0
		for _, trial := range report.Trials {
			if trial.Answers["native_app"].Answer == harness.Pass {
				passed++
			}
		}
		Expect(strings.Count(passes[1], "M")).To(Equal(passed))
		few := slices.IndexFunc(report.Trials, func(t reports.Trial) bool { return len(t.Blocked) == 2 || len(t.Blocked) == 3 })
		Expect(few).To(BeNumerically(">=", 0))
		blocked := report.Trials[few].Blocked
		Expect(text).To(ContainSubstring(fmt.Sprintf("<td>%d: %s", len(blocked), report.Rows[slices.Min(blocked)].Destination.ID.Name)), "the trials in words")
	})

	It("shows the longest block, the settings and what was observed", func() {
		text := html(twenty())
		for _, word := range []string{"The longest block lasted 1.4 s, in trial ", "<dt>Block driver</dt><dd>ipset</dd>", "What was observed", "What stayed unknown, and why"} {
			Expect(text).To(ContainSubstring(word))
		}
	})

	It("is whole without the experiment behind it", func() {
		text := html(reports.Report{Matrix: sample()})
		Expect(text).To(ContainSubstring("Required for Native App?"))
		Expect(text).NotTo(Or(ContainSubstring("The trials"), ContainSubstring("What was observed")))
	})

	It("marks trials of which nothing was concluded", func() {
		Expect(html(reports.NewReport(s50()))).To(SatisfyAll(
			ContainSubstring(`<rect class="suspect" x="182"`), ContainSubstring("not counted: messages lost")))
		Expect(html(twenty())).NotTo(ContainSubstring("not counted"))
	})

	It("stays below a megabyte for 1,000 trials on 300 destinations", func() {
		text := html(crowd())
		Expect(len(text)).To(BeNumerically("<", 1_000_000))
		Expect(strings.Count(text, `<details name="proof">`)).To(Equal(900))
		Expect(text).To(ContainSubstring("(the rest is in the JSON)"))
		Expect(references(text)).To(ContainElement(HavePrefix("data:image/png;base64,")), "what was blocked, as a picture")
	})

	It("is sound markup, whatever the names are", func() {
		for _, name := range []string{"plain", `<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "</style></svg></title>", "a'b\"c`d", "javascript:alert(1)"} {
			expectSoundHTML(html(reports.Report{Matrix: spoken(name)}))
		}
		hostile := twenty()
		hostile.Trials[0].Suspect, hostile.Trials[0].Reason = "<b onclick=x>", "</table><script>"
		hostile.Settings = []reports.Setting{{Name: "</dl>", Value: "<script>"}}
		expectSoundHTML(html(hostile))
	})
})

// expectSoundHTML reads the page with a strict reader of XML that knows which
// elements have no end, and finds only elements that a page is made of.
func expectSoundHTML(text string) {
	GinkgoHelper()
	decoder := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "<!DOCTYPE html>")))
	decoder.Strict = true
	decoder.AutoClose = []string{"meta", "wbr"}
	decoder.Entity = xml.HTMLEntity
	allowed := regexp.MustCompile(`^(html|head|meta|title|style|body|header|nav|main|section|article|footer|figure|figcaption|h[123]|p|ul|li|dl|div|dt|dd|a|bdi|wbr|span|strong|time|table|caption|thead|tbody|tr|th|td|details|summary|svg|g|path|rect|text|mask|image)$`)
	elements := 0
	for {
		token, err := decoder.RawToken()
		if token == nil {
			Expect(err).To(MatchError("EOF"))
			break
		}
		if start, ok := token.(xml.StartElement); ok {
			elements++
			Expect(start.Name.Local).To(MatchRegexp(allowed.String()))
			for _, attribute := range start.Attr {
				Expect(attribute.Name.Local).NotTo(HavePrefix("on"))
			}
		}
	}
	Expect(elements).To(BeNumerically(">", 100))
}

// references are what a page points to.
func references(text string) []string {
	pointer := regexp.MustCompile(`(?:href|src|srcset|action|url)\s*[=(]\s*["']?([^"')]*)`)
	var found []string
	for _, match := range pointer.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

func html(report reports.Report) string {
	GinkgoHelper()
	var out bytes.Buffer
	Expect(reports.HTML(&out, report)).To(Succeed())
	return out.String()
}

func BenchmarkHTML(b *testing.B) {
	report := crowd()
	b.ResetTimer()
	for b.Loop() {
		if err := reports.HTML(&bytes.Buffer{}, report); err != nil {
			b.Fatal(err)
		}
	}
}
