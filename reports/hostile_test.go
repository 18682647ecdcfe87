package reports_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand"
	"strings"
	"unicode"

	"github.com/clipperhouse/displaywidth"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("a report of a hostile device", func() {
	DescribeTable("is harmless", func(text string) {
		m := spoken(text)
		for _, format := range reports.Formats() {
			var out bytes.Buffer
			Expect(format.Render(&out, reports.Report{Matrix: m})).To(Succeed())
			Expect(unseen(out.String())).To(BeEmpty(), format.Name)
		}
		expectSoundJSON(m)
		expectSoundMarkdown(m)
		expectSoundCSV(m)
		expectSoundText(m)
	},
		Entry("that ends the cell", "a|b || c"),
		Entry("that ends the line", "a\nb\r\nc\u2028d\u2029e\vf"),
		Entry("that ends the escape", `a\|b\\|c\`),
		Entry("that runs a script", `<script>alert(1)</script><img src=x onerror=alert(1)>&lt;`),
		Entry("that is a comment", "<!-- --> ]]> */"),
		Entry("that is Markdown", "**a** _b_ __c__ `d` [e](javascript:alert(1)) ![f](http://x.example/g) ~~h~~ # i"),
		Entry("that is a formula", `=HYPERLINK("http://x.example","y")`),
		Entry("that is another formula", "+1"),
		Entry("that is a third formula", "@SUM(A1)"),
		Entry("that is a formula after a blank", "  \t-2+3"),
		Entry("that quotes", `a"b'c","d`),
		Entry("that paints the terminal", "\x1b[2J\x1b]0;title\x07\x9b31m"),
		Entry("that writes backwards", "abc\u202egnp.exe\u202c\u2066d\u200f"),
		Entry("that hides", "a\u200bb\u200dc\ufeffd\u00ade\u0000f\U000e0041"),
		Entry("that is no text", "a\xff\xfe\xc3b"),
		Entry("that is long", strings.Repeat("long", 300)),
		Entry("that is wide", strings.Repeat("吸尘器", 60)),
		Entry("that is tall", "z"+strings.Repeat("\u0336\u0489\u20dd", 200)),
		Entry("that is nothing", ""),
	)

	It("stays within the terminal whatever the names are", func() {
		random := rand.New(rand.NewSource(GinkgoRandomSeed()))
		for range 300 {
			expectSoundText(spoken(babble(random)))
		}
	})
})

// spoken is a matrix in which every text that a stranger may have written says
// the same.
func spoken(text string) reports.Matrix {
	m := reports.New(open())
	m.Device = reports.Device{Name: text, Model: text, Firmware: text}
	m.Run.Why, m.Run.Kept, m.Run.ID = text, []string{text, text}, text
	for i := range m.Columns {
		m.Columns[i].Title, m.Columns[i].Checks, m.Columns[i].Vantage = text, text, text
	}
	for i := range m.Rows {
		d := &m.Rows[i].Destination
		d.ID, d.Host, d.Service, d.Collateral = spokenTo(text), text, text, []string{text}
		for id, cell := range m.Rows[i].Cells {
			cell.Why = text
			m.Rows[i].Cells[id] = cell
		}
	}
	m.Cuts = append(m.Cuts, reports.Cut{ID: "c9", Column: m.Columns[0].ID, Destinations: []harness.Destination{{Name: text}, spokenTo(text)}})
	m.Unknown = append(m.Unknown, reports.Unknown{Column: text, Why: text, Destinations: []harness.Destination{{Name: text}}})
	return m
}

// spokenTo is a destination of this name.
func spokenTo(name string) harness.Destination {
	return harness.Destination{Protocol: "udp", Port: 123, Name: name}
}

// babble is a text of signs from all over Unicode.
func babble(random *rand.Rand) string {
	var text strings.Builder
	for range random.Intn(60) {
		text.WriteRune([]rune{rune(random.Intn(0x80)), rune(random.Intn(0x3000)), rune(random.Intn(0x20000)), 0x1F468, 0x200D, 0xFE0F}[random.Intn(6)])
	}
	return text.String()
}

// unseen lists the signs of a text that nobody would see.
func unseen(text string) (signs []string) {
	for _, r := range text {
		if r != '\n' && !unicode.IsGraphic(r) {
			signs = append(signs, fmt.Sprintf("%U", r))
		}
	}
	return signs
}

func expectSoundJSON(m reports.Matrix) {
	GinkgoHelper()
	var out bytes.Buffer
	Expect(reports.JSON(&out, m)).To(Succeed())
	var again struct {
		Rows []struct{ Destination struct{ Host string } }
	}
	Expect(json.Unmarshal(out.Bytes(), &again)).To(Succeed())
	Expect(again.Rows[0].Destination.Host).To(Equal(string([]rune(m.Rows[0].Destination.Host))))
}

func expectSoundMarkdown(m reports.Matrix) {
	GinkgoHelper()
	var out bytes.Buffer
	Expect(reports.Markdown(&out, m)).To(Succeed())
	Expect(out.String()).NotTo(MatchRegexp("<[a-zA-Z/!?]"))
	lines := strings.Split(out.String(), "\n")
	for _, line := range lines[4 : 6+len(m.Rows)] {
		Expect(bars(line)).To(Equal(5+len(m.Columns)+1+1), line)
	}
	Expect(lines[6+len(m.Rows)]).To(BeEmpty(), "the table ends with its rows")
}

// bars counts the bars that divide cells: those with no backslash before them,
// or an even number.
func bars(line string) int {
	var n, slashes int
	for _, r := range line {
		switch {
		case r == '\\':
			slashes++
			continue
		case r == '|' && slashes%2 == 0:
			n++
		}
		slashes = 0
	}
	return n
}

func expectSoundCSV(m reports.Matrix) {
	GinkgoHelper()
	var out bytes.Buffer
	Expect(reports.CSV(&out, m)).To(Succeed())
	records, err := csv.NewReader(&out).ReadAll()
	Expect(err).NotTo(HaveOccurred())
	Expect(records).To(HaveLen(1 + len(m.Rows)))
	for _, record := range records {
		for _, field := range record {
			Expect(strings.TrimSpace(field)).NotTo(MatchRegexp(`^[=+\-@\t\r\n]`))
		}
	}
}

func expectSoundText(m reports.Matrix) {
	GinkgoHelper()
	for _, columns := range []int{60, 80, 100, 200} {
		var out bytes.Buffer
		Expect(reports.Text{Width: columns}.Render(&out, m)).To(Succeed())
		for line := range strings.Lines(out.String()) {
			Expect(displaywidth.String(strings.TrimSuffix(line, "\n"))).To(BeNumerically("<=", columns), fmt.Sprintf("%d: %q", columns, line))
		}
	}
}

var _ = Describe("the terminal's table", func() {
	It("keeps its columns straight, whatever the letters", func() {
		m := sample()
		m.Rows[1].Destination.Host = "吸尘器.example"
		m.Rows[3].Destination.Host = "n\u0303andu\u0301.example"
		var out bytes.Buffer
		Expect(reports.Text{Width: 100}.Render(&out, m)).To(Succeed())
		places := map[int]bool{}
		for line := range strings.Lines(out.String()) {
			if before, _, ok := strings.Cut(line, "p/"); ok && strings.Contains(line, "○ optional\n") {
				places[displaywidth.String(before)] = true
			}
		}
		Expect(places).To(HaveLen(1))
	})

	It("is never wider than it may be, with many scenarios too", func() {
		m := sample()
		for n := range 10 {
			column := m.Columns[0]
			column.ID, column.Title = fmt.Sprintf("extra_%d", n), fmt.Sprintf("Something else, number %d", n)
			m.Columns = append(m.Columns, column)
			for _, row := range m.Rows {
				row.Cells[column.ID] = row.Cells["native_app"]
			}
		}
		expectSoundText(m)
	})

	It("never cuts a port, and has every address of a host without a name", func() {
		for width := 60; width < 130; width++ {
			for _, m := range []reports.Matrix{sample(), unsettled(), reports.New(replacing())} {
				var out bytes.Buffer
				Expect(reports.Text{Width: width, Brief: true}.Render(&out, m)).To(Succeed())
				for _, row := range m.Rows {
					if d := row.Destination; d.Host == "" {
						Expect(out.String()).To(ContainSubstring(d.Addresses[0]))
					}
					Expect(out.String()).To(MatchRegexp(`(?m)^.*\b%s/%d\b.*[●◐◔○–?]`, row.Destination.Protocol, row.Destination.Port), "at %d", width)
				}
			}
		}
	})

	It("says by signs what it says by colour", func() {
		var plain, painted bytes.Buffer
		Expect(reports.Text{}.Render(&plain, unsettled())).To(Succeed())
		Expect(reports.Text{Colour: true}.Render(&painted, unsettled())).To(Succeed())
		Expect(painted.String()).To(ContainSubstring("\x1b[1;31m● required\x1b[0m"))
		Expect(plain.String()).NotTo(ContainSubstring("\x1b"))
		for _, verdict := range []harness.Verdict{harness.Required, harness.Degraded, harness.Optional, harness.NotExercised, harness.Undecided} {
			Expect(plain.String()).To(ContainSubstring(" "+string(verdict)+": "), "in the legend")
		}
	})
})
