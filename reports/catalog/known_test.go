package catalog_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports/catalog"
)

var _ = Describe("evidence that is tested again", func() {
	at := func(name string) harness.Destination {
		return harness.Destination{Protocol: harness.UDP, Port: 123, Name: name}
	}
	found := func(name string, verdict harness.Verdict) catalog.Destination {
		return catalog.Destination{ID: at(name), Verdicts: map[string]harness.Verdict{"app": verdict}}
	}
	e := catalog.Evidence{
		Run: "OLD", Date: "2026-09-01", Trials: 19,
		Columns: []catalog.Column{{ID: "app", Scenario: "app", Regime: harness.Steady, Fault: harness.Reject}},
		Destinations: []catalog.Destination{
			found("cloud.example", harness.Required), found("a.example", harness.Alternative), found("b.example", harness.Alternative),
			found("c.example", harness.Alternative), found("x.*.example", harness.Alternative), found("log.example", harness.Optional),
		},
		Groups: []catalog.Group{
			{Column: "app", Destinations: []harness.Destination{at("a.example"), at("b.example")}},
			{Column: "app", Destinations: []harness.Destination{at("c.example"), at("x.*.example")}},
		},
	}

	It("is a hypothesis, without what is hidden", func() {
		known, err := e.Known("entry.yaml")
		Expect(err).NotTo(HaveOccurred())
		Expect(known.String()).To(Equal("entry.yaml of 2026-09-01"))
		Expect(known.Columns).To(HaveLen(1))
		Expect(known.Columns[0].Cuts).To(ConsistOf([]harness.Destination{at("cloud.example")}, []harness.Destination{at("a.example"), at("b.example")}))
		Expect(known.Columns[0].Verdicts).To(And(HaveLen(5), HaveKeyWithValue(at("log.example"), harness.Optional)))
	})

	It("must decide a scenario", func() {
		open := e
		open.Destinations = []catalog.Destination{found("cloud.example", harness.Undecided)}
		_, err := open.Known("entry.yaml")
		Expect(err).To(MatchError(ContainSubstring("entry.yaml decides no scenario")))
	})
})
