package main_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/catalog"
)

var _ = Describe("needwant bisect --catalog", Label("root", "whole"), func() {
	host := func(name string) harness.Destination {
		return harness.Destination{Protocol: harness.TCP, Port: 443, Name: name + ".example"}
	}
	DescribeTable("begins from the entry of another device of the model", func(ctx SpecContext, shop harness.Verdict, summary string, least, most int) {
		folder := GinkgoT().TempDir()
		verdicts := func(v harness.Verdict) map[string]harness.Verdict { return map[string]harness.Verdict{"app": v} }
		_, err := catalog.Evidence{
			APIVersion: "needwant/v1", Kind: "Evidence", Simulated: true, Model: "a.b.c", Firmware: "1.0", Region: "nz",
			Run: "OLD", Date: "2026-09-01", Status: harness.Complete, Trials: 7,
			Columns: []catalog.Column{{ID: "app", Scenario: "app", Title: "App", Regime: harness.Steady, Fault: harness.Reject, Certified: "order 2"}},
			Destinations: []catalog.Destination{
				{ID: host("cloud"), Verdicts: verdicts(harness.Required)},
				{ID: host("shop"), Verdicts: verdicts(shop)},
				{ID: host("log"), Verdicts: verdicts(harness.Optional)},
			},
		}.Write(filepath.Join(folder, "catalog"))
		Expect(err).NotTo(HaveOccurred())
		world := file("updated.yaml", strings.Replace(updated, "contact: 100ms", "contact: 1s", 1)) // other tests keep the machine busy
		spec := file("spec.yaml", `apiVersion: needwant/v1
kind: Scenarios
device: {name: known, model: a.b.c}
gateway: {placement: lab, world: `+world+`}
block: {keep: [dhcp, dns]}
scenarios:
  app: {steps: [{miio: {method: app_start}, actuates: true}]}
`)

		run := needwant(ctx, "bisect", spec, "--catalog", filepath.Join(folder, "catalog"), "--out", filepath.Join(folder, "known.run"), "--allow-actuation", "--format", "json")
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(run.Stderr).To(ContainSubstring("The run begins from the catalog's entry OLD.yaml of 2026-09-01, firmware 1.0"))
		var matrix reports.Matrix
		Expect(json.Unmarshal([]byte(run.Stdout), &matrix)).To(Succeed())
		Expect(matrix.Summary).To(MatchRegexp(summary))
		Expect(matrix.Run.Recheck.Catalog).To(BeTrue())
		Expect(matrix.Run.Trials).To(And(BeNumerically(">=", least), BeNumerically("<=", most)))
		for _, row := range matrix.Rows {
			Expect(row.Cells["app"].Trials).NotTo(BeEmpty(), "%s was tested on this device", row.Destination.ID)
		}
	},
		Entry("and tests each need and what can be blocked", harness.Required, `^Nothing differs from the catalog's entry OLD\.yaml of 2026-09-01, firmware 1\.0\. You can block 1 of 3 `, 3, 4, SpecTimeout(5*time.Minute)),
		Entry("and searches what differs", harness.Optional, `^Differs from the catalog's entry OLD\.yaml of 2026-09-01, firmware 1\.0: app: shop\.example on tcp/443 is required now \(trials? [\d and,]+\); before, it was optional\. You can block 1 of 3 `, 3, 8, SpecTimeout(5*time.Minute)),
	)
})
