package search_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
)

var _ = Describe("a fallback", func() {
	// Destination 0 is required; 1 was never tried in a passing trial.
	order := []int{0, 1}
	window := func(trial int, blocked, contacted search.Set) search.Window {
		return search.Window{Trial: trial, Blocked: blocked, Contacted: contacted}
	}
	none, cut, both, other := search.Set{}, search.Of(0), search.Of(0, 1), search.Of(1)
	quiet, seen := search.Of(0), both
	journal := []search.Answer{
		{Trial: 1, Passed: true},
		{Trial: 2, Blocked: cut, Touched: cut, Attempted: cut},
		{Trial: 3, Blocked: other, Passed: true},
		{Trial: 4, Blocked: cut, Touched: cut, Attempted: cut},
	}
	windows := []search.Window{window(1, none, quiet), window(2, cut, seen), window(3, other, quiet), window(4, cut, seen), window(5, none, quiet), window(6, cut, seen), window(7, none, quiet)}
	explain := func(windows []search.Window) search.Explanation {
		return search.Explain(journal, order, search.Options{Exact: true, Windows: windows})
	}

	It("is optional, with what is blocked whenever it is contacted", func() {
		e := explain(windows)
		Expect(e.Optional).To(Equal(other))
		Expect(e.Fallbacks[1].While).To(Equal([]search.Set{cut}))
		Expect(e.Fallbacks[1].Trials).To(Equal([]int{2, 4, 6}))
		Expect(e.Fallbacks[1].Chance).To(BeNumerically("~", 1.0/35, 1e-9))
		Expect(e.Confidence(1)).To(BeNumerically("~", 34.0/35, 1e-9))
		Expect(e.Certified).To(Equal("exact"))
		Expect(search.JointSafe(e).Intersect(other)).To(Equal(none))
	})

	It("is not refuted by what is left of a connection from the trial before, which supports nothing either", func() {
		leftover := search.Window{Trial: 8, Contacted: quiet, Leftover: other}
		e := explain(append(windows[:7:7], leftover))
		Expect(e.Optional).To(Equal(other))
		Expect(e.Fallbacks[1].Leftover).To(Equal([]int{8}))
		Expect(e.Fallbacks[1].All).To(Equal(7))
		leftover.Blocked = cut
		Expect(explain(append(windows[:5:5], leftover, windows[6])).NotExercised).To(Equal(other), "it was seen in two trials only")
		Expect(explain([]search.Window{
			windows[0], windows[2], windows[4], windows[6], window(8, cut, seen), leftover, window(10, cut, seen), window(11, cut, seen),
		}).NotExercised).To(Equal(other), "it was not seen to end")
	})

	DescribeTable("is none",
		func(windows []search.Window) {
			e := explain(windows)
			Expect(e.NotExercised).To(Equal(other))
			Expect(e.Fallbacks).To(BeEmpty())
			Expect(e.Certified).To(Equal("none"))
		},
		Entry("if nothing is known of what was contacted", nil),
		Entry("if it was contacted with nothing blocked", append(windows[:6:6], window(7, none, seen))),
		Entry("if it was contacted while only itself was blocked", append(windows[:6:6], window(7, other, seen))),
		Entry("if it was contacted in a passing trial", append(windows[:7:7], window(3, cut, seen))),
		Entry("if it was contacted otherwise in a trial that may not be used", append(windows[:7:7], search.Window{Trial: 8, Contacted: seen, Void: true})),
		Entry("if it was seen in only one of many windows", append(windows[:3:3], window(4, cut, quiet), windows[4], windows[4], windows[4])),
		Entry("if it was seen in one burst", []search.Window{windows[0], windows[2], windows[4], windows[6], window(8, cut, seen), window(9, cut, seen), window(10, cut, seen)}),
		Entry("if the windows are too few", []search.Window{windows[0], windows[1], windows[2], windows[3]}),
		Entry("if most of the windows that count may not be used", []search.Window{windows[0], windows[1], windows[2], {Trial: 4, Blocked: cut, Contacted: seen, Void: true}, windows[4], windows[6]}),
	)

	It("is supported by nothing that was too short to see it", func() {
		slow := []search.Window{}
		for _, w := range windows {
			w.Lasted, w.After = 5*time.Minute, nil
			if w.Contacted.Intersects(other) {
				w.Lasted, w.After = 17*time.Hour, map[int]time.Duration{1: 9 * time.Hour}
			}
			slow = append(slow, w)
		}
		e := explain(slow)
		Expect(e.NotExercised).To(Equal(other), "once a day is seldom seen in five minutes")
		_, asks := search.Next(journal, order, nil, search.Options{Exact: true, Windows: slow})
		Expect(asks).To(BeFalse(), "seeing it again would tell nothing")
		for i := range slow {
			slow[i].Lasted = max(slow[i].Lasted, 10*time.Hour)
		}
		Expect(explain(slow).Optional).To(Equal(other))
	})

	It("is asked for three times at most, each time by the cut alone", func() {
		known := windows[:3:3]
		for asked := range 3 {
			q, ok := search.Next(journal, order, nil, search.Options{Exact: true, Windows: known})
			Expect(ok).To(BeTrue(), "%d", asked)
			Expect(q.Block).To(Equal(cut))
			Expect(q.Reason).To(Equal(search.SeeAgain))
			known = append(known, search.Window{Trial: 10 + asked, Blocked: cut, Contacted: quiet, Reason: search.SeeAgain})
		}
		_, ok := search.Next(journal, order, nil, search.Options{Exact: true, Windows: known})
		Expect(ok).To(BeFalse())
	})

	It("is not asked for twice at the same time", func() {
		_, ok := search.Next(journal, order, []search.Set{cut}, search.Options{Exact: true, Windows: windows[:3]})
		Expect(ok).To(BeFalse())
	})
})
