package harness_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

func TestALiftedBlockIsGoneAtOnceAndTheTrialSaysNothing(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"cloud": 0}}
		checking := make(chan struct{})
		slow := harness.Scenario{Name: "app", Check: func(ctx context.Context) harness.Outcome {
			close(checking)
			<-ctx.Done() // a check that takes as long as it may
			return harness.Outcome{Answer: harness.Fail, Why: "given up"}
		}}
		bench := &harness.Bench{Gateway: g, Scenarios: []harness.Scenario{slow}, Timing: timing}
		var lifted time.Time
		go func() {
			<-checking
			lifted = time.Now()
			bench.Lift(1)
		}()
		result, err := bench.Run(context.Background(), trial("cloud"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Abandoned).To(BeTrue())
		expect.Expect(result.Outcomes).To(BeEmpty())
		expect.Expect(g.blocked).To(BeEmpty())
		expect.Expect(g.since).To(Equal(lifted), "everything is reachable at once")
	})
}

func TestABlockThatIsLiftedBeforeItBeginsIsNotHeld(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"cloud": 0}}
		bench := &harness.Bench{Gateway: g, Scenarios: []harness.Scenario{works(func() bool { return true })}, Timing: timing}
		bench.Lift(1)
		began := time.Now()
		result, err := bench.Run(context.Background(), trial("cloud"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Abandoned).To(BeTrue())
		expect.Expect(time.Now()).To(Equal(began))
		other := trial("cloud")
		other.Number = 2
		result, err = bench.Run(context.Background(), other)
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Abandoned).To(BeFalse(), "another trial was meant")
	})
}

// liftable is a lane on a formula whose trials take a minute, unless they are given up.
type liftable struct {
	lane
	lifted map[int]chan struct{}
}

func (l *liftable) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	result, err := l.lane.Run(ctx, trial)
	select {
	case <-l.lifted[trial.Number]:
		return harness.Result{Trial: trial, Abandoned: true}, err
	case <-time.After(time.Minute):
		return result, err
	}
}

func (l *liftable) Lift(trial int) { close(l.lifted[trial]) }

// orderly is a journal that keeps orders, too.
type orderly struct {
	memory
	orders []harness.Order
}

func (o *orderly) Order(order harness.Order) error {
	o.orders = append(o.orders, order)
	return nil
}

var _ = Describe("a person's order", func() {
	device := formula{
		contacts:  []string{"cloud", "ads", "time1", "time2"},
		scenarios: map[string]func(func(string) bool) bool{"app": func(r func(string) bool) bool { return r("cloud") && (r("time1") || r("time2")) }},
	}
	// carryOut runs an experiment, in which during makes its orders when a trial begins.
	carryOut := func(during func(number int, order func(harness.Order))) (harness.Run, *liftable, *orderly) {
		GinkgoHelper()
		lane, journal := &liftable{lane: lane{device: device}, lifted: map[int]chan struct{}{}}, &orderly{}
		orders := make(chan harness.Order, 10)
		experiment := &harness.Experiment{Run: newRun(device), Lanes: []harness.Lane{lane}, Journal: journal, Orders: orders}
		experiment.Notify = func(event harness.Event) {
			if event.Kind == harness.Began {
				lane.lifted[event.Trial.Number] = make(chan struct{})
				during(event.Trial.Number, func(order harness.Order) { orders <- order })
			}
		}
		Expect(experiment.Do(context.Background())).To(Succeed())
		return experiment.Run, lane, journal
	}
	inTime := func(test func()) {
		GinkgoHelper()
		synctest.Test(suite, func(*testing.T) { test() })
	}

	It("to pause gives up the trial and lets none begin until it is resumed, and the verdicts are the same", func() {
		inTime(func() {
			began := map[int]time.Time{}
			done, _, journal := carryOut(func(number int, order func(harness.Order)) {
				began[number] = time.Now()
				if number == 4 {
					order(harness.Order{Do: harness.Pause})
					time.AfterFunc(time.Hour, func() { order(harness.Order{Do: harness.Resume}) })
				}
			})
			Expect(done.Status).To(Equal(harness.Complete))
			Expect(done.Results[3].Abandoned).To(BeTrue())
			Expect(done.Results[3].Skipped).To(BeFalse())
			Expect(began[5].Sub(began[4])).To(Equal(time.Hour))
			Expect(journal.orders).To(HaveExactElements(HaveField("Do", harness.Pause), HaveField("Do", harness.Resume)))
			Expect(done.Held()).To(BeNil())
			paused := done
			paused.Status, paused.Results, paused.Orders = harness.Running, done.Results[:3], done.Orders[:1]
			Expect(paused.Held()).To(HaveValue(HaveField("Do", harness.Pause)))
			Expect(harness.UnderWay(paused)).To(BeNil())
			paused.Orders[0].At = done.Started // a later sitting has results
			paused.Results[2].Started = done.Started.Add(time.Second)
			Expect(paused.Held()).To(BeNil())
			for d, cell := range harness.Judge(done).Columns[0].Cells {
				want := map[string]harness.Verdict{"cloud": harness.Required, "ads": harness.Optional, "time1": harness.Alternative, "time2": harness.Alternative}
				Expect(cell.Verdict).To(Equal(want[d.Name[:len(d.Name)-len(".example")]]), d.Name)
			}
		})
	})

	It("to allow everything for a time ends by itself", func() {
		inTime(func() {
			began := map[int]time.Time{}
			done, _, journal := carryOut(func(number int, order func(harness.Order)) {
				began[number] = time.Now()
				if number == 4 {
					order(harness.Order{Do: harness.Allow, Until: time.Now().Add(10 * time.Minute)})
				}
			})
			Expect(done.Status).To(Equal(harness.Complete))
			Expect(began[5].Sub(began[4])).To(Equal(10 * time.Minute))
			Expect(journal.orders[1].Do).To(Equal(harness.Resume))
		})
	})

	It("to skip a trial asks something else next, and the same again only later", func() {
		inTime(func() {
			done, lane, _ := carryOut(func(number int, order func(harness.Order)) {
				if number == 4 {
					order(harness.Order{Do: harness.Skip})
				}
			})
			Expect(done.Status).To(Equal(harness.Complete))
			Expect(done.Results[3]).To(And(HaveField("Abandoned", true), HaveField("Skipped", true)))
			skipped := lane.asked[3].Block
			Expect(skipped).NotTo(BeEmpty())
			for _, later := range lane.asked[4:7] {
				Expect(later.Block).NotTo(Equal(skipped))
			}
		})
	})

	It("to stop lets the trial end, and the run can be resumed", func() {
		inTime(func() {
			done, _, _ := carryOut(func(number int, order func(harness.Order)) {
				if number == 4 {
					order(harness.Order{Do: harness.Stop})
				}
			})
			Expect(done.Status).To(Equal(harness.Interrupted))
			Expect(done.Why).To(Equal("stopped by a person"))
			Expect(done.Results).To(HaveLen(4))
			Expect(done.Results[3].Abandoned).To(BeFalse())
			again := &harness.Experiment{Run: done, Lanes: []harness.Lane{&lane{device: device}}, Journal: &memory{}}
			Expect(again.Do(context.Background())).To(Succeed())
			Expect(again.Run.Status).To(Equal(harness.Complete))
		})
	})

	DescribeTable("to keep a destination reachable gives up the trial that blocks it, and none blocks it later", func(kept string, want map[string]harness.Verdict) {
		inTime(func() {
			destination := destination(kept)
			before := 0
			done, lane, journal := carryOut(func(number int, order func(harness.Order)) {
				if number == 3 { // the first that blocks something
					before = number
					order(harness.Order{Do: harness.Keep, Destination: destination})
				}
			})
			Expect(done.Status).To(Equal(harness.Complete))
			Expect(journal.orders).To(HaveExactElements(HaveField("Destination", destination)))
			Expect(lane.asked[2].Block).To(ContainElement(destination))
			Expect(done.Results[2].Abandoned).To(BeTrue())
			for _, later := range lane.asked[before:] {
				Expect(later.Block).NotTo(ContainElement(destination), "trial %d", later.Number)
			}
			verdicts := map[string]harness.Verdict{}
			for d, cell := range harness.Judge(done).Columns[0].Cells {
				verdicts[d.Name[:len(d.Name)-len(".example")]] = cell.Verdict
			}
			Expect(verdicts).To(Equal(want))
		})
	},
		Entry("one that is needed", "cloud", map[string]harness.Verdict{"cloud": harness.Undecided, "ads": harness.Optional, "time1": harness.Alternative, "time2": harness.Alternative}),
		Entry("one of two alternatives", "time1", map[string]harness.Verdict{"cloud": harness.Required, "ads": harness.Optional, "time1": harness.Undecided, "time2": harness.Optional}),
		Entry("one that is not needed", "ads", map[string]harness.Verdict{"cloud": harness.Required, "ads": harness.Undecided, "time1": harness.Alternative, "time2": harness.Alternative}),
	)

	It("to keep every name of a domain reachable gives up the trial that blocks one of them", func() {
		inTime(func() {
			done, lane, _ := carryOut(func(number int, order func(harness.Order)) {
				if number == 3 { // the first that blocks something
					order(harness.Order{Do: harness.Keep, Destination: harness.Destination{Protocol: harness.TCP, Port: 443, Name: "*.example"}})
				}
			})
			Expect(lane.asked[2].Block).To(ContainElement(destination("cloud")))
			Expect(done.Results[2].Abandoned).To(BeTrue())
		})
	})

	It("to keep a destination reachable lets a run end whose failing trials blocked more than the device tried", func() {
		spare := formula{
			contacts: []string{"ads", "cloud", "kept", "time1", "time2"}, fallbacks: map[string]string{"spare": "time1"},
			scenarios: map[string]func(func(string) bool) bool{"app": func(r func(string) bool) bool { return r("cloud") }},
		}
		run := newRun(spare)
		run.Orders = []harness.Order{{Do: harness.Keep, Destination: destination("kept")}}
		experiment := &harness.Experiment{Run: run, Lanes: []harness.Lane{&lane{device: spare}}, Journal: &memory{}}
		Expect(experiment.Do(context.Background())).To(Succeed())
		Expect(experiment.Run.Status).To(Equal(harness.Complete), experiment.Run.Why)
		Expect(len(experiment.Run.Results)).To(BeNumerically("<", 25))
	})

	It("to keep a destination reachable does not undo what is proved", func() {
		experiment := &harness.Experiment{Run: newRun(device), Lanes: []harness.Lane{&lane{device: device}}, Journal: &memory{}}
		Expect(experiment.Do(context.Background())).To(Succeed())
		whole := experiment.Run
		whole.Orders = []harness.Order{{Do: harness.Keep, Destination: destination("time1")}}
		for d, cell := range harness.Judge(whole).Columns[0].Cells {
			want := map[string]harness.Verdict{"cloud.example": harness.Required, "ads.example": harness.Optional, "time1.example": harness.Alternative, "time2.example": harness.Alternative}
			Expect(cell.Verdict).To(Equal(want[d.Name]), d.Name)
		}
	})

	It("does not keep a paused run from ending when the program is told to end", func() {
		inTime(func() {
			ctx, stop := context.WithCancel(context.Background())
			orders := make(chan harness.Order, 1)
			experiment := &harness.Experiment{Run: newRun(device), Lanes: []harness.Lane{&lane{device: device}}, Journal: &memory{}, Orders: orders}
			experiment.Notify = func(event harness.Event) {
				if event.Kind == harness.Began && event.Trial.Number == 4 {
					orders <- harness.Order{Do: harness.Pause}
					time.AfterFunc(time.Hour, stop)
				}
			}
			Expect(experiment.Do(ctx)).To(Succeed())
			Expect(experiment.Run.Status).To(Equal(harness.Interrupted))
		})
	})
})
