package harness_test

import (
	"context"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/search"
)

var _ = Describe("what is contacted only while something else is blocked", func() {
	needs := func(words ...string) func(func(string) bool) bool {
		return func(reached func(string) bool) bool { return slices.ContainsFunc(words, reached) }
	}
	blocks := func(r *harness.Result, words ...string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !slices.Contains(r.Trial.Block, destination(word)) })
	}
	contacts := func(r *harness.Result, word string) {
		contact := harness.Contact{Destination: destination(word), Tries: 1, Answered: true}
		if blocks(r, word) {
			contact = harness.Contact{Destination: destination(word), Tries: 1, Attempts: 1, Touched: 1}
		}
		r.Seen.Contacts = append(r.Seen.Contacts, contact)
	}
	reasons := func(run harness.Run) (reasons []string) {
		for _, result := range run.Results {
			reasons = append(reasons, result.Trial.Reason)
		}
		return reasons
	}
	seenAgain := func(run harness.Run) (n int) {
		for _, reason := range reasons(run) {
			if reason == search.SeeAgain {
				n++
			}
		}
		return n
	}
	done := func(run harness.Run, device formula, after func(*harness.Result)) harness.Run {
		GinkgoHelper()
		experiment := &harness.Experiment{Run: run, Lanes: []harness.Lane{&lane{device: device, after: after}}, Journal: &memory{}}
		Expect(experiment.Do(context.Background())).To(Succeed())
		Expect(experiment.Run.Status).To(Equal(harness.Complete))
		return experiment.Run
	}
	column := func(run harness.Run) harness.ColumnVerdict { return harness.Judge(run).Columns[0] }
	light := formula{contacts: []string{"time"}, scenarios: map[string]func(func(string) bool) bool{"app": needs("time")}}
	pair := formula{contacts: []string{"a", "b"}, scenarios: map[string]func(func(string) bool) bool{"app": needs("a", "b")}}

	It("is optional if that is required, and the cell says so", func() {
		device := light
		device.fallbacks = map[string]string{"check": "time"}
		run := done(newRun(device), device, nil)
		judged := column(run)
		cell := judged.Cells[destination("check")]
		Expect(cell.Verdict).To(Equal(harness.Optional))
		Expect(cell.Why).To(And(HavePrefix("Contacted only while time.example is blocked, which is required: in trials "), HaveSuffix("So it is not needed while the scenario works.")))
		Expect(cell.OnlyWhile).To(Equal([]string{judged.Cuts[0].ID}))
		Expect(cell.Confidence).To(And(BeNumerically(">=", 0.97), BeNumerically("<", 1)), "it might have been a coincidence")
		Expect(judged.Certified).To(Equal("exact"))
		Expect(harness.Judge(run).Safe[0].Destinations).To(BeEmpty(), "no passing trial proves that it may be blocked")
	})

	It("is asked for only until it was seen often enough", func() {
		device := light
		device.contacts = append([]string{"ads", "log", "map", "news", "shop"}, device.contacts...)
		device.fallbacks = map[string]string{"check": "time"}
		run := done(newRun(device), device, nil)
		Expect(column(run).Cells[destination("check")].Verdict).To(Equal(harness.Optional))
		Expect(seenAgain(run)).To(BeNumerically("<", 3))
	})

	It("is optional if that is a whole group of alternatives", func() {
		run := done(newRun(pair), pair, func(r *harness.Result) {
			if blocks(r, "a", "b") {
				contacts(r, "spare")
			}
		})
		judged := column(run)
		Expect(judged.Cuts).To(HaveLen(1))
		cell := judged.Cells[destination("spare")]
		Expect(cell.Verdict).To(Equal(harness.Optional))
		Expect(cell.Why).To(HavePrefix("Contacted only while all of a.example and b.example are blocked, of which one is needed: "))
		Expect(judged.Certified).To(Equal("exact"))
	})

	It("is optional if that is any of several required ones", func() {
		device := formula{contacts: []string{"a", "b"}, scenarios: map[string]func(func(string) bool) bool{
			"app": func(reached func(string) bool) bool { return reached("a") && reached("b") },
		}}
		run := done(newRun(device), device, func(r *harness.Result) {
			if blocks(r, "a") || blocks(r, "b") {
				contacts(r, "check")
			}
		})
		cell := column(run).Cells[destination("check")]
		Expect(cell.Verdict).To(Equal(harness.Optional))
		Expect(cell.OnlyWhile).To(HaveLen(2))
		Expect(cell.Why).To(ContainSubstring("is blocked, which is required, or while "))
	})

	It("is tried as ever if that is a part of a group", func() {
		run := done(newRun(pair), pair, func(r *harness.Result) {
			if blocks(r, "a") {
				contacts(r, "spare")
			}
		})
		judged := column(run)
		cell := judged.Cells[destination("spare")]
		Expect(cell.Verdict).To(Equal(harness.Optional))
		Expect(cell.OnlyWhile).To(BeEmpty())
		Expect(cell.Attempts).To(BeNumerically(">", 0))
		Expect(judged.Certified).To(Equal("exact"))
		Expect(seenAgain(run)).To(BeZero())
	})

	It("is decided for each column by itself", func() {
		device := light
		device.fallbacks = map[string]string{"check": "time"}
		device.scenarios = map[string]func(func(string) bool) bool{"app": needs("time"), "hass": always}
		columns := harness.Judge(done(newRun(device), device, nil)).Columns
		Expect(columns[0].Cells[destination("check")].OnlyWhile).To(HaveLen(1))
		Expect(columns[1].Cells[destination("check")]).To(And(HaveField("Verdict", harness.Optional), HaveField("OnlyWhile", BeEmpty()), HaveField("Attempts", BeNumerically(">", 0))))
	})

	It("is not decided by a coincidence", func() {
		once := false
		run := done(newRun(light), light, func(r *harness.Result) {
			if blocks(r, "time") && !once {
				once = true
				contacts(r, "hourly")
			}
		})
		judged := column(run)
		Expect(judged.Cells[destination("hourly")].Verdict).To(Equal(harness.NotExercised))
		Expect(judged.Certified).To(Equal("none"))
		Expect(seenAgain(run)).To(Equal(3), "and then the run ends")
	})

	DescribeTable("is not decided if it was contacted otherwise, too",
		func(otherwise func(r *harness.Result) bool) {
			run := done(newRun(light), light, func(r *harness.Result) {
				if blocks(r, "time") || otherwise(r) {
					contacts(r, "check")
					r.Seen.Contacts[len(r.Seen.Contacts)-1].Attempts = 0
				}
			})
			judged := column(run)
			Expect(judged.Cells[destination("check")].Verdict).To(Equal(harness.NotExercised))
			Expect(judged.Certified).To(Equal("none"))
			Expect(seenAgain(run)).To(BeZero(), "it would not help")
		},
		Entry("in the first control", func(r *harness.Result) bool { return r.Trial.Number == 1 }),
		Entry("in a trial that may not be used", func(r *harness.Result) bool {
			if r.Trial.Number != 2 {
				return false
			}
			r.Suspect = "the machine was too busy"
			return true
		}),
	)

	Describe("with a connection that outlasts its trial", func() {
		left := func(r *harness.Result, contact harness.Contact) {
			contact.Destination = destination("check")
			r.Seen.Contacts = append(r.Seen.Contacts, contact)
		}
		// result is the cell of a device that leaves something in trials that do not block
		// what it needs, the first, second and so on after one that does.
		result := func(leave func(r *harness.Result, after int)) harness.Cell {
			device := light
			device.contacts = append([]string{"ads", "log", "map", "news", "shop"}, device.contacts...)
			device.fallbacks = map[string]string{"check": "time"}
			after, left := 0, 0
			run := done(newRun(device), device, func(r *harness.Result) {
				if after++; blocks(r, "time") {
					after = 0
				} else if after < r.Trial.Number-1 {
					before := len(r.Seen.Contacts)
					leave(r, after)
					left += len(r.Seen.Contacts) - before
				}
			})
			Expect(left).To(BeNumerically(">", 0))
			return column(run).Cells[destination("check")]
		}

		It("is decided if that ends in the next, and the cell says so", func() {
			cell := result(func(r *harness.Result, after int) {
				if after == 1 {
					left(r, harness.Contact{Answered: true})
				}
			})
			Expect(cell.Verdict).To(Equal(harness.Optional))
			Expect(cell.Why).To(ContainSubstring("A connection from the trial before was still open in trial"))
		})

		It("is decided if packets of that run into the block of it again and again", func() {
			verdict := func(again ...string) harness.Verdict {
				run := newRun(light)
				for i, block := range [][]string{nil, {"time"}, {"check"}, again, nil, {"time"}, nil, {"time"}, nil} {
					trial := harness.Trial{Number: i + 1, Fault: harness.Reject, Regime: harness.Steady}
					for _, word := range block {
						trial.Block = append(trial.Block, destination(word))
					}
					result, err := (&lane{device: light}).Run(context.Background(), trial)
					Expect(err).NotTo(HaveOccurred())
					if blocks(&result, "time") && len(block) > 0 {
						contacts(&result, "check")
					} else if i == 2 || i == 3 {
						left(&result, harness.Contact{Touched: 1})
					}
					run.Results = append(run.Results, result)
				}
				return column(run).Cells[destination("check")].Verdict
			}
			Expect(verdict("check", "log")).To(Equal(harness.Optional))
		})

		It("is decided if that began before the first trial of the lane, or between two", func() {
			device := light
			device.contacts = append([]string{"ads", "log", "map", "news", "shop"}, device.contacts...)
			device.fallbacks = map[string]string{"check": "time"}
			in := func(trial int, later ...harness.Contact) harness.Verdict {
				run := done(newRun(device), device, func(r *harness.Result) {
					switch r.Trial.Number {
					case trial - 1:
						r.Later = later
					case trial:
						left(r, harness.Contact{Answered: true})
					}
				})
				Expect(run.Results[trial-1].Trial.Control()).To(BeTrue())
				return column(run).Cells[destination("check")].Verdict
			}
			Expect(in(1)).To(Equal(harness.Optional))
			Expect(in(2)).To(Equal(harness.NotExercised))
			Expect(in(2, harness.Contact{Destination: destination("check"), Tries: 1})).To(Equal(harness.Optional), "while the device recovered from the trial before")
		})

		It("is not decided if that lasts longer: the device may use it while everything works", func() {
			cell := result(func(r *harness.Result, after int) {
				if after <= 2 {
					left(r, harness.Contact{Answered: true})
				}
			})
			Expect(cell.Verdict).To(Equal(harness.NotExercised))
		})

		It("is not decided if a new one begins while everything works", func() {
			cell := result(func(r *harness.Result, after int) {
				if after == 1 {
					left(r, harness.Contact{Tries: 1, Answered: true})
				}
			})
			Expect(cell.Verdict).To(Equal(harness.NotExercised))
		})

		It("is decided if the other end sends packets that are stopped, and the device none", func() {
			cell := result(func(r *harness.Result, after int) { left(r, harness.Contact{Touched: 3, Stopped: 3}) })
			Expect(cell.Verdict).To(Equal(harness.Optional))
		})
	})

	It("is the same after a run was interrupted and resumed", func() {
		device := light
		device.fallbacks = map[string]string{"check": "time"}
		whole := done(newRun(device), device, nil)
		for cut := range whole.Results {
			part := newRun(device)
			part.Results = slices.Clone(whole.Results[:cut])
			resumed := done(part, device, nil)
			Expect(column(resumed).Cells[destination("check")].Verdict).To(Equal(harness.Optional))
			Expect(seenAgain(resumed)).To(BeNumerically("<=", 3), "resumed after %d", cut)
		}
	})

	It("is decided on several lanes and with answers that may be wrong", func() {
		device := light
		device.contacts = append([]string{"ads", "log"}, device.contacts...)
		device.fallbacks = map[string]string{"check": "time"}
		run := newRun(device)
		run.Settings.MaxNoise, run.Settings.Lanes = 0.05, 2
		experiment := &harness.Experiment{Run: run, Lanes: []harness.Lane{&lane{device: device}, &lane{device: device}}, Journal: &memory{}}
		Expect(experiment.Do(context.Background())).To(Succeed())
		Expect(column(experiment.Run).Cells[destination("check")].Verdict).To(Equal(harness.Optional))
	})
})
