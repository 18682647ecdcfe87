package main_test

import (
	"encoding/json"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// updated is a device whose new firmware needs its shop, too.
const updated = `apiVersion: needwant/v1
kind: World
name: updated
device: {model: a.b.c, firmware: "2.0"}
tempo: {contact: 100ms, patience: 3, poll: 200ms}
destinations:
  cloud: {host: cloud.example, addresses: [203.0.113.1], protocol: tcp, port: 443}
  shop: {host: shop.example, addresses: [203.0.113.2], protocol: tcp, port: 443}
  log: {host: log.example, addresses: [203.0.113.3], protocol: tcp, port: 443}
functions: {control: cloud && shop}
scenarios: [native_app]
`

var _ = Describe("needwant recheck", Label("root", "whole"), func() {
	It("says what changed since an earlier run, and ends with 1 if something became required", func(ctx SpecContext) {
		world, kept := file("updated.yaml", updated), filepath.Join(GinkgoT().TempDir(), "again.run")
		cell := func(verdict harness.Verdict) map[string]reports.Cell {
			return map[string]reports.Cell{"native_app": {Verdict: verdict}}
		}
		host := func(name string) harness.Destination {
			return harness.Destination{Protocol: harness.TCP, Port: 443, Name: name + ".example"}
		}
		before, err := json.Marshal(reports.Matrix{
			Run:     reports.Run{ID: "OLD", Started: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), Status: harness.Complete, Trials: 7},
			Columns: []reports.Column{{ID: "native_app", Scenario: "native_app", Regime: harness.Steady, Fault: harness.Reject}},
			Rows: []reports.Row{
				{Destination: reports.Destination{ID: host("cloud")}, Cells: cell(harness.Required)},
				{Destination: reports.Destination{ID: host("shop")}, Cells: cell(harness.Optional)},
				{Destination: reports.Destination{ID: host("log")}, Cells: cell(harness.Optional)},
			},
			Cuts: []reports.Cut{{ID: "c1", Column: "native_app", Destinations: []harness.Destination{host("cloud")}}},
		})
		Expect(err).NotTo(HaveOccurred())
		known := file("old.json", string(before))

		run := needwant(ctx, "recheck", world, "--known", known, "--out", kept, "--format", "json")
		Expect(run.Code).To(Equal(1), run.Stderr)
		Expect(run.Stderr).To(And(ContainSubstring("The run is saved in "+kept), ContainSubstring("something became required")))
		var matrix reports.Matrix
		Expect(json.Unmarshal([]byte(run.Stdout), &matrix)).To(Succeed())
		Expect(matrix.Summary).To(MatchRegexp(`^Changed since old.json of 2026-09-01: native_app: shop\.example on tcp/443 is required now \(trials? [\d and,]+\); before, it was optional\. You can block 1 of 3 `))

		again := needwant(ctx, "recheck", world, "--known", kept, "--out", filepath.Join(GinkgoT().TempDir(), "third.run"))
		Expect(again.Code).To(Equal(0), again.Stderr)
		Expect(again.Stdout).To(ContainSubstring("Nothing changed since again.run of "))
	}, SpecTimeout(2*time.Minute))
})
