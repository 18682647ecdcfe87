package main

import (
	"bytes"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("the progress of an experiment that began with a list", func() {
	It("counts what the device never contacted", func() {
		contacted := harness.Destination{Protocol: harness.TCP, Port: 443, Name: "a.example"}
		daily := harness.Destination{Protocol: harness.TCP, Port: 443, Name: "daily.example"}
		var out bytes.Buffer
		p := newProgress(&out, harness.Run{})
		p.tell(harness.Result{
			Trial: harness.Trial{Number: 2, Reason: "everything", Block: []harness.Destination{contacted, daily}},
			Seen:  harness.Observation{Contacts: []harness.Contact{{Destination: contacted}}},
		}, "")
		Expect(out.String()).To(And(ContainSubstring("everything: 2 of 2 blocked"), ContainSubstring("sees tcp/443/a.example"), Not(ContainSubstring("sees tcp/443/daily.example"))))
	})
})

var _ = DescribeTable("the progress of an experiment that begins with an observation", func(observe time.Duration, says ...string) {
	var out bytes.Buffer
	p := newProgress(&out, harness.Run{})
	out.Reset()
	p.ahead(harness.Run{Settings: harness.Settings{Settle: 90 * time.Second}}, observe)
	Expect(strings.FieldsFunc(out.String(), func(r rune) bool { return r == '\n' })).To(Equal(says))
},
	Entry("says how long it takes", 30*time.Minute,
		"observes the device for 30 min; then, with 7 destinations, about 20 trials of about 3 min: about 1 h 30 min in all"),
	Entry("or nothing, in a lab", time.Second),
)

var _ = Describe("the progress of an experiment", func() {
	host := func(name string) harness.Destination {
		return harness.Destination{Protocol: harness.TCP, Port: 443, Name: name + ".example"}
	}
	run := harness.Run{Scenarios: []harness.ScenarioInfo{{Name: "native_app"}, {Name: "hass"}}}
	result := func(number int, app harness.Answer, blocked ...harness.Destination) harness.Result {
		return harness.Result{
			Trial:    harness.Trial{Number: number, Reason: "audit", Block: blocked, Fault: harness.Reject},
			Outcomes: map[string]harness.Outcome{"native_app": {Answer: app}, "hass": {Answer: harness.Pass}},
		}
	}
	lines := func(results ...harness.Result) []string {
		var out bytes.Buffer
		p := newProgress(&out, run)
		out.Reset()
		for _, r := range results {
			p.tell(r, left(harness.Progress{Trials: r.Trial.Number, Left: 59, Elapsed: time.Duration(r.Trial.Number) * 100 * time.Minute, Remaining: 50 * time.Hour}))
		}
		return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	}

	It("says of a failure whether it is news", func() {
		said := lines(result(1, harness.Fail, host("a")), result(2, harness.Fail, host("b"), host("a")), result(3, harness.Fail, host("b")))
		Expect(said).To(HaveExactElements(
			ContainSubstring("native_app fails"), HavePrefix("      1 h 40 min so far"),
			ContainSubstring("native_app fails"), HavePrefix("      as expected; 3 h 20 min so far"),
			ContainSubstring("native_app fails"), HavePrefix("      5 h so far")))
	})

	It("never expects a failure with nothing blocked", func() {
		Expect(lines(result(1, harness.Fail), result(2, harness.Fail))).NotTo(ContainElement(ContainSubstring("as expected")))
	})

	It("does not expect a failure because of a trial that does not count", func() {
		doubtful := result(1, harness.Fail, host("a"))
		doubtful.Suspect = "messages were lost"
		Expect(lines(doubtful, result(2, harness.Fail, host("a")))).NotTo(ContainElement(ContainSubstring("as expected")))
	})

	It("fits 80 columns", func() {
		for _, line := range lines(result(1, harness.Fail, host("a-very-long-name.which-goes-on-and-on.and-does-not-end")), result(200, harness.Fail, host("a"), host("b"))) {
			Expect(len([]rune(line))).To(BeNumerically("<=", 80), line)
		}
	})

	DescribeTable("says how much is left:", func(now harness.Progress, said string) {
		Expect(left(now)).To(Equal(said))
	},
		Entry("nothing is known yet", harness.Progress{Elapsed: 20 * time.Second, Left: 9}, "20 s so far"),
		Entry("some", harness.Progress{Elapsed: 20 * time.Second, Left: 9, Remaining: 40 * time.Second}, "20 s so far; about 9 trials to go, 30 to 53 s"),
		Entry("one", harness.Progress{Elapsed: 10 * time.Minute, Left: 1, Remaining: 3 * time.Minute}, "10 min so far; about 1 trial to go, 2 to 4 min"),
		Entry("across an hour", harness.Progress{Elapsed: 10 * time.Minute, Left: 20, Remaining: time.Hour}, "10 min so far; about 20 trials to go, 45 min to 1 h 20 min"),
		Entry("very many", harness.Progress{Elapsed: time.Hour, Left: 60, Remaining: 6 * time.Hour}, "1 h so far; at least 60 trials to go, 4 h 30 min to 8 h"),
		Entry("nothing", harness.Progress{Elapsed: time.Hour}, "1 h so far"),
	)
})
