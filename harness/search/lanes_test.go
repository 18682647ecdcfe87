package search_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// answer is a trial in which all that was blocked was touched and attempted.
func answer(trial int, passed bool, blocked ...int) search.Answer {
	set := search.Of(blocked...)
	return search.Answer{Trial: trial, Blocked: set, Touched: set, Attempted: set, Passed: passed}
}

var _ = Describe("Further lanes", func() {
	order := search.All(24).Members()
	knowledge := []search.Answer{answer(1, false, order...)}

	It("try disjoint suspects first, by the rules alone", func() {
		var inflight []search.Set
		var tried search.Set
		for range 4 {
			q, ok := search.Next(knowledge, order, inflight, search.Options{Quick: true})
			Expect(ok).To(BeTrue())
			Expect(q.Reason).To(Equal(search.Halve))
			Expect(q.Block.Intersects(tried)).To(BeFalse())
			tried = tried.Union(q.Block)
			inflight = append(inflight, q.Block)
		}
	})

	It("are asked what the trials in flight will hardly tell", func() {
		var inflight []search.Set
		for range 4 {
			q, ok := search.Next(knowledge, order, inflight, search.Options{})
			Expect(ok).To(BeTrue())
			Expect(inflight).NotTo(ContainElement(q.Block))
			Expect(q.Needed).To(BeNumerically(">", 0.8), "of what is new when the others have ended")
			Expect(q.Fails).To(BeNumerically("~", 0.5, 0.25))
			inflight = append(inflight, q.Block)
		}
	})

	It("are never given what another lane is trying, and rest when nothing is left", func() {
		few := []search.Answer{answer(1, false, 0, 1, 2)}
		var inflight []search.Set
		for range 40 {
			q, ok := search.Next(few, []int{0, 1, 2}, inflight, search.Options{Exact: true})
			if !ok {
				break
			}
			Expect(inflight).NotTo(ContainElement(q.Block))
			inflight = append(inflight, q.Block)
		}
		Expect(len(inflight)).To(BeNumerically("<", 8), "three destinations have seven sets to block")
	})

	It("are asked for a proof that hardly anything speaks against, while another lane confirms a cut", func() {
		all := search.All(20)
		working := all.Minus(search.Of(0, 1))
		knowledge := []search.Answer{answer(1, false, 0), answer(2, false, 1), answer(3, false, 2, 3, 4, 5), answer(4, true, 2, 3, 4)}
		for i, x := range []int{2, 3, 4} {
			knowledge = append(knowledge, answer(5+i, true, working.Without(x).Members()...))
		}
		q, ok := search.NextOfAll([][]search.Answer{knowledge}, all.Members(), []search.Set{search.Of(2, 3, 4, 5)}, search.Options{Exact: true, Confirm: 2})
		Expect(ok).To(BeTrue())
		Expect(q.Block).To(Equal(working.Without(5)))
		Expect(q.Needed).To(BeNumerically(">", 0.9))
	})

	It("work on what follows while the first trial runs", func() {
		q, ok := search.Next(nil, order, []search.Set{search.Of(order...)}, search.Options{})
		Expect(ok).To(BeTrue())
		Expect(q.Block.Len()).To(BeNumerically("<", len(order)))
	})

	It("audit the kinds of service before they guess", func() {
		options := search.Options{Audits: 1, Services: []int{0, 0, 0, 1, 1, 1}}
		q, _ := search.Next(nil, search.All(6).Members(), []search.Set{search.All(6)}, options)
		Expect(q.Needed).To(BeNumerically("<", 0.9))
		q, ok := search.NextOfAll([][]search.Answer{nil}, search.All(6).Members(), []search.Set{search.All(6)}, options)
		Expect(ok).To(BeTrue())
		Expect(q.Reason).To(Equal(search.Audit))
		Expect(q.Block).To(Equal(search.Of(0, 1, 2)))
	})

	It("try the safe list beside the last audits", func() {
		knowledge := [][]search.Answer{{answer(1, false, 0, 1, 2, 3, 4), answer(2, true, 1, 2, 3, 4), answer(3, false, 0)}}
		var inflight []search.Set
		var reasons []string
		for range 10 {
			q, ok := search.NextOfAll(knowledge, search.All(5).Members(), inflight, search.Options{Audits: 2})
			if !ok {
				break
			}
			inflight = append(inflight, q.Block)
			reasons = append(reasons, q.Reason)
		}
		Expect(reasons).To(Equal([]string{search.Audit, search.Audit, search.SafeList}))
		Expect(inflight[2]).To(Equal(search.Of(1, 2, 3, 4)))
	})

	It("may give up a trial once its answer is implied", func() {
		knowledge := []search.Answer{answer(1, true, 0, 1, 2), answer(2, false, 3)}
		for _, row := range []struct {
			set     search.Set
			settled bool
		}{{search.Of(0, 2), true}, {search.Of(3, 4), true}, {search.Of(0, 4), false}} {
			Expect(search.Settled(knowledge, order, row.set, search.Options{})).To(Equal(row.settled), row.set.String())
			Expect(search.Settled(knowledge, order, row.set, search.Options{MaxNoise: 0.1})).To(BeFalse())
		}
	})

	It("make a search of twenty destinations more than twice as fast", func() {
		system := systems.System{N: 20, Cuts: []search.Set{search.Of(3), search.Of(9), search.Of(16)}}
		one := systems.Experiment{System: system, Options: search.Options{Exact: true}}.Run()
		four := systems.Experiment{System: system, Options: search.Options{Exact: true}, Lanes: 4}.Run()
		Expect(system.Right(four.Explanation)).To(BeTrue())
		Expect(one.Time / four.Time).To(BeNumerically(">", 2))
	})
})
