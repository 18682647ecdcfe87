package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("needwant bisect with several equal devices", Label("root", "whole"), func() {
	// folder has the specs of three simulated devices, which need what their functions say.
	folder := func(functions ...string) (folder string, specs []string) {
		GinkgoHelper()
		folder = GinkgoT().TempDir()
		for i, function := range functions {
			world, spec := filepath.Join(folder, fmt.Sprintf("world%d.yaml", i+1)), filepath.Join(folder, fmt.Sprintf("plug%d.yaml", i+1))
			Expect(os.WriteFile(world, fmt.Appendf(nil, `apiVersion: needwant/v1
kind: World
name: plug
device: {model: example.plug.v1}
tempo: {contact: 200ms, patience: 3, poll: 400ms}
destinations:
  cloud: {host: cloud.example, addresses: [203.0.113.10], protocol: tcp, port: 443}
  relay: {host: relay.example, addresses: [203.0.113.11], protocol: tcp, port: 443}
  log: {host: log.example, addresses: [203.0.113.13], protocol: tcp, port: 443}
functions: {status: "%s"}
scenarios: [native_app]
`, function), 0o600)).To(Succeed())
			Expect(os.WriteFile(spec, fmt.Appendf(nil, `apiVersion: needwant/v1
kind: Scenarios
device: {name: plug%d, model: example.plug.v1}
gateway: {placement: lab, world: world%d.yaml}
block: {faults: [reject], keep: [dhcp, dns]}
scenarios:
  app: {steps: [{miio: get_status}]}
`, i+1, i+1), 0o600)).To(Succeed())
			specs = append(specs, spec)
		}
		return folder, specs
	}

	It("names one with different needs, also when the run is resumed", func(ctx SpecContext) {
		folder, specs := folder("cloud", "cloud", "cloud && log")
		kept := filepath.Join(folder, "plugs.run")
		first := needwant(ctx, append([]string{"bisect", "--out", kept, "--budget", "3"}, specs...)...)
		Expect(first.Code).To(Equal(4), first.Stderr)

		run := needwant(ctx, "resume", kept, "--budget", "100", "--format", "json")
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(run.Stderr).To(ContainSubstring("plug3 is asked nothing more, and the other devices continue"))
		var matrix reports.Matrix
		Expect(json.Unmarshal([]byte(run.Stdout), &matrix)).To(Succeed())
		var required []string
		for _, row := range matrix.Rows {
			if row.Cells["app"].Verdict == harness.Required {
				required = append(required, row.Destination.Host)
			}
		}
		Expect(required).To(Equal([]string{"cloud.example"}))
		Expect(matrix.Run.Replicas).To(HaveExactElements(
			And(HaveField("Name", "plug1"), HaveField("Agrees", true)),
			And(HaveField("Name", "plug2"), HaveField("Agrees", true)),
			And(HaveField("Name", "plug3"), HaveField("Agrees", false), HaveField("Differs", HaveExactElements(HaveField("Works", false)))),
		))
		Expect(matrix.Summary).To(HaveSuffix("plug3 has different needs: this is not true of it."))
	}, SpecTimeout(5*time.Minute))
})
