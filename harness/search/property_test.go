package search_test

import (
	"math/rand/v2"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// eachSystem tries a property on the random systems, with their kinds as options. System i is
// the same in every run, and the randomness it is handed is its own. The worlds take most of
// the time, so the plan of most systems with many destinations goes without them.
func eachSystem(property func(i int, system systems.System, options search.Options, random *rand.Rand)) {
	const few = 9
	for i := range *drawn {
		random := rand.New(rand.NewPCG(2018, uint64(i)))
		system := systems.Random(random)
		kinds := kindsOf(system, i%4, rand.New(rand.NewPCG(2026, uint64(i))))
		property(i, system, search.Options{Services: kinds, Quick: system.N >= few && i%100 != 0}, random)
	}
}

var _ = Describe("Any monotone system", func() {
	It("is explained exactly, with proof of every verdict", func() {
		eachSystem(func(i int, system systems.System, options search.Options, random *rand.Rand) {
			options.Exact = true
			out := systems.Experiment{System: system, Options: options}.Run()
			Expect(out.Explanation.Certified).To(Equal("exact"), "system %d: %v", i, system)
			Expect(system.Right(out.Explanation)).To(BeTrue(), "system %d: %v", i, system)
			expectProof(system, out)
		})
	})

	It("is never asked what is implied already, nor what it would not be asked again after a restart", func() {
		eachSystem(func(i int, system systems.System, options search.Options, random *rand.Rand) {
			options.Order, options.Exact = 1+i%3, i%2 == 0
			out := systems.Experiment{System: system, Options: options}.Run()
			for n, answer := range out.Knowledge {
				before := out.Knowledge[:n]
				Expect(search.Settled(before, system.Order(), answer.Blocked, search.Options{})).To(BeFalse())
				q, _ := search.Next(before, system.Order(), nil, options)
				Expect(q.Block).To(Equal(answer.Blocked))
			}
		})
	})

	It("is explained to order 2, except for cuts of three alternatives or more", func() {
		incomplete := 0
		eachSystem(func(i int, system systems.System, options search.Options, random *rand.Rand) {
			out := systems.Experiment{System: system, Options: options}.Run()
			Expect(out.Explanation.Certified).To(BeElementOf("exact", "order 2"))
			Expect(system.Sound(out.Explanation)).To(BeTrue(), "system %d: %v", i, system)
			expectOrder(system, out.Explanation, 2)
			if !system.Right(out.Explanation) {
				incomplete++
			}
		})
		Expect(incomplete).To(BeNumerically("<=", share(0.005)))
	})

	It("takes fewer trials than its bound, however far it is proved", func() {
		closest := 0.0
		eachSystem(func(i int, system systems.System, options search.Options, random *rand.Rand) {
			options.Order, options.Exact = 1+i%3, i%2 == 0
			out := systems.Experiment{System: system, Options: options, Touches: i%3 == 0, Random: random}.Run()
			bound := search.Bound(out.Knowledge, system.Order(), options)
			Expect(out.Trials).To(BeNumerically("<", bound), "system %d: %v", i, system)
			closest = max(closest, float64(out.Trials)/float64(bound))
		})
		AddReportEntry("trials, at most, as a share of the bound", closest)
	})

	It("is explained from failures that narrow to what was touched", func() {
		eachSystem(func(i int, system systems.System, options search.Options, random *rand.Rand) {
			options.Exact = true
			out := systems.Experiment{System: system, Options: options, Touches: true, Random: random}.Run()
			Expect(system.Right(out.Explanation)).To(BeTrue(), "system %d: %v", i, system)
		})
	})

	It("is explained when destinations show up in the middle", func() {
		eachSystem(func(i int, system systems.System, options search.Options, random *rand.Rand) {
			var knowledge []search.Answer
			known := 1 + random.IntN(system.N)
			options.Exact = true
			for {
				q, ok := search.Next(knowledge, system.Order()[:known], nil, options)
				if !ok && known == system.N {
					break
				}
				if ok {
					knowledge = append(knowledge, answer(len(knowledge)+1, !system.Fails(q.Block), q.Block.Members()...))
				}
				known = min(system.N, known+random.IntN(3))
			}
			Expect(system.Right(search.Explain(knowledge, system.Order(), options))).To(BeTrue(), "system %d: %v", i, system)
		})
	})

	It("is explained alike on any number of lanes", func() {
		eachSystem(func(i int, system systems.System, options search.Options, random *rand.Rand) {
			options.Exact = true
			out := systems.Experiment{System: system, Options: options, Lanes: 2 + i%3, Random: random}.Run()
			Expect(out.Explanation.Certified).To(Equal("exact"))
			Expect(system.Right(out.Explanation)).To(BeTrue(), "system %d: %v", i, system)
		})
	})

	DescribeTable("is explained through noise",
		func(falseFail, falsePass, wrongShare, ratio float64) {
			wrong, trials, noiseless := 0, 0, 0
			eachSystem(func(i int, system systems.System, _ search.Options, random *rand.Rand) {
				options := search.Options{Exact: true, Quick: true}
				noiseless += systems.Experiment{System: system, Options: options}.Run().Trials
				options.MaxNoise, options.Careful, options.FalseFail, options.FalsePass = 0.2, true, falseFail, falsePass
				out := systems.Experiment{System: system, Options: options, FalseFail: falseFail, FalsePass: falsePass, Random: random}.Run()
				trials += out.Trials
				if !system.Right(out.Explanation) {
					wrong++
				}
			})
			AddReportEntry("wrong systems, trials, trials without noise", []int{wrong, trials, noiseless})
			Expect(wrong).To(BeNumerically("<=", share(wrongShare)))
			Expect(float64(trials)).To(BeNumerically("<", ratio*float64(noiseless)))
		},
		Entry("of 5 % false failures", 0.05, 0.005, 0.005, 1.6),
		Entry("of 10 % false failures", 0.10, 0.01, 0.006, 2.2),
		Entry("of 5 % both ways", 0.05, 0.05, 0.01, 2.35),
	)
})

// share is the number of systems that may be wrong: never under 1, since a
// quick run draws few.
func share(of float64) int { return max(1, int(of*float64(*drawn))) }

// expectProof checks each certificate against the journal.
func expectProof(system systems.System, out systems.Outcome) {
	GinkgoHelper()
	e := out.Explanation
	trial := func(number int) search.Answer {
		if number == 0 {
			return search.Answer{Passed: true} // a control
		}
		return out.Knowledge[number-1]
	}
	var members search.Set
	for _, cut := range e.Cuts {
		members = members.Union(cut.Members)
		Expect(cut.Trials).NotTo(BeEmpty())
		for _, number := range cut.Trials {
			Expect(trial(number).Passed).To(BeFalse())
			Expect(trial(number).Blocked).To(Equal(cut.Members))
		}
		for j, number := range cut.Proof {
			Expect(trial(number).Passed).To(BeTrue())
			Expect(cut.Members.Without(cut.Members.Members()[j]).SubsetOf(trial(number).Blocked)).To(BeTrue())
		}
	}
	Expect(trial(e.SafeTrial).Passed).To(BeTrue())
	Expect(e.Safe.SubsetOf(trial(e.SafeTrial).Blocked)).To(BeTrue())
	for _, x := range search.All(system.N).Minus(e.Safe).Members() {
		Expect(system.Fails(e.Safe.With(x))).To(BeTrue(), "the safe list %v could hold %d", e.Safe, x)
	}
	Expect(members.Union(e.Optional)).To(Equal(search.All(system.N)))
	Expect(members.Intersects(e.Optional)).To(BeFalse())
	Expect(e.Undecided.Union(e.NotExercised)).To(Equal(search.Set{}))
	Expect(e.Open).To(BeEmpty())
}

// expectOrder checks the sentence of an order: a cut that is not listed holds
// more of the listed alternatives than the order.
func expectOrder(system systems.System, e search.Explanation, order int) {
	GinkgoHelper()
	var alternatives search.Set
	listed := map[string]bool{}
	for _, cut := range e.Cuts {
		listed[cut.Members.String()] = true
		if cut.Members.Len() > 1 {
			alternatives = alternatives.Union(cut.Members)
		}
	}
	for _, cut := range system.Cuts {
		if !listed[cut.String()] {
			Expect(cut.Intersect(alternatives).Len()).To(BeNumerically(">", order))
		}
	}
}

// kindsOf makes so many kinds for the destinations of a system; none if it is 0. Each group of
// alternatives is of one kind if others do not overlap it.
func kindsOf(system systems.System, most int, random *rand.Rand) (kinds []int) {
	if most == 0 {
		return nil
	}
	for range system.N {
		kinds = append(kinds, random.IntN(most))
	}
	for _, cut := range system.Cuts {
		kind := random.IntN(most)
		for _, x := range cut.Members() {
			kinds[x] = kind
		}
	}
	return kinds
}
