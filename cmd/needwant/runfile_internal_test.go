package main

import (
	"errors"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/internal/span"
)

var _ = DescribeTable("a run file that exists already is named with what it holds, and the command for that",
	func(ctx SpecContext, status harness.Status, settings harness.Settings, says string) {
		path := filepath.Join(GinkgoT().TempDir(), "a.run")
		run := blamed("cloud.example")
		settings.Order, settings.Faults, settings.Regimes = "2", run.Settings.Faults, run.Settings.Regimes
		file, err := runfile.Create(path, harness.Run{Scenarios: run.Scenarios, Settings: settings})
		Expect(err).NotTo(HaveOccurred())
		for _, result := range run.Results {
			Expect(file.Append(result)).To(Succeed())
		}
		Expect(file.Finish(status, "", time.Second)).To(Succeed())
		Expect(file.Close()).To(Succeed())

		taken := unused(ctx, path)
		exit, ok := errors.AsType[*exitError](taken)
		Expect(ok).To(BeTrue())
		Expect(exit.code).To(Equal(codeUsage))
		Expect(strings.ReplaceAll(taken.Error(), span.Joint, " ")).To(Equal(
			strings.ReplaceAll("RUN exists already, and holds "+says+".\n  To save this run elsewhere, add --out FILE.run", "RUN", path)))
	},
	Entry("a complete run", harness.Complete, harness.Settings{}, "a complete run: needwant report RUN shows it"),
	Entry("a run that was stopped", harness.Interrupted, harness.Settings{}, "a run that is not complete: sudo -E needwant resume RUN continues it"),
	Entry("a run whose program was killed, on a lab", harness.Running, harness.Settings{Simulated: true}, "a run that is not complete: needwant resume RUN continues it"),
	Entry("a run with devices that another agent lends", harness.Interrupted, harness.Settings{Lanes: 2, Replicas: []harness.Replica{{Name: "a"}, {Name: "attic/b", Source: "hub:attic/b"}}},
		"a run that is not complete: sudo -E needwant resume RUN --hub ADDRESS --creds FILE continues it"),
	Entry("a run without trials left", harness.OverBudget, harness.Settings{Budget: 1}, "a run whose budget is used up: sudo -E needwant resume RUN --budget 6 continues it"),
)
