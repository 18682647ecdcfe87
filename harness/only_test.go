package harness_test

import (
	"context"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// television needs some of the ten names that are on its owner's blocklist.
func television(works func(reached func(string) bool) bool) formula {
	return formula{
		contacts:  strings.Fields("track a.drm b.drm c.drm beacon acr crash ads config promo"),
		scenarios: map[string]func(func(string) bool) bool{"play": works},
	}
}

// tested is the run on a device all of whose contacts are on a blocklist, except for some.
func tested(device formula, free ...string) harness.Run {
	GinkgoHelper()
	return testedAs(newRun(device), device, free...)
}

func testedAs(run harness.Run, device formula, free ...string) harness.Run {
	GinkgoHelper()
	run.Settings.Only = &harness.OnlyList{List: "list.txt", Entries: 400}
	behind := &lane{device: device, after: func(result *harness.Result) {
		var off []harness.Contact
		result.Seen.Contacts, off = harness.OnList(result.Seen.Contacts, func(c harness.Contact) []string {
			name := strings.TrimSuffix(c.Destination.Name, ".example")
			for _, other := range free {
				if name == other {
					return nil
				}
			}
			return []string{name}
		})
		result.Seen.Free = len(off)
	}}
	e := &harness.Experiment{Run: run, Lanes: []harness.Lane{behind}, Journal: &memory{}}
	Expect(e.Do(context.Background())).To(Succeed())
	Expect(e.Run.Status).To(Equal(harness.Complete))
	return e.Run
}

var _ = Describe("a run that tests only the names of a blocklist", func() {
	It("finds one group of three in ten names within 12 trials", func() {
		run := tested(television(func(r func(string) bool) bool { return r("a.drm") || r("b.drm") || r("c.drm") }))
		part, trials := run, 0
		for i, result := range run.Results {
			if !result.Trial.Control() {
				trials++
			}
			part.Results = run.Results[:i+1]
			if len(harness.Judge(part).Columns[0].Cuts) > 0 {
				break
			}
		}
		Expect(harness.Judge(part).Columns[0].Cuts[0].Destinations).To(HaveExactElements(destination("a.drm"), destination("b.drm"), destination("c.drm")))
		Expect(trials).To(BeNumerically("<=", 12))
		Expect(harness.Judge(run).Allow).To(Equal([][]string{{"a.drm"}, {"b.drm"}, {"c.drm"}}))
	})

	It("leaves alone what is not on the list", func() {
		run := tested(television(func(r func(string) bool) bool { return r("ads") && r("config") }), "config", "crash")
		for _, result := range run.Results {
			Expect(result.Trial.Block).NotTo(ContainElement(HaveField("Name", "config.example")))
			Expect(result.Seen.Free).To(Equal(2))
		}
		judgement := harness.Judge(run)
		Expect(judgement.Rows).To(HaveLen(8))
		Expect(judgement.Allow).To(Equal([][]string{{"ads"}}))
	})

	DescribeTable("finds the smallest sets to allow", func(works func(func(string) bool) bool, sets ...string) {
		var want [][]string
		for _, set := range sets {
			want = append(want, append([]string{}, strings.Fields(set)...))
		}
		Expect(harness.Judge(tested(television(works))).Allow).To(Equal(want))
	},
		Entry("none", always, ""),
		Entry("two", func(r func(string) bool) bool { return r("ads") && r("track") }, "ads track"),
		Entry("one, and one of two", func(r func(string) bool) bool { return r("ads") && (r("acr") || r("crash")) }, "acr ads", "ads crash"),
		Entry("one that does for two groups", func(r func(string) bool) bool { return (r("ads") || r("acr")) && (r("ads") || r("crash")) }, "ads"),
	)

	It("knows no set while it is not proved that the rest can be blocked", func() {
		run := tested(television(func(r func(string) bool) bool { return r("ads") }))
		run.Results = run.Results[:3] // controls, and everything
		Expect(harness.Judge(run).Allow).To(BeEmpty())
	})

	DescribeTable("ends at its first answer if that is wanted", func(works func(func(string) bool) bool, most int, confirm int, sets ...[]string) {
		device := television(works)
		run := newRun(device)
		run.Settings.First, run.Settings.Confirm = true, confirm
		run = testedAs(run, device)
		trials := 0
		for _, result := range run.Results {
			if !result.Trial.Control() {
				trials++
			}
		}
		Expect(sets).To(ContainElement(harness.Judge(run).Allow[0]))
		Expect(harness.Judge(run).Allow).To(HaveLen(1))
		Expect(trials).To(BeNumerically("<=", most))
	},
		Entry("nothing to allow", always, 1, 0, []string{}),
		Entry("one", func(r func(string) bool) bool { return r("crash") }, 6, 0, []string{"crash"}),
		Entry("one, each cut confirmed", func(r func(string) bool) bool { return r("crash") }, 7, 2, []string{"crash"}),
		Entry("two", func(r func(string) bool) bool { return r("crash") && r("ads") }, 11, 0, []string{"ads", "crash"}),
		Entry("one of three", func(r func(string) bool) bool { return r("a.drm") || r("b.drm") || r("c.drm") }, 8, 0, []string{"a.drm"}, []string{"b.drm"}, []string{"c.drm"}),
	)

	DescribeTable("comes to the same first answer if it is interrupted and resumed, after any trial", func(works func(func(string) bool) bool) {
		device := television(works)
		run := newRun(device)
		run.Settings.First, run.Settings.Confirm = true, 2
		whole := testedAs(run, device)
		for n := range whole.Results {
			part := whole
			part.Status, part.Results = harness.Interrupted, slices.Clone(whole.Results[:n])
			resumed := testedAs(part, device)
			Expect(harness.Judge(resumed).Allow).To(Equal(harness.Judge(whole).Allow), "after %d trials", n)
			Expect(resumed.Results[:n]).To(Equal(whole.Results[:n]), "finished trials are kept, and not repeated")
		}
	},
		Entry("nothing to allow", always),
		Entry("two", func(r func(string) bool) bool { return r("crash") && r("ads") }),
		Entry("one of three", func(r func(string) bool) bool { return r("a.drm") || r("b.drm") || r("c.drm") }),
	)

	It("allows nothing if it does not work with nothing blocked", func() {
		run := tested(television(always))
		run.Status = harness.Failed
		Expect(harness.Judge(run).Allow).To(BeEmpty())
	})

	It("allows nothing if it ended before the first control did", func() {
		run := tested(television(always))
		Expect(harness.Judge(run).Allow).To(Equal([][]string{{}}))
		run.Results = nil
		Expect(harness.Judge(run).Allow).To(BeEmpty())
	})

	It("allows names together that only help together", func() {
		run := tested(television(func(r func(string) bool) bool { return r("ads") }))
		for _, result := range run.Results {
			for i := range result.Seen.Contacts {
				if c := &result.Seen.Contacts[i]; c.Destination.Name == "ads.example" {
					c.Listed = []string{"ads.example", "edge.example"}
				}
			}
		}
		Expect(harness.Judge(run).Allow).To(Equal([][]string{{"ads.example", "edge.example"}}))
	})
})
