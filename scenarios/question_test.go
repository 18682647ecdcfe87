package scenarios_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

var _ = DescribeTable("a question takes", func(answers []string, line, want string, ok bool) {
	answer, accepted := scenarios.Question{Answers: answers}.Accepts(line)
	Expect(accepted).To(Equal(ok))
	Expect(answer).To(Equal(want))
},
	Entry("a word of its own", []string{"yes", "no"}, " YES ", "yes", true),
	Entry("the beginning of one word", []string{"yes", "no", "unsure", "skip"}, "u", "unsure", true),
	Entry("no other word", []string{"yes", "no"}, "maybe", "", false),
	Entry("nothing that two words begin with", []string{"slow", "stuck"}, "s", "", false),
	Entry("no empty line", []string{"yes", "no"}, "", "", false),
	Entry("any line if it names no words", nil, " The map ", "The map", true),
)

var _ = Describe("a prompt", func() {
	// asking checks a prompt that a person answers, and returns what was asked.
	asking := func(ctx context.Context, expect, answer string) (harness.Outcome, []scenarios.Question) {
		GinkgoHelper()
		var asked []scenarios.Question
		engine := &scenarios.Engine{Ask: func(_ context.Context, question scenarios.Question) (string, error) {
			asked = append(asked, question)
			return answer, nil
		}}
		spec := scenarios.Spec{Name: "app", Retry: scenarios.Retry{Attempts: 4}, Steps: []scenarios.Step{
			{Do: &scenarios.Prompt{Text: "Does it play?"}, Expect: expect},
		}}
		return check(ctx, engine, spec), asked
	}

	DescribeTable("is asked once", func(ctx SpecContext, expect, answer string, want harness.Answer, closed bool) {
		outcome, asked := asking(ctx, expect, answer)
		Expect(outcome.Answer).To(Equal(want), outcome.Why)
		Expect(asked).To(HaveLen(1))
		Expect(asked[0].Answers).To(HaveLen(map[bool]int{true: 4}[closed]))
	},
		Entry("and passes", "", "yes", harness.Pass, true),
		Entry("and fails", "", "no", harness.Fail, true),
		Entry("and fails at yes", `answer == "no"`, "yes", harness.Fail, true),
		Entry("and is open if a person is unsure", "", "unsure", harness.Inconclusive, true),
		Entry("and is open if a person skips it", "", "skip", harness.Inconclusive, true),
		Entry("for other words", `answer in ["red", "blue"]`, "Red", harness.Pass, false),
		Entry("for other words, and fails", `answer in ['red', 'blue']`, "green", harness.Fail, false),
	)

	It("makes a scenario one that a person judges", func() {
		asks := scenarios.Spec{Name: "app", Steps: []scenarios.Step{{Do: &scenarios.Wait{}}, {Do: &scenarios.Prompt{Text: "Does it play?"}}}}
		Expect(asks.Info().Person).To(BeTrue())
		Expect(scenarios.Spec{Name: "app", Steps: []scenarios.Step{{Do: &scenarios.Wait{}}}}.Info().Person).To(BeFalse())
	})
})
