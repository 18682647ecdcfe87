package main_test

import (
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("a run in which nothing is left to ask", func() {
	// The interfaces do not exist: moving the device would fail.
	const spec = `apiVersion: needwant/v1
kind: Scenarios
device: {name: plug, mac: "7c:49:eb:00:00:01", address: 192.168.50.10}
gateway: {placement: nic, inside: absent0, uplink: absent1}
scenarios:
  app:
    steps:
      - ping: {host: 192.168.50.10}
`
	ads := harness.Destination{Protocol: harness.TCP, Port: 443, Name: "ads.example"}

	// kept is a run file of that spec: a control, and one trial.
	kept := func(status harness.Status, change func(*harness.Run)) (specPath, path string) {
		GinkgoHelper()
		specPath = file("plug.yaml", spec)
		path = filepath.Join(filepath.Dir(specPath), "plug.run")
		run := harness.Run{
			ID: "over", Started: time.Now(), Device: harness.Device{Name: "plug"},
			Settings: harness.Settings{
				Source: specPath, Text: spec, Driver: "ipset", Order: "2", Budget: 1, Lanes: 1,
				Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady},
			},
			Scenarios: []harness.ScenarioInfo{{Name: "app", Title: "app"}},
		}
		change(&run)
		keeper, err := runfile.Create(path, run)
		Expect(err).NotTo(HaveOccurred())
		for number, block := range [][]harness.Destination{{}, {ads}} {
			contact := harness.Contact{Destination: ads, Tries: 1, Attempts: number, Touched: number}
			Expect(keeper.Append(harness.Result{
				Trial: harness.Trial{Number: number + 1, Block: block, Fault: harness.Reject, Regime: harness.Steady},
				Lane:  1, Recovered: true, Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}},
				Seen: harness.Observation{Contacts: []harness.Contact{contact}},
			})).To(Succeed())
		}
		Expect(keeper.Finish(status, "", time.Minute)).To(Succeed())
		Expect(keeper.Close()).To(Succeed())
		return specPath, path
	}

	DescribeTable("is shown, and nothing is touched", func(ctx SpecContext, status harness.Status, says string) {
		specPath, path := kept(status, func(*harness.Run) {})
		before, err := os.ReadFile(path)
		Expect(err).NotTo(HaveOccurred())
		for _, command := range [][]string{{"resume", path}, {"bisect", specPath, "--resume", "--out", path}} {
			run := needwant(ctx, command...)
			Expect(run.Code).To(Equal(0), run.Stderr)
			Expect(run.Stdout).To(ContainSubstring("ads.example"))
			Expect(run.Stderr).To(ContainSubstring(says))
		}
		Expect(os.ReadFile(path)).To(Equal(before))
	},
		Entry("when it is complete", harness.Complete, "nothing is left to try", SpecTimeout(time.Minute)),
		Entry("when its budget is used up", harness.OverBudget, "continue with a larger --budget", SpecTimeout(time.Minute)),
	)

	It("is shown as one sentence if it was begun for that, unless a format is named", func(ctx SpecContext) {
		_, path := kept(harness.Complete, func(run *harness.Run) {
			run.Settings.Short, run.Settings.First, run.Settings.Only = true, true, &harness.OnlyList{List: "/list.txt", Entries: 1}
			run.Scenarios[0].Of = []string{"app", "gone"}
		})
		run := needwant(ctx, "resume", path)
		Expect(run.Stdout).To(MatchRegexp(`\A[^\n]+\.\n\z`), run.Stderr)
		run = needwant(ctx, "resume", path, "--format", "csv")
		Expect(run.Stdout).To(ContainSubstring("ads.example"), run.Stderr)
	}, SpecTimeout(time.Minute))
})
