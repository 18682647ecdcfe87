package reports_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// go test ./reports -pages DIRECTORY writes the storybook there (make pages).
var pages = flag.String("pages", "", "write the pages of the storybook to this directory")

// story is a page as it is at one moment of a run.
type story struct {
	name   string
	report reports.Report
	live   reports.Live
}

// stories are the moments of a run that a page must be able to tell of. Their tests
// compare them with the files of testdata, except for those that are large.
func stories() []story {
	first := &harness.Trial{Number: 1}
	blocking := &harness.Trial{Number: 9, Block: []harness.Destination{
		destination("tcp/443/cloud.example"), destination("tcp/8883/2001:db8::7"), destination("udp/8053/ot.io.mi.com"),
	}}
	running := func() reports.Report {
		run, judgement := open()
		run.Status, run.Why = harness.Running, ""
		return reports.NewReport(run, judgement)
	}
	hostile := "<script>alert(1)</script>\u202e\"'|&amp;"
	return []story{
		{"early", reports.NewReport(harness.Run{Status: harness.Running, Device: harness.Device{Name: "vacuum", Model: "roborock.vacuum.s5"}}, harness.Judgement{}),
			reports.Live{Now: reports.Now{Trial: first}.Sentence(), Left: "4 s so far"}},
		{"blocking", running(), reports.Live{
			Now: reports.Now{Trial: blocking, Tried: 2, Over: 8, Left: 12}.Sentence(), Left: "4 min so far; about 12 trials to go, 6 min",
			Over: 8, All: 20, Blocked: blocking.Block, Tried: blocking.Block[:2],
		}},
		{"asking", running(), reports.Live{
			Now: reports.Now{Trial: blocking, Tried: 3, Over: 8, Left: 12}.Sentence(), Left: "4 min so far; about 12 trials to go, 6 min",
			Over: 8, All: 20, Blocked: blocking.Block, Tried: blocking.Block, Orders: []harness.Do{harness.Pause, harness.Allow, harness.Skip, harness.Stop, harness.Keep},
			Ask: &reports.Ask{ID: "Q1", Text: "question 3 of about 12: Does the app show the map?", Until: time.Date(2026, 5, 6, 7, 18, 9, 0, time.UTC), Choices: []reports.Choice{
				{Answer: "yes", Label: "Yes"}, {Answer: "no", Label: "No"}, {Answer: "unsure", Label: "Not sure"}, {Answer: "skip", Label: "Skip"},
			}},
		}},
		{"paused", running(), reports.Live{
			Now: "Paused: everything is reachable until you resume", Left: "4 min so far; about 12 trials to go, 6 min",
			Over: 8, All: 20, Held: true, Orders: []harness.Do{harness.Resume, harness.Stop},
		}},
		{"replacing", underWay(), reports.Live{
			Now: reports.Now{Trial: &harness.Trial{Number: 20, Block: vacuumHosts()[1:]}, Tried: 2, Over: 19, Left: 1}.Sentence(), Left: "9 min so far; about 1 trial to go", Over: 19, All: 20,
			Blocked: vacuumHosts()[1:], Tried: vacuumHosts()[2:4], StandIns: harness.StandInsFor(vacuumHosts()[2:], harness.StandIns()),
		}},
		{"replaced", reports.NewReport(replacing(vacuumHosts()[0])), reports.Live{Ended: true}},
		{"ended", reports.NewReport(s50()), reports.Live{Ended: true}},
		{"failed", reports.NewReport(broken(), harness.Judgement{}), reports.Live{Ended: true}},
		{"hostile", reports.Report{Matrix: spoken(hostile)}, reports.Live{
			Now: reports.Now{Trial: &harness.Trial{Number: 2, Block: []harness.Destination{spokenTo(hostile)}}}.Sentence(), Left: hostile,
			Blocked: []harness.Destination{spokenTo(hostile)}, Ask: &reports.Ask{ID: hostile, Text: hostile, Choices: []reports.Choice{{Answer: hostile, Label: hostile}}},
		}},
		{"many", many(), reports.Live{
			Now: reports.Now{Trial: &harness.Trial{Number: 70, Block: someOf(many(), 150)}, Tried: 31, Over: 69, Left: 60}.Sentence(), Left: "2 h so far; at least 60 trials to go, 1 h 50 min",
			Over: 69, All: 129, Blocked: someOf(many(), 150), Tried: someOf(many(), 31),
		}},
	}
}

// underWay is the run of the vacuum cleaner before its end.
func underWay() reports.Report {
	run, judgement := s50()
	run.Status = harness.Running
	return reports.NewReport(run, judgement)
}

// many is a report of 300 destinations.
func many() reports.Report {
	m := sample()
	row := m.Rows[0]
	m.Rows = nil
	for i := range 300 {
		row.Destination.ID = destination(fmt.Sprintf("tcp/443/host-%03d.region-%d.cloud.example", i, i%7))
		row.Destination.Host = row.Destination.ID.Name
		m.Rows = append(m.Rows, row)
	}
	return reports.Report{Matrix: m}
}

// someOf are the first destinations of a report.
func someOf(report reports.Report, n int) (some []harness.Destination) {
	for _, row := range report.Rows[:n] {
		some = append(some, row.Destination.ID)
	}
	return some
}

var _ = Describe("the page of a run under way", func() {
	const large = 100_000 // bytes: such a page is not kept
	It("looks as it did before", func() {
		for _, story := range stories() {
			page := live(story.report, story.live)
			if *pages != "" {
				keep(story.name+".html", []byte(page))
			}
			if len(page) < large {
				golden("page-"+story.name+".html", func(kept *bytes.Buffer) error { _, err := kept.WriteString(page); return err })
			}
		}
		for _, name := range []string{"style.css", "page.js"} {
			content, err := reports.LiveFile(name)
			Expect(err).NotTo(HaveOccurred())
			Expect(content).NotTo(BeEmpty())
			if *pages != "" {
				keep(name, content)
			}
		}
	})

	It("marks what is answered at home instead, with a stand-in up", func() {
		page := live(underWay(), reports.Live{Blocked: vacuumHosts()[1:3], StandIns: harness.StandInsFor(vacuumHosts()[2:3], harness.StandIns())})
		Expect(page).To(And(MatchRegexp(`<li class="cut"><bdi>ec2-52-`), MatchRegexp(`<li class="own"><bdi>61\..*your own time server instead</span>`)))
	})

	It("shows what the device contacts before the trial that shows it is over", func() {
		fresh := spokenTo("fresh.example")
		page := live(underWay(), reports.Live{Seen: []harness.Destination{fresh, vacuumHosts()[0]}})
		Expect(page).To(MatchRegexp(`<li class="open"><bdi>fresh\.<wbr>example</bdi>.*reachable</span>|<li class="open"><bdi>fresh.example</bdi>.*reachable</span>`))
		Expect(strings.Count(page, "<li class=\"open\"><bdi>")).To(Equal(1+strings.Count(live(underWay(), reports.Live{}), "<li class=\"open\"><bdi>")), "each once")
	})

	It("has no style and no script of its own, which browsers would refuse", func() {
		for _, story := range stories() {
			Expect(live(story.report, story.live)).NotTo(MatchRegexp(`<style|<script>|<[^>]* (style|on\w+)=`), story.name)
		}
	})

	It("names a limited number of destinations in its picture, and counts the others", func() {
		page := live(many(), reports.Live{Now: "x", Blocked: someOf(many(), 150)})
		Expect(strings.Count(page, `<li class="cut">`)).To(Equal(40))
		Expect(page).To(ContainSubstring(fmt.Sprintf("and %d more", 300-40)))
	})
})

// live is the page of a run under way.
func live(report reports.Report, live reports.Live) string {
	GinkgoHelper()
	var out bytes.Buffer
	Expect(reports.LiveHTML(&out, report, live)).To(Succeed())
	return out.String()
}

func keep(name string, content []byte) {
	GinkgoHelper()
	Expect(os.MkdirAll(*pages, 0o755)).To(Succeed())
	Expect(os.WriteFile(filepath.Join(*pages, name), content, 0o644)).To(Succeed())
}
