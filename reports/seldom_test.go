package reports_test

import (
	"encoding/json"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = DescribeTable("a report says how often the device contacts what it contacts seldom",
	func(clock harness.Clock, text, fields string) {
		run, judgement := s50()
		if !clock.Last.IsZero() {
			clock.Last = run.Started.Add(run.Duration - 3*time.Hour)
		}
		judgement.Rows[0].Clock = clock
		m := reports.New(run, judgement)
		if text == "" {
			Expect(markdown(m)).NotTo(ContainSubstring("these seldom"))
		} else {
			Expect(markdown(m)).To(MatchRegexp(`The device contacts these seldom: \S+ on \S+ \(` + text + `\)\.`))
		}
		written, err := json.Marshal(m.Rows[0].Destination)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(written)).To(MatchRegexp(fields))
	},
	Entry("once in a period", harness.Clock{Every: 6 * time.Hour, Last: time.Now()}, "about every 6 h", `"every_s":21600,"last_contact":"[^"]+"`),
	Entry("at the start", harness.Clock{AtStart: true, Last: time.Now()}, "at the start", `"provoked_by":\["start"\]`),
	Entry("at the start and once a day", harness.Clock{AtStart: true, Every: 24 * time.Hour}, "at the start, and about every 24 h", `"every_s":86400,"provoked_by":\["start"\]`),
	Entry("once, hours ago", harness.Clock{Last: time.Now()}, "seen last 3 h before the run ended", `"last_contact"`),
	Entry("all the time", harness.Clock{Every: time.Second, Last: time.Time{}}, "", `"every_s":1,`),
	Entry("by a connection that it keeps", harness.Clock{Kept: true}, "", `"first_seen":"[^"]+","collateral"`),
)
