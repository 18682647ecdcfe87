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

// equalDevice writes the spec and the world of one of several equal devices, which have six destinations and need
// what a function says. It returns the name of the spec.
func equalDevice(folder string, number int, function string) string {
	GinkgoHelper()
	world := fmt.Appendf(nil, `apiVersion: needwant/v1
kind: World
name: plug
device: {model: example.plug.v1}
tempo: {contact: 250ms, patience: 3, poll: 500ms}
destinations:
  a: {host: a.example, addresses: [203.0.113.10], protocol: tcp, port: 443}
  b: {host: b.example, addresses: [203.0.113.11], protocol: tcp, port: 443}
  c: {host: c.example, addresses: [203.0.113.12], protocol: tcp, port: 443}
  d: {host: d.example, addresses: [203.0.113.13], protocol: tcp, port: 443}
  e: {host: e.example, addresses: [203.0.113.14], protocol: tcp, port: 443}
  f: {host: f.example, addresses: [203.0.113.15], protocol: tcp, port: 443}
functions: {status: "%s"}
scenarios: [native_app]
`, function)
	spec := fmt.Appendf(nil, `apiVersion: needwant/v1
kind: Scenarios
device: {name: plug%[1]d, model: example.plug.v1}
gateway: {placement: lab, world: world%[1]d.yaml}
block: {faults: [reject], keep: [dhcp, dns]}
scenarios:
  app: {steps: [{miio: get_status}]}
`, number)
	name := fmt.Sprintf("plug%d.yaml", number)
	Expect(os.WriteFile(filepath.Join(folder, fmt.Sprintf("world%d.yaml", number)), world, 0o600)).To(Succeed())
	Expect(os.WriteFile(filepath.Join(folder, name), spec, 0o600)).To(Succeed())
	return name
}

var _ = Describe("needwant bisect with several equal devices", Label("root", "whole"), func() {
	It("names one with different needs, also when the run is resumed", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		var specs []string
		for i, function := range []string{"a", "a", "a && d"} {
			specs = append(specs, filepath.Join(folder, equalDevice(folder, i+1, function)))
		}
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
		Expect(required).To(Equal([]string{"a.example"}))
		Expect(matrix.Run.Replicas).To(HaveExactElements(
			And(HaveField("Name", "plug1"), HaveField("Agrees", true)),
			And(HaveField("Name", "plug2"), HaveField("Agrees", true)),
			And(HaveField("Name", "plug3"), HaveField("Agrees", false), HaveField("Differs", HaveExactElements(HaveField("Works", false)))),
		))
		Expect(matrix.Summary).To(HaveSuffix("plug3 has different needs: this is not true of it."))
	}, SpecTimeout(5*time.Minute))
})
