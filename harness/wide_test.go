package harness_test

import (
	"context"
	"fmt"
	"net/netip"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("a destination that was seen before the row that covers it", func() {
	every := parsed("udp/*/198.51.100.7")
	port := func(n int) harness.Destination { return parsed(fmt.Sprintf("udp/%d/198.51.100.7", n)) }

	// results are trials of one scenario, in which the device contacts a port after
	// the other until all ports of the address are one row.
	result := func(number int, answer harness.Answer, blocked, seen []harness.Destination) harness.Result {
		r := harness.Result{
			Trial:     harness.Trial{Number: number, Block: blocked, Fault: harness.Reject, Regime: harness.Steady},
			Outcomes:  map[string]harness.Outcome{"app": {Answer: answer}},
			Recovered: true,
		}
		for _, d := range seen {
			c := harness.Contact{Destination: d, Tries: 1}
			for _, b := range blocked {
				if b.Covers(d) {
					c.Attempts, c.Touched = 1, 1
				}
			}
			r.Seen.Contacts = append(r.Seen.Contacts, c)
		}
		return r
	}
	judged := func(results ...harness.Result) harness.Judgement {
		run := newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}})
		run.Results = results
		return harness.Judge(run)
	}
	list := func(all ...harness.Destination) []harness.Destination { return all }

	It("is part of that row", func() {
		judgement := judged(
			result(1, harness.Pass, nil, list(port(20001), port(20002))),
			result(2, harness.Pass, nil, list(every)),
			result(3, harness.Pass, list(every), list(every)),
		)
		Expect(judgement.Rows).To(HaveLen(1))
		Expect(judgement.Rows[0].Contact).To(And(HaveField("Destination", every), HaveField("Tries", 4)))
		Expect(judgement.Columns[0].Cells).To(HaveLen(1))
		Expect(judgement.Columns[0].Cells[every]).To(And(HaveField("Verdict", harness.Optional), HaveField("Attempts", 1)))
	})

	It("proves nothing for the row by passing while it was blocked", func() {
		judgement := judged(
			result(1, harness.Pass, nil, list(port(20001))),
			result(2, harness.Pass, list(port(20001)), list(port(20001), port(20002))),
			result(3, harness.Fail, list(every), list(every)),
			result(4, harness.Pass, nil, list(every)),
		)
		Expect(judgement.Columns[0].Cells[every].Verdict).To(Equal(harness.Required))
		Expect(judgement.Safe[0].Destinations).To(BeEmpty())
	})

	It("proves by failing while it was blocked that the row is needed", func() {
		judgement := judged(
			result(1, harness.Pass, nil, list(port(20001))),
			result(2, harness.Fail, list(port(20001)), list(port(20001))),
			result(3, harness.Pass, nil, list(every)),
		)
		Expect(judgement.Columns[0].Cells[every]).To(And(HaveField("Verdict", harness.Required), HaveField("Attempts", 1)))
	})

	It("is found in what was seen of the row", func() {
		seen := result(1, harness.Pass, nil, list(every)).Seen
		_, ok := seen.Contact(port(20001))
		Expect(ok).To(BeTrue())
	})

	It("leaves no row of its own once the run is over", func() {
		lane := laneOf(func(trial harness.Trial) harness.Result {
			seen := list(every)
			if trial.Number < 4 { // a new port each time, until there are many
				seen = list(port(20000+2*trial.Number), port(20001+2*trial.Number))
			}
			return result(trial.Number, harness.Pass, trial.Block, seen)
		})
		experiment := &harness.Experiment{
			Run:   newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}}),
			Lanes: []harness.Lane{lane}, Journal: &memory{},
		}
		Expect(experiment.Do(context.Background())).To(Succeed())
		Expect(experiment.Run.Status).To(Equal(harness.Complete))
		Expect(harness.Judge(experiment.Run).Columns[0].Cells).To(HaveLen(1))
		Expect(harness.Judge(experiment.Run).Columns[0].Cells[every].Verdict).To(Equal(harness.Optional))
	})
})

// laneOf is a lane whose trials are a function.
type laneOf func(trial harness.Trial) harness.Result

func (l laneOf) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	result := l(trial)
	result.Trial = trial
	return result, ctx.Err()
}

func parsed(id string) harness.Destination {
	GinkgoHelper()
	d, err := harness.ParseDestination(id)
	Expect(err).NotTo(HaveOccurred())
	return d
}

var _ = Describe("a name below a domain whose names do not repeat", func() {
	wide, api, random := parsed("tcp/443/*.data.iot.example"), parsed("tcp/443/api.data.iot.example"), parsed("tcp/443/1f.data.iot.example")
	contact := func(d harness.Destination, change func(*harness.Contact)) harness.Contact {
		c := harness.Contact{Destination: d, Tries: 1}
		change(&c)
		return c
	}
	as := func(*harness.Contact) {}
	blocked := func(c *harness.Contact) { c.Attempts, c.Touched = 1, 1 }
	excepting := func(c *harness.Contact) { c.Except = []string{"api.data.iot.example"} }
	judged := func(results ...harness.Result) harness.Judgement {
		run := newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}})
		run.Results = results
		return harness.Judge(run)
	}
	result := func(number int, answer harness.Answer, block []harness.Destination, contacts ...harness.Contact) harness.Result {
		return harness.Result{
			Trial:     harness.Trial{Number: number, Block: block, Fault: harness.Reject, Regime: harness.Steady},
			Outcomes:  map[string]harness.Outcome{"app": {Answer: answer}},
			Recovered: true, Seen: harness.Observation{Contacts: contacts},
		}
	}

	It("belongs to the domain's row, unless it is seen by itself", func() {
		judgement := judged(
			result(1, harness.Pass, nil, contact(random, as), contact(api, as)),
			result(2, harness.Pass, nil, contact(wide, excepting), contact(api, as)),
			result(3, harness.Fail, []harness.Destination{api}, contact(wide, excepting), contact(api, blocked)),
			result(4, harness.Pass, []harness.Destination{wide}, contact(wide, blocked), contact(api, as)),
		)
		Expect(judgement.Rows).To(HaveExactElements(
			HaveField("Contact.Destination", wide), HaveField("Contact.Destination", api)))
		Expect(judgement.Columns[0].Cells[api].Verdict).To(Equal(harness.Required))
		Expect(judgement.Columns[0].Cells[wide].Verdict).To(Equal(harness.Optional))
	})

	It("is not a row that a block hits besides", func() {
		judgement := judged(
			result(1, harness.Pass, nil, contact(random, func(c *harness.Contact) { c.Collateral = []string{"2f.data.iot.example", "other.example"} })),
			result(2, harness.Pass, nil, contact(wide, as)),
		)
		Expect(judgement.Rows).To(HaveExactElements(HaveField("Contact.Collateral", HaveExactElements("other.example"))))
	})
})

var _ = Describe("an address whose name becomes known", func() {
	bare, named := parsed("tcp/443/198.51.100.7"), parsed("tcp/443/cloud.example")
	contact := func(d harness.Destination, attempts int) harness.Contact {
		return harness.Contact{Destination: d, Tries: 1, Attempts: attempts, Touched: attempts, Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.7")}}
	}
	judged := func(fault harness.Fault, results ...harness.Result) harness.Judgement {
		run := newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}})
		run.Settings.Faults = []harness.Fault{fault}
		for i := range results {
			results[i].Trial.Fault, results[i].Trial.Number = fault, i+1
		}
		run.Results = results
		return harness.Judge(run)
	}
	result := func(answer harness.Answer, block []harness.Destination, contacts ...harness.Contact) harness.Result {
		return harness.Result{
			Trial:    harness.Trial{Block: block, Regime: harness.Steady},
			Outcomes: map[string]harness.Outcome{"app": {Answer: answer}}, Recovered: true, Seen: harness.Observation{Contacts: contacts},
		}
	}
	list := func(all ...harness.Destination) []harness.Destination { return all }

	It("is one row with the name, first seen when the address was", func() {
		judgement := judged(harness.Reject,
			result(harness.Pass, nil, contact(bare, 0)),
			result(harness.Fail, list(bare), contact(bare, 1)),
			result(harness.Pass, nil, contact(named, 0)),
		)
		Expect(judgement.Rows).To(HaveExactElements(And(
			HaveField("FirstSeen", "control"), HaveField("Contact.Destination", named), HaveField("Contact.Tries", 3))))
		Expect(judgement.Columns[0].Cells[named].Verdict).To(Equal(harness.Required), "what fails with one of its addresses blocked")
	})

	It("is one row with the name also if every port of both is one row", func() {
		port, every, name := parsed("udp/20001/198.51.100.7"), parsed("udp/*/198.51.100.7"), parsed("udp/*/relay.example")
		judgement := judged(harness.Reject,
			result(harness.Pass, nil, contact(port, 0)),
			result(harness.Fail, list(every), contact(every, 1)),
			result(harness.Pass, nil, contact(name, 0)),
		)
		Expect(judgement.Rows).To(HaveExactElements(HaveField("Contact.Destination", name)))
		Expect(judgement.Columns[0].Cells[name].Verdict).To(Equal(harness.Required))
	})

	It("proves nothing for the other addresses of the name by passing", func() {
		judgement := judged(harness.Reject,
			result(harness.Pass, nil, contact(bare, 0)),
			result(harness.Pass, list(bare), contact(bare, 1)),
			result(harness.Pass, nil, contact(named, 0)),
		)
		Expect(judgement.Columns[0].Cells[named].Verdict).NotTo(Equal(harness.Optional))
	})

	It("proves nothing under nxdomain, which blocks the name in another way", func() {
		judgement := judged(harness.NXDomain,
			result(harness.Pass, nil, contact(bare, 0)),
			result(harness.Fail, list(bare), contact(bare, 1)),
			result(harness.Pass, nil, contact(named, 0)),
		)
		Expect(judgement.Rows).To(HaveLen(1))
		Expect(judgement.Columns[0].Cells[named].Verdict).To(Equal(harness.Undecided))
	})
})

var _ = Describe("two names that have the same address", func() {
	api, log := parsed("tcp/443/z-api.example"), parsed("tcp/443/a-log.example")
	seen := func(d harness.Destination, attempts int, addresses ...string) harness.Contact {
		contact := harness.Contact{Destination: d, Tries: 1, Attempts: attempts, Touched: attempts}
		for _, other := range []harness.Destination{api, log} {
			if other != d {
				contact.Collateral = append(contact.Collateral, other.Name)
			}
		}
		for _, address := range addresses {
			contact.Addresses = append(contact.Addresses, netip.MustParseAddr(address))
		}
		return contact
	}
	// The lanes know them in another order.
	judged := func(fault harness.Fault, more ...string) harness.Judgement {
		run := newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}})
		run.Settings.Faults = []harness.Fault{fault}
		result := func(number int, answer harness.Answer, contact harness.Contact, block ...harness.Destination) harness.Result {
			return harness.Result{
				Trial:    harness.Trial{Number: number, Block: block, Fault: fault, Regime: harness.Steady},
				Outcomes: map[string]harness.Outcome{"app": {Answer: answer}}, Recovered: true, Seen: harness.Observation{Contacts: []harness.Contact{contact}},
			}
		}
		run.Results = []harness.Result{
			result(1, harness.Pass, seen(log, 0, append(more, "203.0.113.1")...)),
			result(2, harness.Pass, seen(api, 0, "203.0.113.1")),
			result(3, harness.Fail, seen(api, 1, "203.0.113.1"), api),
		}
		return harness.Judge(run)
	}

	It("are one row if what blocks one blocks the other", func() {
		judgement := judged(harness.Reject)
		Expect(judgement.Rows).To(HaveExactElements(HaveField("Contact", And(
			HaveField("Destination", log), HaveField("Collateral", HaveExactElements("z-api.example"))))))
		Expect(judgement.Columns[0].Cells).To(HaveLen(1))
		Expect(judgement.Columns[0].Cells[log].Verdict).To(Equal(harness.Required))
	})

	It("are two if a fault tells them apart, or an address does", func() {
		Expect(judged(harness.NXDomain).Rows).To(HaveLen(2))
		Expect(judged(harness.Reject, "203.0.113.9").Rows).To(HaveLen(2))
	})
})
