package harness_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("scenarios together", func() {
	var asked []string
	scenario := func(name string, answer harness.Answer) harness.Scenario {
		return harness.Scenario{Name: name, Check: func(context.Context) harness.Outcome {
			asked = append(asked, name)
			return harness.Outcome{Answer: answer, Why: "no answer", Duration: 2, Steps: []harness.StepOutcome{{Step: name}}}
		}}
	}
	one := harness.ScenarioInfo{Name: "all"}
	BeforeEach(func() { asked = nil })

	It("pass if all do", func() {
		outcome := harness.Together(one, []harness.Scenario{scenario("a", harness.Pass), scenario("b", harness.Pass)})[0].Check(context.Background())
		Expect(outcome).To(And(HaveField("Answer", harness.Pass), HaveField("Duration", BeEquivalentTo(4)), HaveField("Steps", HaveLen(2))))
	})

	It("ask nothing more after one that does not pass", func() {
		outcome := harness.Together(one, []harness.Scenario{scenario("a", harness.Fail), scenario("person", harness.Pass)})[0].Check(context.Background())
		Expect(outcome).To(And(HaveField("Answer", harness.Fail), HaveField("Why", "a: no answer")))
		Expect(asked).To(HaveExactElements("a"))
	})

	It("leave apart what is watched, and what is alone", func() {
		watched := scenario("w", harness.Pass)
		watched.Watch = func(context.Context, <-chan struct{}) harness.Outcome { return harness.Outcome{} }
		all := harness.Together(one, []harness.Scenario{scenario("a", harness.Pass), watched, scenario("b", harness.Pass)})
		Expect(all).To(HaveExactElements(HaveField("Name", "w"), HaveField("Name", "all")))
		Expect(harness.Together(one, []harness.Scenario{watched, scenario("a", harness.Pass)})).To(HaveExactElements(HaveField("Name", "w"), HaveField("Name", "a")))
	})
})
