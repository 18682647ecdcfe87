package reports_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("the sentence of a run under way", func() {
	blocking := func(ids ...string) *harness.Trial {
		trial := harness.Trial{Number: 9, Reason: "halve"}
		for _, id := range ids {
			trial.Block = append(trial.Block, destination(id))
		}
		return &trial
	}
	DescribeTable("says what is blocked, and what is waited for", func(now reports.Now, sentence string) {
		Expect(now.Sentence()).To(Equal(sentence))
	},
		Entry("several", reports.Now{Trial: blocking("tcp/443/api.example", "tcp/443/b.example", "udp/123/c.example", "udp/123/d.example"), Tried: 2, Over: 8, Left: 12},
			"Trial 9 of about 20: api.example and 3 others are blocked; waiting for the device to try them, 2 of 4 so far"),
		Entry("one", reports.Now{Trial: blocking("tcp/443/api.example"), Over: 8, Left: 12},
			"Trial 9 of about 20: api.example is blocked; waiting for the device to try it"),
		Entry("two, not seen from here", reports.Now{Trial: blocking("tcp/443/api.example", "tcp/80/b.example"), Tried: -1, Over: 8, Left: 60},
			"Trial 9 of at least 68: api.example and 1 other are blocked; waiting for the device to try them"),
		Entry("tried", reports.Now{Trial: blocking("tcp/443/api.example"), Tried: 1, Over: 8, Left: 1},
			"Trial 9 of about 9: api.example is blocked; the device tried it, and every scenario is checked"),
		Entry("a control, of which nobody knows how many follow", reports.Now{Trial: &harness.Trial{Number: 1}},
			"Trial 1: nothing is blocked, to see that everything works"),
		Entry("paused", reports.Now{Trial: blocking("tcp/443/api.example"), Held: &harness.Order{Do: harness.Pause}}, "Paused: everything is reachable until you resume"),
		Entry("paused, with something always blocked", reports.Now{Held: &harness.Order{Do: harness.Pause}, Kept: true},
			"Paused: everything except what is always blocked is reachable until you resume"),
		Entry("allowed", reports.Now{Held: &harness.Order{Do: harness.Allow, Until: time.Date(2026, 5, 6, 7, 8, 9, 0, time.Local)}},
			"Everything is reachable until 07:08, and the run continues then"),
		Entry("no trial", reports.Now{}, "Between two trials: nothing is blocked"),
		Entry("a hostile name", reports.Now{Trial: &harness.Trial{Number: 9, Block: []harness.Destination{spokenTo("a\u202eb")}}, Tried: -1},
			`Trial 9: a\u202eb is blocked; waiting for the device to try it`),
	)
})
