package harness_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("what can be replaced", func() {
	type reach = func(string) bool
	clock := formula{
		contacts: []string{"cloud", "ads", "time1", "time2", "time3"},
		content:  []string{"time1", "time2", "time3"},
		scenarios: map[string]func(reach) bool{
			"app":  func(r reach) bool { return r("cloud") && (r("time1") || r("time2")) && r("time3") },
			"hass": func(r reach) bool { return r("time3") },
		},
	}
	run := func(device formula, change ...func(*harness.Experiment)) harness.Run {
		GinkgoHelper()
		e := &harness.Experiment{Run: newRun(device), Lanes: []harness.Lane{&lane{device: device}}, Journal: &memory{}}
		e.Run.Settings.StandIns = harness.StandIns()
		for _, f := range change {
			f(e)
		}
		Expect(e.Do(context.Background())).To(Succeed())
		return e.Run
	}
	replaceable := func(done harness.Run, column int) map[string][]harness.StandIn {
		found := map[string][]harness.StandIn{}
		for d, cell := range harness.Judge(done).Columns[column].Cells {
			if cell.Replaceable != nil {
				found[d.Name[:len(d.Name)-len(".example")]] = cell.Replaceable
			}
		}
		return found
	}
	asked := func(done harness.Run) (trials []harness.Trial) {
		for _, result := range done.Results {
			if len(result.Trial.StandIns) > 0 && len(result.Trial.Ways) == 0 {
				trials = append(trials, result.Trial)
			}
		}
		return trials
	}
	gentle := func(done harness.Run) (trials []harness.Trial) {
		for _, result := range done.Results {
			if len(result.Trial.Ways) > 0 {
				trials = append(trials, result.Trial)
			}
		}
		return trials
	}
	ntp := []harness.StandIn{harness.TimeServer}

	It("is found by one trial for all of it, if that works", func() {
		done := run(clock)
		Expect(done.Status).To(Equal(harness.Complete))
		Expect(replaceable(done, 0)).To(Equal(map[string][]harness.StandIn{"time1": ntp, "time2": ntp, "time3": ntp}))
		Expect(replaceable(done, 1)).To(Equal(map[string][]harness.StandIn{"time3": ntp}))
		cells := harness.Judge(done).Columns[0].Cells
		Expect(cells[destination("time3")].Verdict).To(Equal(harness.Required), "it is needed as before")
		Expect(cells[destination("time3")].Why).To(ContainSubstring("with a time server of the gateway's own that answered, it worked in trial "))
		Expect(cells[destination("time1")].Verdict).To(Equal(harness.Alternative))
		Expect(cells[destination("cloud")].Verdict).To(Equal(harness.Required))

		trials := asked(done)
		Expect(trials).To(HaveLen(1))
		last := trials[0]
		Expect(last.Block).To(ConsistOf(destination("ads"), destination("time1"), destination("time2"), destination("time3")))
		Expect(last.StandIns).To(HaveLen(3), "the advertisements are blocked without one")
		Expect(harness.Judge(done).Outside).To(HaveExactElements(harness.Outside{
			Columns: []string{"app", "hass"}, Left: []harness.Destination{destination("cloud")}, StandIns: ntp,
			Replaced: []harness.Replaced{
				{Destination: destination("time1"), StandIn: harness.TimeServer}, {Destination: destination("time2"), StandIn: harness.TimeServer},
				{Destination: destination("time3"), StandIn: harness.TimeServer},
			},
			Trial: last.Number, Held: done.Results[len(done.Results)-1].Held,
		}))
	})

	It("may be all that the device needs from outside", func() {
		device := clock
		device.scenarios = map[string]func(reach) bool{"hass": clock.scenarios["hass"]}
		done := run(device)
		Expect(harness.Judge(done).Outside).To(HaveExactElements(HaveField("Left", BeEmpty())))
	})

	It("is nothing if the device is not content with the answer", func() {
		device := clock
		device.content = nil
		done := run(device)
		Expect(done.Status).To(Equal(harness.Complete))
		Expect(replaceable(done, 0)).To(BeEmpty())
		Expect(harness.Judge(done).Outside).To(BeEmpty())
		Expect(asked(done)).To(HaveLen(3), "all at once, and each cut")
	})

	It("is nothing if the stand-in was not used, though everything worked", func() {
		unused := &lane{device: clock, after: func(r *harness.Result) { r.Seen.StoodIn = nil }}
		done := run(clock, func(e *harness.Experiment) { e.Lanes = []harness.Lane{unused} })
		Expect(done.Status).To(Equal(harness.Complete))
		Expect(replaceable(done, 0)).To(BeEmpty())
		Expect(asked(done)).To(HaveLen(6), "all at once, and each cut, and all of these once more")
	})

	It("is tried cut by cut if all at once does not work, and then all that can be", func() {
		half := clock
		half.content = []string{"time3"}
		done := run(half)
		Expect(replaceable(done, 0)).To(Equal(map[string][]harness.StandIn{"time3": ntp}))
		trials := asked(done)
		Expect(trials).To(HaveLen(4), "all at once, each cut, and what can be replaced")
		Expect(trials[3].StandIns).To(Equal(map[harness.Destination]harness.StandIn{destination("time3"): harness.TimeServer}))
		Expect(harness.Judge(done).Outside).To(HaveExactElements(And(
			HaveField("Left", ConsistOf(destination("cloud"), Or(Equal(destination("time1")), Equal(destination("time2"))))),
			HaveField("Trial", trials[3].Number))))
	})

	It("is tried for no more than twelve cuts one by one", Label("norace"), func() {
		crowd := formula{scenarios: map[string]func(reach) bool{"app": func(r reach) bool {
			for i := range 13 {
				if !r(fmt.Sprint("time", i)) {
					return false
				}
			}
			return true
		}}}
		for i := range 13 {
			crowd.contacts = append(crowd.contacts, fmt.Sprint("time", i))
		}
		done := run(crowd)
		Expect(harness.Judge(done).Columns[0].Cuts).To(HaveLen(13))
		Expect(asked(done)).To(HaveLen(1+12), "all at once, and twelve cuts")
		Expect(done.Status).To(Equal(harness.Complete))
	})

	It("is asked again while trials may not be used, and then given up", func() {
		for busy, want := range map[int]int{3: 4, 100: 8} {
			seen := 0
			stalling := &lane{device: clock, after: func(r *harness.Result) {
				if len(r.Trial.StandIns) == 0 {
					return
				}
				if seen++; seen <= busy {
					r.Suspect = "this machine was too busy"
				}
			}}
			done := run(clock, func(e *harness.Experiment) { e.Lanes = []harness.Lane{stalling} })
			Expect(len(asked(done))).To(BeNumerically("<=", want))
			Expect(harness.Judge(done).Outside).To(HaveLen(map[bool]int{true: 1, false: 0}[busy == 3]))
		}
	})

	It("is not known if the stand-in was broken, which is not tried again", func() {
		const why = "the clock of this machine is wrong"
		wrong := &lane{device: clock, after: func(r *harness.Result) {
			for i := range r.Seen.StoodIn {
				r.Seen.StoodIn[i].Doubt, r.Suspect = why, why
			}
		}}
		done := run(clock, func(e *harness.Experiment) { e.Lanes = []harness.Lane{wrong} })
		Expect(done.Status).To(Equal(harness.Complete))
		Expect(asked(done)).To(HaveLen(1))
		judgement := harness.Judge(done)
		Expect(judgement.Outside).To(BeEmpty())
		Expect(replaceable(done, 0)).To(BeEmpty())
		cells := judgement.Columns[0].Cells
		Expect(cells[destination("time3")].Why).To(HaveSuffix("Whether your own time server would do is not known, since the gateway's was broken: " + why + "."))
		Expect(cells[destination("cloud")].Why).NotTo(ContainSubstring(why))
		Expect(cells[destination("ads")].Why).NotTo(ContainSubstring(why))
	})

	It("gets no headline if all at once does not work", func() {
		strained := &lane{device: clock, after: func(r *harness.Result) {
			if len(r.Trial.StandIns) == 3 {
				r.Outcomes["app"] = harness.Outcome{Answer: harness.Fail}
			}
		}}
		done := run(clock, func(e *harness.Experiment) { e.Lanes = []harness.Lane{strained} })
		Expect(done.Status).To(Equal(harness.Complete))
		Expect(replaceable(done, 0)).To(HaveLen(3))
		Expect(harness.Judge(done).Outside).To(BeEmpty())
	})

	It("is found though a person keeps something reachable, and stays known if that is ordered later", func() {
		keep := func(word string) []harness.Order {
			return []harness.Order{{Do: harness.Keep, Destination: destination(word)}}
		}
		left := func(done harness.Run) []harness.Destination {
			outside := harness.Judge(done).Outside
			Expect(outside).To(HaveLen(1))
			return outside[0].Left
		}
		for _, word := range []string{"ads", "time1"} {
			done := run(clock, func(e *harness.Experiment) { e.Run.Orders = keep(word) })
			Expect(done.Status).To(Equal(harness.Complete))
			Expect(left(done)).To(ConsistOf(destination("cloud"), destination(word)))
			Expect(replaceable(done, 0)).To(HaveKey("time3"))
			for _, result := range done.Results {
				Expect(result.Trial.Block).NotTo(ContainElement(destination(word)))
			}
		}
		done := run(clock)
		done.Orders = keep("time1")
		Expect(left(done)).To(ConsistOf(destination("cloud")))
	})

	It("changes no verdict, and is not asked without stand-ins", func() {
		with, without := run(clock), run(clock, func(e *harness.Experiment) { e.Run.Settings.StandIns = nil })
		Expect(asked(without)).To(BeEmpty())
		before, after := harness.Judge(without), harness.Judge(with)
		Expect(after.Safe).To(Equal(before.Safe))
		for i, column := range before.Columns {
			Expect(after.Columns[i].Certified).To(Equal(column.Certified))
			for d, cell := range column.Cells {
				Expect(after.Columns[i].Cells[d].Verdict).To(Equal(cell.Verdict), "%s", d)
				Expect(after.Columns[i].Cells[d].Trials).To(Equal(cell.Trials), "%s", d)
			}
		}
	})

	It("comes once more if a device is noisy", func() {
		noisy := run(clock, func(e *harness.Experiment) { e.Run.Settings.MaxNoise = 0.05 })
		Expect(replaceable(noisy, 1)).To(HaveKey("time3"))
		Expect(asked(noisy)).To(HaveLen(2))
	})

	It("is a TLS server only if that is asked for, and then the device does not verify certificates if it accepts it", func() {
		tls := harness.Destination{Protocol: harness.TCP, Port: 443, Name: "api.example"}
		Expect(harness.StandInsFor([]harness.Destination{tls}, harness.StandIns())).To(BeNil())
		Expect(harness.StandInsFor([]harness.Destination{tls}, harness.AllStandIns())).To(Equal(map[harness.Destination]harness.StandIn{tls: harness.ForeignTLS}))
		Expect(harness.ParseStandIn("tls")).To(Equal(harness.ForeignTLS))

		accepting := 0
		trusting := &lane{device: clock, after: func(r *harness.Result) {
			if len(r.Trial.StandIns) > 0 {
				accepting = r.Trial.Number
				r.Seen.StoodIn = append(r.Seen.StoodIn, harness.StoodIn{Destination: tls, Kind: harness.ForeignTLS, Answers: 2})
				r.Suspect = "it is evidence all the same"
			}
		}}
		done := run(clock, func(e *harness.Experiment) { e.Lanes = []harness.Lane{trusting} })
		Expect(harness.Judge(done).Unverified).To(HaveExactElements(And(HaveField("Destination", tls), HaveField("Trials", ContainElement(accepting)))))
		Expect(harness.Judge(run(clock)).Unverified).To(BeEmpty())
	})

	It("is held to the horizon once, if two trials must agree", func() {
		const hour = time.Hour
		done := run(clock, func(e *harness.Experiment) { e.Run.Settings.Confirm, e.Run.Settings.Horizon = 2, hour })
		Expect(asked(done)).To(HaveExactElements(HaveField("Hold", BeNumerically(">=", hour)), HaveField("Hold", BeNumerically("<", hour))))
		Expect(harness.Judge(done).Outside).To(HaveLen(1))
	})

	It("is found by several lanes together", func() {
		done := run(clock, func(e *harness.Experiment) {
			e.Run.Settings.Lanes, e.Lanes = 2, []harness.Lane{&lane{device: clock}, &lane{device: clock}}
		})
		Expect(asked(done)).To(HaveLen(1))
		Expect(harness.Judge(done).Outside).To(HaveLen(1))

		picky := clock
		picky.content = nil
		done = run(picky, func(e *harness.Experiment) {
			e.Run.Settings.Lanes, e.Lanes = 2, []harness.Lane{&lane{device: picky}, &lane{device: picky}}
		})
		Expect(done.Status).To(Equal(harness.Complete))
		Expect(asked(done)).To(HaveLen(3))
	})

	It("counts in what is left to do", func() {
		done, last := run(clock), 0
		for i, result := range done.Results {
			if len(result.Trial.StandIns) == 0 {
				continue
			}
			before := done
			before.Results = done.Results[:i]
			Expect(harness.ProgressOf(before).Left).To(BeNumerically(">", 0), "before trial %d", result.Trial.Number)
			last = i
		}
		Expect(last).To(Equal(len(done.Results) - 1))
		Expect(harness.ProgressOf(done).Left).To(BeZero())
	})

	It("is reached by its name if that is enough, which one trial for all of it shows", func() {
		done := run(clock)
		trials := gentle(done)
		Expect(trials).To(HaveLen(1))
		Expect(trials[0].Ways).To(Equal(map[harness.Destination]harness.Way{
			destination("time1"): harness.WayName, destination("time2"): harness.WayName, destination("time3"): harness.WayName,
		}))
		for _, column := range harness.Judge(done).Columns {
			for d, cell := range column.Cells {
				if cell.Replaceable != nil {
					Expect(cell.Ways).To(Equal([]harness.Way{harness.WayName, harness.WayRedirect}), "%s", d)
					Expect(cell.Why).To(HaveSuffix(fmt.Sprintf("It was enough to answer its name with the gateway's address, in trial %d.", trials[0].Number)))
				} else {
					Expect(cell.Ways).To(BeEmpty(), "%s", d)
				}
			}
		}
	})

	It("is reached by redirection alone if the device does not go where its name leads, or nothing came there", func() {
		one := clock
		one.deaf = []string{"time3"}
		done := run(one)
		Expect(gentle(done)).To(HaveLen(1))
		for _, column := range harness.Judge(done).Columns {
			Expect(column.Cells[destination("time3")].Ways).To(Equal([]harness.Way{harness.WayRedirect}))
			Expect(column.Cells[destination("time3")].Why).To(HaveSuffix("Its packets were redirected to the gateway."))
		}
		unused := &lane{device: clock, after: func(r *harness.Result) {
			if len(r.Trial.Ways) > 0 {
				r.Seen.StoodIn = nil
			}
		}}
		done = run(clock, func(e *harness.Experiment) { e.Lanes = []harness.Lane{unused} })
		Expect(harness.Judge(done).Columns[1].Cells[destination("time3")].Ways).To(Equal([]harness.Way{harness.WayRedirect}), "though everything worked")
	})

	It("is named by DHCP if the device asks for that, and that may be enough for some of it", func() {
		some := clock
		some.leased = []string{"time3"}
		done := run(some)
		trials := gentle(done)
		Expect(trials).To(HaveLen(2))
		Expect(trials[0].Ways).To(HaveKeyWithValue(destination("time1"), harness.WayOption))
		columns := harness.Judge(done).Columns
		Expect(columns[0].Cells[destination("time3")].Ways).To(Equal([]harness.Way{harness.WayName, harness.WayRedirect}), "the app needs another one, too")
		Expect(columns[1].Cells[destination("time3")].Ways).To(Equal([]harness.Way{harness.WayOption, harness.WayName, harness.WayRedirect}))
		Expect(columns[1].Cells[destination("time3")].Why).To(HaveSuffix(fmt.Sprintf("It was enough to name the gateway as the time server by DHCP (option 42), in trial %d.", trials[0].Number)))
	})

	It("takes the time for two renewals of the lease, in the estimate too", func() {
		some := clock
		some.leased = []string{"time3"}
		done := run(some)
		first := slices.IndexFunc(done.Results, func(r harness.Result) bool { return len(r.Trial.StandIns) > 0 })
		option := slices.IndexFunc(done.Results, func(r harness.Result) bool { return r.Trial.OffersTime() })
		Expect(option).To(BeNumerically(">", first))
		estimate := func(trials int, lease time.Duration) time.Duration {
			early := done
			early.Status, early.Results = harness.Running, slices.Clone(done.Results[:trials])
			early.Results[0].Seen.Renewal = lease
			return harness.ProgressOf(early).Remaining
		}
		for trials, renewals := range map[int]time.Duration{first: 2, option: 2, option + 1: 0} {
			Expect(estimate(trials, renewal)-estimate(trials, 0)).To(Equal(renewals*renewal), "after %d of %d trials", trials, len(done.Results))
		}
	})

	It("is not reached by its name if the device only takes it for what was redirected", func() {
		const bare = "203.0.113.9"
		either := formula{
			contacts: []string{"time1", bare}, content: []string{"time1", bare}, deaf: []string{"time1"},
			scenarios: map[string]func(reach) bool{"app": func(r reach) bool { return r("time1") || r(bare) }},
		}
		done := run(either)
		trials := gentle(done)
		Expect(trials).To(HaveLen(1))
		Expect(trials[0].Block).To(HaveLen(2))
		Expect(trials[0].StandIns).To(HaveLen(1), "the other would prove nothing of the name")
		for _, d := range trials[0].Block {
			Expect(harness.Judge(done).Columns[0].Cells[d].Ways).To(Equal([]harness.Way{harness.WayRedirect}), "%s", d)
		}
	})

	It("is tried by its name only if nothing has that name that is not blocked", func() {
		shared := formula{
			contacts: []string{"timecloud", "cloud"}, content: []string{"timecloud"},
			scenarios: map[string]func(reach) bool{"app": func(r reach) bool { return r("timecloud") && r("cloud") }},
		}
		other := harness.Destination{Protocol: "tcp", Port: 8883, Name: "timecloud.example"}
		also := &lane{device: shared, after: func(r *harness.Result) {
			r.Seen.Contacts = append(r.Seen.Contacts, harness.Contact{Destination: other, Tries: 1, Answered: true})
			for _, d := range r.Trial.Block {
				if d == other {
					r.Outcomes["app"] = harness.Outcome{Answer: harness.Fail}
				}
			}
		}}
		done := run(shared, func(e *harness.Experiment) { e.Lanes = []harness.Lane{also} })
		Expect(asked(done)).To(HaveLen(1))
		Expect(gentle(done)).To(BeEmpty())
		Expect(harness.Judge(done).Columns[0].Cells[destination("timecloud")].Ways).To(Equal([]harness.Way{harness.WayRedirect}))
	})

	It("is reached by its name under a fault that blocks names, and only what has none is redirected", func() {
		const bare = "203.0.113.9"
		byName := func(e *harness.Experiment) { e.Run.Settings.Faults = []harness.Fault{harness.NXDomain} }
		both := formula{
			contacts: []string{"time1", bare, "cloud"}, content: []string{"time1", bare},
			scenarios: map[string]func(reach) bool{
				"app":  func(r reach) bool { return r("time1") && r(bare) && r("cloud") },
				"hass": func(r reach) bool { return r("time1") || r(bare) },
			},
		}
		done := run(both, byName)
		Expect(gentle(done)).To(BeEmpty(), "the first trial was that already")
		Expect(asked(done)).To(HaveLen(1))
		columns := harness.Judge(done).Columns
		time1, address := columns[0].Cells[destination("time1")], columns[0].Cells[destination(bare)]
		Expect(time1.Ways).To(Equal([]harness.Way{harness.WayName}), "redirection was not tried")
		Expect(time1.Why).To(HaveSuffix(fmt.Sprintf("It was enough to answer its name with the gateway's address, in trial %d.", asked(done)[0].Number)))
		Expect(address.Ways).To(Equal([]harness.Way{harness.WayRedirect}))
		Expect(address.Why).To(HaveSuffix("Its packets were redirected to the gateway."))
		Expect(columns[1].Cells[destination("time1")].Ways).To(Equal([]harness.Way{harness.WayRedirect}), "both were used")
		Expect(columns[1].Cells[destination("time1")].Why).To(HaveSuffix("what has no name was redirected there."))
		Expect(harness.Judge(done).Outside).To(HaveExactElements(HaveField("Left", []harness.Destination{destination("cloud")})))

		both.heard = "time1" // by what it says in the handshake: its address is blocked, and redirected
		Expect(harness.Judge(run(both, byName)).Columns[0].Cells[destination("time1")].Ways).To(Equal([]harness.Way{harness.WayRedirect}))
	})

	It("is never asked of a gateway that cannot stand in: the trial is an error", func() {
		bench := &harness.Bench{Gateway: &gateway{}, Timing: timing}
		_, err := bench.Run(context.Background(), harness.Trial{
			Number: 1, Block: []harness.Destination{destination("time1")}, Fault: harness.Reject,
			StandIns: map[harness.Destination]harness.StandIn{destination("time1"): harness.TimeServer},
		})
		Expect(err).To(MatchError(ContainSubstring("leave out --stand-ins")))
	})
})
