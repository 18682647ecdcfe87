package harness_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("a column that a person judges", func() {
	// camera is a device of 20 destinations. Its app needs one more than Home Assistant does.
	camera := func() formula {
		device := formula{scenarios: map[string]func(func(string) bool) bool{}}
		for i := range 20 {
			device.contacts = append(device.contacts, fmt.Sprintf("host%d", i))
		}
		local := func(r func(string) bool) bool {
			group := slices.ContainsFunc([]string{"host4", "host5", "host6", "host7", "host8"}, r)
			return r("host1") && r("host10") && group
		}
		device.scenarios["hass"] = local
		device.scenarios["native_app"] = func(r func(string) bool) bool { return local(r) && r("host15") }
		return device
	}
	do := func(person, lanes int) harness.Run {
		GinkgoHelper()
		device := camera()
		run := newRun(device)
		for i := range person {
			run.Scenarios[1-i].Person = true
		}
		run.Settings.Lanes = lanes
		experiment := &harness.Experiment{Run: run, Journal: &memory{}}
		for range lanes {
			experiment.Lanes = append(experiment.Lanes, &lane{device: device})
		}
		Expect(experiment.Do(context.Background())).To(Succeed())
		Expect(experiment.Run.Status).To(Equal(harness.Complete))
		return experiment.Run
	}
	asked := func(run harness.Run, name string) (trials []harness.Trial) {
		for _, result := range run.Results {
			if _, ok := result.Outcomes[name]; ok {
				trials = append(trials, result.Trial)
			}
		}
		return trials
	}
	expectTruth := func(run harness.Run) {
		GinkgoHelper()
		for _, column := range harness.Judge(run).Columns {
			wanted := 2
			if column.Column.ID == "native_app" {
				wanted = 3
			}
			count := map[harness.Verdict]int{}
			for _, cell := range column.Cells {
				count[cell.Verdict]++
			}
			Expect(count).To(Equal(map[harness.Verdict]int{harness.Required: wanted, harness.Alternative: 5, harness.Optional: 15 - wanted}), column.Column.ID)
			Expect(column.Certified).To(Equal("exact"))
		}
	}

	It("costs few questions if other columns are decided first", Label("norace"), func() {
		run := do(1, 1)
		expectTruth(run)
		Expect(len(asked(run, "native_app"))).To(BeNumerically("<=", 16))
		Expect(asked(run, "hass")).To(HaveLen(len(run.Results)), "a program is asked in each trial")
		Expect(len(asked(do(0, 1), "native_app"))).To(BeNumerically(">", 30))
	})

	It("is asked for nothing blocked once, and last of all for what can be blocked", Label("norace"), func() {
		trials := asked(do(1, 1), "native_app")
		Expect(trials[0].Control()).To(BeTrue())
		Expect(slices.ContainsFunc(trials[1:], harness.Trial.Control)).To(BeFalse())
		Expect(trials[len(trials)-1].Block).To(HaveLen(16))
	})

	It("costs as many questions if the run is cut short and resumed, except for one control", Label("norace"), func() {
		whole := do(1, 1)
		device := camera()
		cut := whole
		cut.Results, cut.Status = slices.Clone(whole.Results[:len(whole.Results)/2]), harness.Interrupted
		experiment := &harness.Experiment{Run: cut, Lanes: []harness.Lane{&lane{device: device}}, Journal: &memory{}}
		Expect(experiment.Do(context.Background())).To(Succeed())
		expectTruth(experiment.Run)
		Expect(len(asked(experiment.Run, "native_app"))).To(BeNumerically("<=", len(asked(whole, "native_app"))+2))
	})

	It("is judged rightly on several lanes", func() { expectTruth(do(1, 3)) })

	It("is asked in each trial if there is no other", Label("norace"), func() {
		run := do(2, 1)
		expectTruth(run)
		Expect(asked(run, "native_app")).To(HaveLen(len(run.Results)))
	})
})

func TestAPersonIsNotAskedInATrialThatDoesNotNeedTheAnswer(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{}
		person, asked := asks(0, func() bool { return !g.blocks("server") })
		bench := stalls(g, 0)
		bench.Scenarios = []harness.Scenario{works(func() bool { return !g.blocks("server") }), person}
		quiet := trial("server")
		quiet.Unasked = []string{"person"}
		result, err := bench.Run(context.Background(), quiet)
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Outcomes).NotTo(HaveKey("person"))
		expect.Expect(result.Recovered).To(BeTrue())
		expect.Expect(*asked).To(BeEmpty())
	})
}
