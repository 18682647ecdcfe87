package harness_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("every run ends", Label("norace"), func() {
	light := formula{
		contacts:  []string{"cloud", "ads", "log"},
		scenarios: map[string]func(func(string) bool) bool{"app": func(r func(string) bool) bool { return r("cloud") }},
	}

	// ends carries out an experiment on one lane that changes results as after says,
	// and that needs no more than a week.
	ends := func(run harness.Run, after func(*harness.Result)) (done harness.Run) {
		GinkgoHelper()
		endless := false
		synctest.Test(suite, func(*testing.T) {
			ctx, end := context.WithTimeout(context.Background(), time.Hour)
			defer end()
			lane := newSlowLane(light, rand.New(rand.NewPCG(1, 0)))
			lane.after = after
			experiment := &harness.Experiment{Run: run, Lanes: []harness.Lane{lane}, Journal: &memory{}}
			_ = experiment.Do(ctx) // its status says the same
			done, endless = experiment.Run, ctx.Err() != nil
		})
		Expect(endless).To(BeFalse(), "the run ends by itself")
		return done
	}

	It("of a device whose names never repeat", func() {
		for _, each := range []int{1, 7} {
			names := 0
			done := ends(newRun(light), func(r *harness.Result) {
				for range each {
					names++
					fresh := harness.Contact{Destination: destination(fmt.Sprint("random", names)), Tries: 1, Answered: true}
					r.Seen.Contacts = append(r.Seen.Contacts, fresh)
				}
			})
			Expect(done.Status).To(Equal(harness.OverBudget))
			Expect(done.Why).To(MatchRegexp(`in 40 trials the device contacted destinations never seen before, \d+ in all`))
			Expect(done.Over()).To(BeFalse(), "it may be gone on with")
		}
	})

	It("of a device whose answers can never be used", func() {
		every := newRun(light)
		every.Settings.ControlEvery = 1
		controls := 0
		done := ends(every, func(r *harness.Result) {
			if r.Trial.Control() {
				if controls++; controls%2 == 1 && controls > 2 {
					r.Outcomes["app"], r.Recovered = harness.Outcome{Answer: harness.Fail, Why: "no answer"}, false
				}
			}
		})
		Expect(done.Status).To(Equal(harness.OverBudget))
		Expect(done.Why).To(ContainSubstring("the answers keep changing"))
		Expect(done.Over()).To(BeTrue())
	})

	It("of a device that works only offline, with what to write in the spec", func() {
		done := ends(newRun(light), func(r *harness.Result) {
			r.Outcomes["app"], r.Recovered = harness.Outcome{Answer: harness.Fail, Why: "no answer"}, false
		})
		Expect(done.Status).To(Equal(harness.Failed))
		Expect(done.Why).To(And(HavePrefix("app: no answer"), ContainSubstring("block: {always: [HOST]}"), ContainSubstring("cloud.example")))
	})

	It("soon after it is told to, with thousands of destinations", func(ctx SpecContext) {
		scanner := formula{scenarios: light.scenarios}
		for i := range 5_000 {
			scanner.contacts = append(scanner.contacts, fmt.Sprint("host", i))
		}
		told, end := context.WithCancel(ctx)
		trials := 0
		lane := &lane{device: scanner, after: func(*harness.Result) {
			if trials++; trials == 3 {
				end()
			}
		}}
		judged := make(chan harness.Judgement)
		go func() {
			defer GinkgoRecover()
			experiment := &harness.Experiment{Run: newRun(scanner), Lanes: []harness.Lane{lane}, Journal: &memory{}, Notify: func(harness.Event) {}}
			Expect(experiment.Do(told)).To(Succeed())
			judged <- harness.Judge(experiment.Run)
		}()
		Eventually(told.Done()).WithTimeout(90 * time.Second).Should(BeClosed())
		Eventually(judged).WithTimeout(20 * time.Second).Should(Receive(HaveField("Rows", HaveLen(5_000))))
	}, SpecTimeout(2*time.Minute))
})
