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
	as := func(members ...string) []harness.ScenarioInfo {
		return []harness.ScenarioInfo{{Name: "w"}, {Name: "all", Of: members}}
	}
	BeforeEach(func() { asked = nil })

	It("pass if all do", func() {
		outcome := harness.Together(as("a", "b"), []harness.Scenario{scenario("a", harness.Pass), scenario("b", harness.Pass)})[0].Check(context.Background())
		Expect(outcome).To(And(HaveField("Answer", harness.Pass), HaveField("Duration", BeEquivalentTo(4)), HaveField("Steps", HaveLen(2))))
	})

	It("ask nothing more after one that does not pass", func() {
		outcome := harness.Together(as("a", "person"), []harness.Scenario{scenario("person", harness.Pass), scenario("a", harness.Fail)})[0].Check(context.Background())
		Expect(outcome).To(And(HaveField("Answer", harness.Fail), HaveField("Why", "a: no answer")))
		Expect(asked).To(HaveExactElements("a"))
	})

	It("leave those that are not joined as they are", func() {
		all := []harness.Scenario{scenario("a", harness.Pass), scenario("w", harness.Pass), scenario("b", harness.Pass)}
		Expect(harness.Together(as("a", "b"), all)).To(HaveExactElements(HaveField("Name", "w"), HaveField("Name", "all")))
		Expect(harness.Together([]harness.ScenarioInfo{{Name: "a"}}, all)).To(HaveLen(3))
		Expect(all).To(HaveExactElements(HaveField("Name", "a"), HaveField("Name", "w"), HaveField("Name", "b")), "what was given")
	})
})
