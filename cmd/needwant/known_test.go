package main_test

import (
	"encoding/json"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/scenarios"
)

// remembering is a device that knows its broker's address and never queries DNS.
const remembering = `apiVersion: needwant/v1
kind: World
name: remembering
device: {model: a.b.c}
tempo: {contact: 60ms, patience: 3, poll: 120ms}
destinations:
  broker: {addresses: [203.0.113.1], protocol: tcp, port: 8883}
functions: {status: broker, control: broker}
`

var _ = Describe("a run that goes on, with a device that remembers an address", Label("root"), func() {
	broker := harness.Destination{Protocol: harness.TCP, Port: 8883, Name: "broker.example"}

	// begun keeps a run in which the device queried the name before.
	begun := func(run harness.Run) string {
		GinkgoHelper()
		path := filepath.Join(GinkgoT().TempDir(), "begun.run")
		kept, err := runfile.Create(path, run)
		Expect(err).NotTo(HaveOccurred())
		outcomes := map[string]harness.Outcome{}
		for _, scenario := range run.Scenarios {
			outcomes[scenario.Name] = harness.Outcome{Answer: harness.Pass}
		}
		Expect(kept.Append(harness.Result{
			Trial: harness.Trial{Number: 1, Fault: harness.Reject, Regime: harness.Steady, Reason: "control"}, Lane: 1,
			Started: time.Now(), Outcomes: outcomes, Recovered: true,
			Seen: harness.Observation{Contacts: []harness.Contact{{
				Destination: broker, Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.1")}, Named: "dns", Tries: 1, Answered: true,
			}}},
		})).To(Succeed())
		Expect(kept.Close()).To(Succeed())
		return path
	}

	DescribeTable("has the row by its name, and no other", func(ctx SpecContext, made func() harness.Run) {
		run := made()
		resume := []string{"resume", begun(run)}
		if spec := run.Settings.Source; strings.HasSuffix(spec, ".spec.yaml") { // the user's own, so that it may be carried out
			resume = []string{"bisect", spec, "--resume", "--out", resume[1]}
		}
		done := needwant(ctx, append(resume, "--quiet", "--format", "json")...)
		Expect(done.Code).To(BeZero(), done.Stderr)
		var matrix struct {
			Rows []struct {
				Destination struct{ ID string }
				Cells       map[string]struct{ Verdict string }
			}
		}
		Expect(json.Unmarshal([]byte(done.Stdout), &matrix)).To(Succeed())
		Expect(matrix.Rows).To(HaveLen(1), done.Stdout)
		Expect(matrix.Rows[0].Destination.ID).To(Equal(broker.String()))
		Expect(matrix.Rows[0].Cells).To(HaveEach(HaveField("Verdict", "required")))
	},
		Entry("on a lab", func() harness.Run {
			world, err := lab.Parse("remembering.yaml", []byte(remembering))
			Expect(err).NotTo(HaveOccurred())
			return lablane.NewRun(world, harness.Settings{})
		}, SpecTimeout(time.Minute)),
		Entry("with a spec", func() harness.Run {
			path := file("remembering.spec.yaml", "apiVersion: needwant/v1\nkind: Scenarios\ngateway: {placement: lab, world: "+file("world.yaml", remembering)+
				"}\ntiming: {settle: 400ms, recover: 5s, observe: 1s}\nscenarios:\n  app:\n    timeout: 1s\n    steps:\n      - miio: {method: get_status}\n")
			spec, err := scenarios.Find(path)
			Expect(err).NotTo(HaveOccurred())
			return bench.NewRun(path, spec, spec.Scenarios, harness.Settings{})
		}, SpecTimeout(time.Minute)),
	)
})
