package reports_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = DescribeTable("a report says how often the device contacts what it contacts seldom, and what seldom means",
	func(clock harness.Clock, text, fields string) {
		run, judgement := s50()
		if !clock.Last.IsZero() {
			clock.Last = run.Started.Add(run.Duration - 3*time.Hour)
		}
		judgement.Rows[0].Clock = clock
		m := reports.New(run, judgement)
		if text == "" {
			Expect(markdown(m)).NotTo(ContainSubstring("does not always contact"))
		} else {
			Expect(markdown(m)).To(MatchRegexp(`The device does not always contact these within the 1 s that a block settles: \S+ on \S+ \(` + text + `\)\.`))
		}
		written, err := json.Marshal(m.Rows[0].Destination)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(written)).To(MatchRegexp(fields))
	},
	Entry("once in a period", harness.Clock{Every: 6 * time.Hour, Last: time.Now()}, "up to 6 h apart", `"every_s":21600,"last_contact":"[^"]+"`),
	Entry("at the start", harness.Clock{AtStart: true, Last: time.Now()}, "at the start", `"provoked_by":\["start"\]`),
	Entry("at the start and once a day", harness.Clock{AtStart: true, Every: 24 * time.Hour}, "at the start, and then up to 24 h apart", `"every_s":86400,"provoked_by":\["start"\]`),
	Entry("when its link comes up and once a day", harness.Clock{ByLink: true, Every: 24 * time.Hour}, "when its link comes up, and then up to 24 h apart", `"every_s":86400,"provoked_by":\["link"\]`),
	Entry("when it gets a new lease", harness.Clock{ByLease: true, Every: 24 * time.Hour}, "when it gets a new lease, and then up to 24 h apart", `"every_s":86400,"provoked_by":\["lease"\]`),
	Entry("hours ago", harness.Clock{Last: time.Now(), Tries: 2}, "seen last 3 h before the run ended", `"last_contact":"[^"]+","collateral"`),
	Entry("once, hours ago", harness.Clock{Last: time.Now(), Tries: 1}, "seen once, 3 h before the run ended", `"last_contact":"[^"]+","seen_once":true`),
	Entry("all the time", harness.Clock{Every: time.Second, Last: time.Time{}}, "", `"every_s":1,`),
	Entry("at the start, and then all the time", harness.Clock{AtStart: true, Every: time.Second}, "", `"every_s":1,"provoked_by":\["start"\]`),
	Entry("hardly less than once in the time that a block settles", harness.Clock{Every: 1100 * time.Millisecond}, "", `"every_s":1.1`),
	Entry("by a connection that it keeps", harness.Clock{Kept: true}, "", `"first_seen":"[^"]+","collateral"`),
)

var _ = DescribeTable("a report says for how long everything that can be blocked was blocked, and what was not waited for",
	func(held, every time.Duration, attempts int, headline, note string) {
		run, judgement := s50()
		last := len(judgement.Safe) - 1
		judgement.Safe[last].Held, judgement.Rows[1].Clock.Every = held, every
		for i := range judgement.Columns {
			cell := judgement.Columns[i].Cells[vacuumHosts()[1]]
			cell.Held, cell.HeldAttempts, cell.Attempts, cell.Cuts = held, attempts, attempts, nil
			judgement.Columns[i].Cells[vacuumHosts()[1]] = cell
		}
		m := reports.New(run, judgement)
		Expect(m.Summary).To(ContainSubstring(headline))
		var page, table bytes.Buffer
		Expect(reports.HTML(&page, reports.Report{Matrix: m})).To(Succeed())
		Expect(reports.CSV(&table, m)).To(Succeed())
		lines := strings.Split(table.String(), "\n")
		if note == "" {
			Expect(m.Unwaited).To(BeEmpty())
			Expect(markdown(m) + page.String() + table.String()).NotTo(ContainSubstring("Not waited for"))
		} else {
			Expect(m.Unwaited).To(ConsistOf(reports.Unwaited{Destination: vacuumHosts()[1], Every: every.Seconds(), Wait: 1.5 * every.Seconds()}))
			Expect(markdown(m)).To(MatchRegexp(note))
			Expect(page.String()).To(MatchRegexp(note))
			Expect(lines[0]).To(HaveSuffix(",Not waited for: takes a hold of"))
			Expect(lines[1]).To(HaveSuffix(","), "the rest was waited for")
			Expect(lines[2]).To(HaveSuffix(",36 h"))
		}
		Expect(m.Rows[1].Cells["hass"]).To(And(HaveField("Held", held.Seconds()), HaveField("HeldAttempts", attempts)))
		Expect(m.Safe[last].Held).To(Equal(held.Seconds()))
	},
	Entry("held for a day, with all waited for", 24*time.Hour, 6*time.Hour, 0, "You can block 5 of 7 destinations. Trial 9 blocked all 5 at once for 24 h. The app", ""),
	Entry("held for an hour, in which the daily contact came", time.Hour, 24*time.Hour, 1, "Trial 9 blocked all 5 at once for 1 h.", ""),
	Entry("held for an hour, with a daily one", time.Hour, 24*time.Hour, 0, "Trial 9 blocked all 5 at once for 1 h.",
		`Not waited for, .*: \S+ on \S+ \(up to 24 h apart\)\. A last hold of 36 h waits for all of it \(--horizon\)\.`),
)

var _ = DescribeTable("a report says what was tried only because the device was provoked",
	func(columns []string, by harness.Provoker, note string) {
		run, judgement := s50()
		d := judgement.Rows[1].Contact.Destination
		for i := range judgement.Columns {
			id := judgement.Columns[i].Column.ID
			cell := harness.Cell{Verdict: harness.Optional, Attempts: 2, Trials: []int{3}}
			if slices.Contains(columns, id) {
				cell.ExercisedBy = []harness.Provoker{by}
			}
			judgement.Columns[i].Cells[d] = cell
		}
		m := reports.New(run, judgement)
		if note == "" {
			Expect(markdown(m)).NotTo(ContainSubstring("tried them only"))
		} else {
			Expect(markdown(m)).To(MatchRegexp(`the device tried them only right after ` + note + `: \S+ on \S+\. What it does`))
		}
		written, err := json.Marshal(m.Rows[1].Cells["hass"])
		Expect(err).NotTo(HaveOccurred())
		Expect(strings.Contains(string(written), fmt.Sprintf(`"exercised_by":[%q]`, by))).To(Equal(slices.Contains(columns, "hass")))
	},
	Entry("by a restart, in each scenario", []string{"hass", "native_app"}, harness.ByStart, "a restart"),
	Entry("by its link, in each scenario", []string{"hass", "native_app"}, harness.ByLink, "its link was taken down and up"),
	Entry("by a new lease, in each scenario", []string{"hass", "native_app"}, harness.ByLease, "a new lease"),
	Entry("but not if another scenario has a try at another time", []string{"hass"}, harness.ByStart, ""),
	Entry("but not if no scenario has one", nil, harness.ByStart, ""),
)
