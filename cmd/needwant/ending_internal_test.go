package main

import (
	"io"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
	"github.com/needwant/needwant/scenarios"
)

// blamed is a complete run on a blocklist, with this name to blame.
func blamed(name string) harness.Run {
	device := harness.Destination{Protocol: harness.TCP, Port: 443, Name: name}
	run := harness.Run{Status: harness.Complete, Scenarios: []harness.ScenarioInfo{{Name: "app"}}, Settings: harness.Settings{
		Order: "2", Faults: []harness.Fault{harness.NXDomain}, Regimes: []harness.Regime{harness.Steady}, Only: &harness.OnlyList{List: "list.txt", Entries: 1},
	}}
	for number := 1; number <= 3; number++ {
		contact := harness.Contact{Destination: device, Tries: 1, Answered: true, Listed: []string{name}}
		result := harness.Result{
			Trial: harness.Trial{Number: number, Fault: harness.NXDomain, Regime: harness.Steady}, Recovered: true,
			Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}},
		}
		if number == 3 {
			result.Trial.Block, result.Outcomes["app"] = []harness.Destination{device}, harness.Outcome{Answer: harness.Fail}
			contact.Answered, contact.Attempts, contact.Touched = false, 1, 1
		}
		result.Seen.Contacts = []harness.Contact{contact}
		run.Results = append(run.Results, result)
	}
	return run
}

var _ = Describe("what a run ends with", func() {
	said := func(e ending, run harness.Run) string {
		var out strings.Builder
		e.write(&out, run)
		return out.String()
	}
	complete := harness.Run{Status: harness.Complete}
	told := func(err error) string { // as the program tells of an error
		var out strings.Builder
		complain(&out, err.Error())
		return out.String()
	}

	It("says where a run is saved, how the network is, and what comes next", func() {
		e := ending{saved: "my s50.run", spec: "s50.yaml", gateway: scenarios.Gateway{Placement: "nic", Inside: "eth1"}}
		Expect(said(e, complete)).To(Equal(`The run is saved in my s50.run.
The network is as it was: eth1 is back. The device has no gateway now. This keeps it online: sudo -E needwant gateway s50.yaml
Next: needwant export 'my s50.run' --spec s50.yaml --format nft writes the rules; sudo -E needwant verify 'my s50.run' tests them on the device.
`))
	})

	It("names no spec that is not there", func() {
		Expect(network(scenarios.Gateway{Placement: "nic", Inside: "eth1"}, "", "")).To(HaveSuffix("needwant scenario new writes a spec, with which needwant gateway keeps it online."))
		Expect(specName(harness.Run{Settings: harness.Settings{Source: "192.168.1.50.yaml"}})).To(BeEmpty())
		Expect(specName(harness.Run{Settings: harness.Settings{Source: "lab-s50"}})).To(Equal("lab-s50"))
	})

	It("fits the window, with every command in one piece", func() {
		terminal := &fakeTerminal{columns: 50, rows: 24}
		e := ending{saved: "my s50.run", spec: "s50.yaml", gateway: scenarios.Gateway{Placement: "nic", Inside: "eth1"}}
		e.write(terminal.screen(), complete)
		Expect(terminal.shown()).To(Equal([]string{
			"The run is saved in my s50.run.",
			"The network is as it was: eth1 is back. The",
			"  device has no gateway now. This keeps it",
			"  online: sudo -E needwant gateway s50.yaml",
			"Next:",
			"  needwant export 'my s50.run' --spec s50.yaml --format nft",
			"  writes the rules;",
			"  sudo -E needwant verify 'my s50.run' tests them",
			"  on the device.",
		}))
	})

	It("leads from a lab to a real device", func() {
		run := complete
		run.Settings.Simulated = true
		Expect(said(ending{saved: "lab.run", gateway: scenarios.Gateway{Placement: scenarios.Lab}}, run)).To(Equal(`The run is saved in lab.run.
Your network was not touched: the lab ran in namespaces of its own, which are gone.
Next: needwant report lab.run --format html > report.html shows it in a browser; needwant scenario new describes your own device.
`))
	})

	Describe("of report and export", func() {
		spoken := func(write func(io.Writer)) string {
			terminal := &fakeTerminal{columns: 200, rows: 24}
			write(terminal.screen())
			return strings.Join(terminal.shown(), " ")
		}
		e := ending{saved: "s50.run", spec: "s50.yaml"}

		DescribeTable("leads on from a report", func(status harness.Status, simulated, page bool, next string) {
			e, run := e, complete
			e.page, run.Status, run.Settings.Simulated, run.Settings.Budget = page, status, simulated, 9
			Expect(spoken(func(out io.Writer) { e.reported(out, run) })).To(HavePrefix(next))
		},
			Entry("of a real device", harness.Complete, false, false, "Next: needwant export s50.run --spec s50.yaml --format nft writes the rules;"),
			Entry("of a simulated one", harness.Complete, true, false, "Next: needwant report s50.run --format html > report.html shows it in a browser; needwant scenario new"),
			Entry("in HTML", harness.Complete, true, true, "Next: needwant scenario new describes your own device."),
			Entry("that is not complete", harness.Interrupted, false, false, "s50.run holds a run that is not complete: sudo -E needwant resume s50.run continues it."),
		)

		DescribeTable("leads on from an export", func(status harness.Status, simulated bool, next string) {
			run := complete
			run.Status, run.Settings.Simulated, run.Settings.Budget = status, simulated, 9
			flags := (&exportFlags{kind: "allow-required", options: policy.Options{Scenario: "my app"}}).tested()
			Expect(spoken(func(out io.Writer) { e.exported(out, run, flags) })).To(HavePrefix(next))
		},
			Entry("for a real device", harness.Complete, false, "Next: sudo -E needwant verify s50.run --policy allow-required --scenario 'my app' tests on the device that it works with this policy."),
			Entry("for a simulated one", harness.Complete, true, "Next: needwant scenario new describes your own device."),
			Entry("of a run that is not complete", harness.Interrupted, false, "s50.run holds a run that is not complete: sudo -E needwant resume s50.run continues it."),
		)

		It("says the result once more if the report scrolled it out of the window", func() {
			report := reports.NewReport(complete, harness.Judge(complete))
			for rows, said := range map[int]string{3: report.Summary, 50: ""} {
				terminal := &fakeTerminal{columns: 200, rows: rows}
				resultAgain(terminal.screen(), "text", report)
				Expect(strings.TrimSpace(strings.Join(terminal.shown(), " "))).To(Equal(said))
				resultAgain(terminal.screen(), "html", report)
				Expect(strings.TrimSpace(strings.Join(terminal.shown(), " "))).To(Equal(said))
			}
		})

		It("is silent if no person reads it, e.g. in a script", func() {
			var out strings.Builder
			e.reported(&out, complete)
			e.exported(&out, complete, "")
			Expect(out.String()).To(BeEmpty())
		})
	})

	It("leads to no rules if nothing can be blocked", func() {
		column := harness.ColumnVerdict{Column: harness.Column{ID: "app"}}
		judgement := harness.Judgement{Columns: []harness.ColumnVerdict{column, column}, Safe: []harness.SafeList{{Columns: []string{"app"}}}}
		Expect(needsAll(judgement)).To(BeFalse(), "something may be blocked with both working")
		judgement.Safe = append(judgement.Safe, harness.SafeList{Columns: []string{"app", "hass"}})
		Expect(needsAll(judgement)).To(BeTrue())
		judgement.Safe[1].Destinations = []harness.Destination{{Name: "a"}}
		Expect(needsAll(judgement)).To(BeFalse())
	})

	DescribeTable("leads from a blocklist to its exceptions", func(e ending, change func(*harness.Run), flags string) {
		run := blamed("ads.example")
		change(&run)
		e.saved = "tv.run"
		Expect(said(e, run)).To(HaveSuffix("\nNext: needwant export tv.run --policy exceptions --format adguard" + flags + " writes the exceptions for your list; pihole, dnsmasq and rpz are formats, too.\n"))
	},
		Entry("for the device of the spec alone", ending{spec: "my tv.yaml"}, func(*harness.Run) {}, " --spec 'my tv.yaml'"),
		Entry("for the device that why was given", ending{}, func(r *harness.Run) { r.Device.Name = "192.168.1.50" }, " --address 192.168.1.50"),
		Entry("for every device, if its address is not known", ending{}, func(r *harness.Run) { r.Device.Name = "tv" }, ""),
		Entry("of a simulated device", ending{spec: "tv.yaml"}, func(r *harness.Run) { r.Settings.Simulated = true }, " --spec tv.yaml --simulated"),
	)

	It("leads to no exceptions if the list is not the cause", func() {
		run := blamed("ads.example")
		run.Results[2].Outcomes["app"] = harness.Outcome{Answer: harness.Pass}
		Expect(said(ending{saved: "tv.run", spec: "tv.yaml"}, run)).NotTo(ContainSubstring("export"))
	})

	It("says of a run that could not be saved why, and how the next one is", func() {
		lost := ending{unsaved: whyUnsaved(nowhere{"This run is not saved: run file /a.run cannot be written"})}
		Expect(said(lost, complete)).To(Equal("This run is not saved: run file /a.run cannot be written. Next time: --out FILE saves it elsewhere.\n"))
	})

	It("says nothing of a network that was not touched, nor of a run that nobody wants to keep", func() {
		Expect(said(ending{}, complete)).To(BeEmpty())
	})

	It("names the command that continues a run", func() {
		Expect(said(ending{saved: "a.run"}, harness.Run{Status: harness.OverBudget, Results: make([]harness.Result, 3)})).To(ContainSubstring("Next: sudo -E needwant resume a.run --budget 6 "))
		interrupted := func(controls, trials int, quiet bool) string {
			results := make([]harness.Result, controls+trials)
			for i := range trials {
				results[controls+i].Trial.Block = []harness.Destination{{Protocol: "udp", Port: 123}}
			}
			return told(verdict(harness.Run{Status: harness.Interrupted, Results: results}, harness.Judgement{}, "a.run", quiet))
		}
		Expect(interrupted(0, 1, false)).To(Equal("interrupted after 1 trial; continue with: sudo -E needwant resume a.run\n"))
		Expect(interrupted(1, 0, false)).To(Equal("interrupted after 0 trials and 1 control; continue with: sudo -E needwant resume a.run\n"))
		Expect(interrupted(2, 3, true)).To(Equal("interrupted after 3 trials and 2 controls; the network is as it was; continue with: sudo -E needwant resume a.run\n"))
		unfit := harness.Run{Status: harness.Interrupted, Why: "this machine was too busy"}
		Expect(told(verdict(unfit, harness.Judgement{}, "a.run", false))).To(Equal("this machine was too busy; continue with: sudo -E needwant resume a.run\n"))
	})

	DescribeTable("says of each placement whether the device is online", func(gateway scenarios.Gateway, words string) {
		Expect(network(gateway, "s50.yaml", "")).To(ContainSubstring(words))
	},
		Entry(nil, scenarios.Gateway{Placement: "vlan", Inside: "eth0"}, "eth0 is back. The device has no gateway now."),
		Entry(nil, scenarios.Gateway{Placement: "ap", SSID: "things"}, "the Wi-Fi things is gone, so the device is offline now."),
		Entry(nil, scenarios.Gateway{Placement: "onearm"}, "If your router gives the device no address"),
		Entry(nil, scenarios.Gateway{Placement: "host"}, "forwards the device's traffic as before"),
	)

	It("says the same of a command without a run", func() {
		var out strings.Builder
		ending{spec: "s50.yaml", gateway: scenarios.Gateway{Placement: "host"}}.left(&out, allWork(2), "Next: "+asRoot(scenarios.Gateway{Placement: "host"}, "bisect s50.yaml"))
		Expect(out.String()).To(Equal(`With nothing blocked, all 2 scenarios work.
The network is as it was: this machine forwards the device's traffic as before.
Next: sudo -E needwant bisect s50.yaml
`))
		out.Reset()
		laid(&out, asRoot(scenarios.Gateway{Placement: scenarios.Lab}, "bisect s50.yaml"))
		Expect(out.String()).To(Equal("needwant bisect s50.yaml\n"))
	})

	It("counts what an observation saw", func() {
		at := time.Unix(1, 0)
		seen := []observed{{Contact: harness.Contact{First: at, Answered: true}}, {Contact: harness.Contact{First: at}}, {}} // the last is known, and was not contacted
		Expect(contacted(seen)).To(Equal("The device contacted 2 destinations, of which 1 answered."))
		Expect(contacted(seen[:1])).To(Equal("The device contacted 1 destination, of which 1 answered."))
		Expect(contacted(nil)).To(HavePrefix("The device contacted nothing."))
	})

	DescribeTable("leads from a verification to the rules, if it passed on a real device", func(works bool, placement, next string) {
		flags := verifyFlags{end: ending{spec: "s50.yaml", gateway: scenarios.Gateway{Placement: placement}}}
		var out strings.Builder
		laid(&out, flags.next("s50.run", verification{Policy: policy.BlockOptional, Works: works}))
		Expect(out.String()).To(Equal(next + "\n"))
	},
		Entry(nil, true, "nic", "Next: needwant export s50.run --spec s50.yaml writes the rules; or sudo -E needwant gateway s50.yaml --policy s50.run keeps the device behind this machine with them."),
		Entry(nil, true, scenarios.ByDNS, "Next: needwant export s50.run --spec s50.yaml --format adguard writes the list; or sudo -E needwant gateway s50.yaml --policy s50.run keeps blocking it for the device, as long as it runs."),
		Entry(nil, false, "nic", ""),
		Entry(nil, true, scenarios.Lab, ""),
	)

	DescribeTable("quotes a file for the shell", func(path, quotes string) { Expect(quoted(path)).To(Equal(quotes)) },
		Entry(nil, "/tmp/a-b.run", "/tmp/a-b.run"),
		Entry(nil, "a b", "'a b'"),
		Entry(nil, "it's;rm", `'it'\''s;rm'`),
		Entry(nil, "", "''"),
	)
})

var _ = Describe("a verification", func() {
	scenario := func(answer harness.Answer) map[string]harness.Endurance {
		return map[string]harness.Endurance{"app": {Answer: answer}}
	}
	DescribeTable("begins with its result", func(v verification, headline string) {
		v.Policy = "block-optional"
		var out strings.Builder
		Expect(v.write(&out)).To(Succeed())
		Expect(out.String()).To(HavePrefix(headline + "\n"))
	},
		Entry(nil, verification{Works: true, Scenarios: scenario(harness.Pass)}, "PASS: everything works under block-optional."),
		Entry(nil, verification{Scenarios: scenario(harness.Fail)}, "FAIL: app: not working under block-optional."),
		Entry(nil, verification{Scenarios: scenario(harness.Fail), Suspect: "the network was disturbed"}, "UNDECIDED: not every scenario could be judged under block-optional."),
		Entry(nil, verification{Scenarios: scenario(harness.Inconclusive)}, "UNDECIDED: not every scenario could be judged under block-optional."),
	)

	DescribeTable("names the device", func(device harness.Device, name string) {
		var out strings.Builder
		Expect(verification{Device: device}.write(&out)).To(Succeed())
		Expect(out.String()).To(ContainSubstring(", for " + name + ": blocked"))
	},
		Entry("by its model", harness.Device{Name: "plug", Model: "plug.v1"}, "plug.v1"),
		Entry("by its name", harness.Device{Name: "plug"}, "plug"),
	)
})

var _ = Describe("needwant gateway", func() {
	DescribeTable("says what it does, and how much is blocked", func(placement string, blocked int, text string) {
		Expect(kept(scenarios.File{Gateway: scenarios.Gateway{Placement: placement}}, blocked)).To(Equal(text))
	},
		Entry(nil, "nic", 0, "the device is behind the gateway, with 0 destinations blocked"),
		Entry(nil, "nic", 1, "the device is behind the gateway, with 1 destination blocked"),
		Entry(nil, scenarios.ByDNS, 1, "this machine answers the device's DNS queries, with 1 name blocked"),
		Entry(nil, scenarios.ByDNS, 2, "this machine answers the device's DNS queries, with 2 names blocked"),
	)
})
