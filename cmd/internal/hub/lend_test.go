package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/nats-io/nats.go"

	"github.com/needwant/needwant/cmd/internal/hub"
	"github.com/needwant/needwant/harness"
)

// virtual is a device in a lane. It needs the destinations that it names.
type virtual struct {
	needs []string
	works func(reached func(string) bool) bool // what it needs, if that is more than a list
	all   []string                             // what it contacts; a few if there are none
	takes time.Duration                        // for a trial
	hold  chan struct{}                        // if it is not nil, a trial that blocks something lasts until it is closed

	mu     sync.Mutex
	terms  string // of the last session
	opened int
	open   bool
	trials []int         // that were carried out to the end
	stop   chan struct{} // closed when the trial is given up; nil if it was
}

func (v *virtual) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	v.mu.Lock()
	v.stop = make(chan struct{})
	stop := v.stop
	v.mu.Unlock()
	if v.hold != nil && !trial.Control() {
		select {
		case <-ctx.Done():
			return harness.Result{}, ctx.Err()
		case <-stop:
			return harness.Result{Trial: trial, Abandoned: true, Recovered: true}, nil
		case <-v.hold:
		}
	}
	select {
	case <-stop:
		return harness.Result{Trial: trial, Abandoned: true, Recovered: true}, nil
	case <-time.After(v.takes):
	}
	result := harness.Result{Trial: trial, Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}}, Recovered: true, Held: time.Second}
	if v.all == nil {
		v.all = []string{"ads", "cloud", "log", "shop"}
	}
	if v.works != nil && !v.works(func(name string) bool { return !slices.Contains(trial.Block, web(name)) }) {
		result.Outcomes["app"] = harness.Outcome{Answer: harness.Fail, Why: "no answer"}
	}
	for _, name := range v.all {
		d := web(name)
		contact := harness.Contact{Destination: d, Tries: 1, Answered: true}
		if slices.Contains(trial.Block, d) {
			contact.Attempts, contact.Touched, contact.Answered = 1, 1, false
			if slices.Contains(v.needs, name) {
				result.Outcomes["app"] = harness.Outcome{Answer: harness.Fail, Why: "no answer"}
			}
		}
		result.Seen.Contacts = append(result.Seen.Contacts, contact)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.trials = append(v.trials, trial.Number)
	return result, nil
}

func (v *virtual) Abandon() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stop != nil {
		close(v.stop)
		v.stop = nil
	}
}

func (v *virtual) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open = false
	return nil
}

// isOpen reports whether the device is behind its gateway.
func (v *virtual) isOpen() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.open
}

func (v *virtual) carriedOut() []int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.trials)
}

// lend lends the device until the spec ends, or before.
func (v *virtual) lend(link *hub.Link, device string, s *said) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		link.Lend(ctx, device, hub.Loan{Offer: json.RawMessage(`"a lamp"`), Tell: s.say, Open: func(_ context.Context, _ string, terms json.RawMessage) (hub.LentLane, error) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.terms, v.open = string(terms), true
			v.opened++
			return v, nil
		}})
	}()
	end = sync.OnceFunc(func() { cancel(); <-over })
	DeferCleanup(end)
	return end
}

func web(name string) harness.Destination {
	return harness.Destination{Protocol: "tcp", Port: 443, Name: name + ".example"}
}

func trial(number int, blocked ...string) harness.Trial {
	t := harness.Trial{Number: number, Fault: harness.Reject, Regime: harness.Steady}
	for _, name := range blocked {
		t.Block = append(t.Block, web(name))
	}
	return t
}

// borrow borrows a device until the spec ends.
func borrow(ctx context.Context, link *hub.Link, agent, device string) *hub.Lane {
	GinkgoHelper()
	lane, err := tryToBorrow(ctx, link, agent, device)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(lane.Close)
	return lane
}

func tryToBorrow(ctx context.Context, link *hub.Link, agent, device string) (*hub.Lane, error) {
	return link.Borrow(ctx, agent, device, func(offer json.RawMessage) (json.RawMessage, error) {
		if string(offer) != `"a lamp"` {
			return nil, errors.New("it is not a lamp")
		}
		return json.RawMessage(`"bright"`), nil
	}, func(string) {})
}

// begun has a lane begin a trial. What comes of it is received.
func begun(ctx context.Context, lane *hub.Lane, t harness.Trial) chan any {
	came := make(chan any, 1)
	go func() {
		result, err := lane.Run(ctx, t)
		if err != nil {
			came <- err
			return
		}
		came <- result
	}()
	return came
}

// equalLamps is a run with so many equal devices.
func equalLamps(devices int) harness.Run {
	run := harness.Run{Scenarios: []harness.ScenarioInfo{{Name: "app", Title: "app"}}, Settings: harness.Settings{
		Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady}, Order: "exact", Lanes: devices,
	}}
	for n := 1; n <= devices && devices > 1; n++ {
		run.Settings.Replicas = append(run.Settings.Replicas, harness.Replica{Name: fmt.Sprintf("lamp%d", n)})
	}
	return run
}

// cuts are those of the first column.
func cuts(judgement harness.Judgement) (all []string) {
	for _, cut := range judgement.Columns[0].Cuts {
		all = append(all, fmt.Sprint(cut.Destinations))
	}
	return all
}

// results is a journal that keeps them in memory.
type results struct{ all []harness.Result }

func (r *results) Append(result harness.Result) error {
	r.all = append(r.all, result)
	return nil
}

var _ = Describe("a device that an agent lends", func() {
	var l *laboratory
	var attic, garage *hub.Link
	var s *said
	BeforeEach(func() {
		l, s = newLaboratory(), &said{}
		attic, garage = l.link("attic", s), l.link("garage", s)
	})

	It("is a lane of another agent's experiment, and one with different needs is named", func(ctx SpecContext) {
		usual, odd := &virtual{needs: []string{"cloud"}}, &virtual{needs: []string{"cloud", "log"}}
		usual.lend(attic, "lamp3", s)
		odd.lend(attic, "lamp4", s)
		e := &harness.Experiment{Journal: &results{}, Run: equalLamps(4), Lanes: []harness.Lane{
			&virtual{needs: []string{"cloud"}}, &virtual{needs: []string{"cloud"}}, borrow(ctx, garage, "attic", "lamp3"), borrow(ctx, garage, "attic", "lamp4"),
		}}
		Expect(e.Do(ctx)).To(Succeed())
		Expect(usual.terms).To(Equal(`"bright"`))
		judgement := harness.Judge(e.Run)
		Expect(judgement.Columns[0].Cuts).To(HaveExactElements(HaveField("Destinations", Equal([]harness.Destination{web("cloud")}))))
		Expect(judgement.Replicas).To(HaveExactElements(
			HaveField("Agrees()", true), HaveField("Agrees()", true), HaveField("Agrees()", true),
			HaveField("Differs", HaveLen(1)),
		))
		for lane, device := range map[int]*virtual{3: usual, 4: odd} {
			var recorded []int
			for _, result := range e.Run.Results {
				if result.Lane == lane {
					recorded = append(recorded, result.Trial.Number)
				}
			}
			Expect(recorded).NotTo(BeEmpty())
			Expect(device.carriedOut()).To(Equal(recorded), "each trial once")
		}
	}, SpecTimeout(time.Minute))

	// How many times as fast four lanes are as one is shown in a fixed order by harness/replica_test.go. Here the order is up to
	// chance, so what lending costs is compared with four lanes of one process.
	It("costs little time: four lanes on two gateways are about as fast as four of one process", Label("slow", "norace"), func(ctx SpecContext) {
		const devices = 4
		var one, four, lent time.Duration
		for seed := range uint64(devices) {
			random := rand.New(rand.NewPCG(seed, 20))
			var contacts []string
			for i := range 20 {
				contacts = append(contacts, fmt.Sprintf("d%02d", i))
			}
			shuffled := random.Perm(20)
			works := func(reached func(string) bool) bool {
				reaches := func(i int) bool { return reached(contacts[i]) }
				return reaches(shuffled[0]) && reaches(shuffled[1]) && slices.ContainsFunc(shuffled[2:6], reaches)
			}
			device := func(lane int) *virtual {
				return &virtual{works: works, all: contacts, takes: time.Second + time.Duration(lane)*13*time.Millisecond}
			}
			lasts := func(lanes ...harness.Lane) (time.Duration, harness.Judgement) {
				run := equalLamps(len(lanes))
				run.Settings.Confirm = 2
				e := &harness.Experiment{Journal: &results{}, Run: run, Lanes: lanes}
				began := time.Now()
				Expect(e.Do(ctx)).To(Succeed())
				return time.Since(began), harness.Judge(e.Run)
			}
			took, truth := lasts(device(0))
			one += took
			for n := 3; n <= 4; n++ {
				device(n).lend(attic, fmt.Sprintf("lamp%d-%d", seed, n), s)
			}
			took, found := lasts(device(1), device(2), device(3), device(4))
			four += took
			Expect(cuts(found)).To(ConsistOf(cuts(truth)))
			took, found = lasts(device(1), device(2), borrow(ctx, garage, "attic", fmt.Sprintf("lamp%d-3", seed)), borrow(ctx, garage, "attic", fmt.Sprintf("lamp%d-4", seed)))
			lent += took
			Expect(cuts(found)).To(ConsistOf(cuts(truth)))
			Expect(found.Replicas).To(HaveEach(HaveField("Agrees()", true)))
		}
		AddReportEntry("how many times as fast as one", fmt.Sprintf("four of one process %.2f, on two gateways %.2f", one.Seconds()/four.Seconds(), one.Seconds()/lent.Seconds()))
		Expect(lent.Seconds()).To(BeNumerically("<=", 1.25*four.Seconds()))
	}, SpecTimeout(10*time.Minute))

	It("is had by one borrower at a time, if it exists and fits", func(ctx SpecContext) {
		device := &virtual{}
		end := device.lend(attic, "lamp", s)
		_, err := tryToBorrow(ctx, garage, "attic", "plug")
		Expect(err).To(MatchError(ContainSubstring("does not lend a device of this name")))
		_, err = garage.Borrow(ctx, "attic", "lamp", func(json.RawMessage) (json.RawMessage, error) { return nil, errors.New("it is too small") }, func(string) {})
		Expect(err).To(MatchError(ContainSubstring("it is too small")))
		Expect(device.opened).To(BeZero())

		first := borrow(ctx, garage, "attic", "lamp")
		waits := make(chan string, 10)
		second := make(chan *hub.Lane, 1)
		other := l.link("cellar", s)
		go func() {
			defer GinkgoRecover()
			lane, err := other.Borrow(ctx, "attic", "lamp", func(json.RawMessage) (json.RawMessage, error) { return json.RawMessage(`1`), nil }, func(why string) { waits <- why })
			Expect(err).NotTo(HaveOccurred())
			second <- lane
		}()
		Eventually(waits).WithContext(ctx).Should(Receive(ContainSubstring("agent garage has borrowed it")))
		Expect(device.opened).To(Equal(1))
		first.Close()
		Eventually(second).WithContext(ctx).Should(Receive(&first))
		Expect(device.opened).To(Equal(2))

		By("stopping the lender")
		end()
		Expect(device.isOpen()).To(BeFalse())
		_, err = first.Run(ctx, trial(1))
		Expect(err).To(MatchError(ContainSubstring("the agent that lent it was stopped")))
		_, lost := errors.AsType[*harness.LostError](err)
		Expect(lost).To(BeTrue())
		first.Close()
	}, SpecTimeout(time.Minute))

	It("gives a trial up if the borrower wants that, and carries it out while the hub is started again", func(ctx SpecContext) {
		device := &virtual{hold: make(chan struct{})}
		device.lend(attic, "lamp", s)
		lane := borrow(ctx, garage, "attic", "lamp")
		came := begun(ctx, lane, trial(1, "ads"))
		Eventually(func() chan any { lane.Abandon(); return came }).WithContext(ctx).Should(Receive(HaveField("Abandoned", true)))

		came = begun(ctx, lane, trial(2, "ads"))
		Consistently(came).Within(2 * time.Second).ShouldNot(Receive())
		l.stop()
		close(device.hold)
		l.start()
		Eventually(came).WithContext(ctx).Should(Receive(HaveField("Trial.Number", 2)))
		Expect(device.carriedOut()).To(Equal([]int{2}))
		Expect(device.opened).To(Equal(1), "the session went on")
	}, SpecTimeout(time.Minute))

	It("is free again when the borrower is gone, and its trial returned when the lender is", func(ctx SpecContext) {
		device, second := &virtual{hold: make(chan struct{})}, &virtual{hold: make(chan struct{})}
		device.lend(attic, "lamp", s)
		second.lend(attic, "plug", s)
		cellar := l.link("cellar", s)
		lane, kept := borrow(ctx, garage, "attic", "lamp"), borrow(ctx, cellar, "attic", "plug")
		came, other := begun(ctx, lane, trial(1, "ads")), begun(ctx, kept, trial(1, "ads"))
		Eventually(device.isOpen).Should(BeTrue())
		garage.Connection().Close()
		Eventually(device.isOpen).WithContext(ctx).WithTimeout(time.Minute).Should(BeFalse())
		Eventually(came).WithContext(ctx).Should(Receive(MatchError(ContainSubstring("did not answer for 15 s"))))
		Expect(second.isOpen()).To(BeTrue())
		Expect(other).NotTo(Receive())

		attic.Connection().Close()
		var err error
		Eventually(other).WithContext(ctx).WithTimeout(time.Minute).Should(Receive(&err))
		_, lost := errors.AsType[*harness.LostError](err)
		Expect(lost).To(BeTrue())
		Expect(second.isOpen()).To(BeFalse(), "the lender gave up first")
	}, SpecTimeout(3*time.Minute))

	It("is not moved by a letter that is forged, repeated, late, or too long", func(ctx SpecContext) {
		server, err := l.directory.Connect()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)
		letters, deliveries := make(chan *nats.Msg, 1000), make(chan *nats.Msg, 1000)
		for subject, kept := range map[string]chan *nats.Msg{hub.LetterSubjects + ".>": letters, hub.DeliverySubjects + ".>": deliveries} {
			_, err = server.ChanSubscribe(subject, kept)
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(server.Flush()).To(Succeed())
		device := &virtual{}
		device.lend(attic, "lamp", s)
		lane := borrow(ctx, garage, "attic", "lamp")
		for n := range 5 {
			result, err := lane.Run(ctx, trial(n+1, "ads"))
			Expect(err).NotTo(HaveOccurred())
			Expect(result.Trial.Number).To(Equal(n + 1))
		}
		again := func(kept chan *nats.Msg) {
			for range len(kept) {
				message := <-kept
				copied := nats.NewMsg(message.Subject)
				copied.Data, copied.Header = message.Data, maps.Clone(message.Header)
				Expect(server.PublishMsg(copied)).To(Succeed())
			}
		}
		By("sending everything again")
		again(letters)
		again(deliveries)
		Expect(server.Flush()).To(Succeed())
		_, err = lane.Run(ctx, trial(6, "ads"))
		Expect(err).NotTo(HaveOccurred())
		Expect(device.carriedOut()).To(Equal([]int{1, 2, 3, 4, 5, 6}))
		lane.Close()
		Expect(device.isOpen()).To(BeFalse())

		By("sending it again when the session is over")
		again(letters)
		again(deliveries)
		Expect(server.Flush()).To(Succeed())
		next := borrow(ctx, garage, "attic", "lamp")
		Expect(device.opened).To(Equal(2))

		By("writing as another agent")
		thief := l.link("thief", s)
		body := fmt.Appendf(nil, `{"instance": "x", "to": "attic", "ask": {"device": "lamp", "session": "mine", "number": 1, "over": true}}`)
		forged := nats.NewMsg(hub.LetterSubjects + ".garage")
		forged.Data = body
		Expect(thief.Sign(forged)).To(Succeed())
		Expect(thief.Connection().PublishMsg(forged)).To(Succeed())
		Eventually(s.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("the hub does not allow it")))
		Expect(server.PublishMsg(forged)).To(Succeed())
		Eventually(l.said.texts).WithContext(ctx).Should(ContainElement(ContainSubstring(`"garage": a letter to another agent was not signed by the agent that sent it`)))
		delivered := nats.NewMsg(hub.DeliverySubjects + ".attic")
		delivered.Data = body
		Expect(thief.Sign(delivered)).To(Succeed())
		Expect(server.PublishMsg(delivered)).To(Succeed())
		Eventually(s.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("this agent's hub did not sign it")))

		By("writing too much, and to nobody")
		long := nats.NewMsg(hub.LetterSubjects + ".thief")
		long.Data = []byte(strings.Repeat(" ", hub.MostLetter+1))
		Expect(thief.Sign(long)).To(Succeed())
		Expect(thief.Connection().PublishMsg(long)).To(Succeed())
		Eventually(l.said.texts).WithContext(ctx).Should(ContainElement(ContainSubstring(`"thief": a letter to another agent is too long`)))
		stray := nats.NewMsg(hub.LetterSubjects + ".thief")
		stray.Data = []byte(`{"to": "nobody"}`)
		Expect(thief.Sign(stray)).To(Succeed())
		Expect(thief.Connection().PublishMsg(stray)).To(Succeed())
		Eventually(l.said.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("the agent that it is for does not exist")))
		_, err = next.Run(ctx, trial(7, "ads"))
		Expect(err).NotTo(HaveOccurred())
		Expect(device.opened).To(Equal(2))
		Expect(device.carriedOut()).To(Equal([]int{1, 2, 3, 4, 5, 6, 7}))
	}, SpecTimeout(time.Minute))
})
