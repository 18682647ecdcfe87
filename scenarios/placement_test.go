package scenarios_test

import (
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/placement"
	"github.com/needwant/needwant/scenarios"
)

// row is the line of docs/scenarios.md about a key of a spec.
func row(key string) string {
	GinkgoHelper()
	text, err := os.ReadFile("../docs/scenarios.md")
	Expect(err).NotTo(HaveOccurred())
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `"+key+"` |") {
			return line
		}
	}
	Fail("docs/scenarios.md has no row for " + key)
	return ""
}

var _ = Describe("The tables of what a spec can name", func() {
	It("are in the documentation as a whole", func() {
		for _, fault := range harness.Faults() {
			Expect(row("block.faults")).To(ContainSubstring("`" + string(fault) + "`"))
			Expect(string(scenarios.Schema())).To(ContainSubstring(fault.About()))
		}
		for _, name := range scenarios.Placements() {
			Expect(row("gateway.placement")).To(ContainSubstring("`" + name + "`"))
		}
	})

	It("have a place among real links for each placement that needs one", func() {
		kinds := []string{scenarios.Lab, scenarios.ByDNS}
		for _, kind := range placement.Kinds() {
			kinds = append(kinds, string(kind))
		}
		Expect(scenarios.Placements()).To(ConsistOf(kinds))
	})

	It("have the faults of each placement", func() {
		Expect(scenarios.Gateway{Placement: scenarios.Lab}.Faults()).To(HaveExactElements("reject", "drop", "nxdomain"))
		Expect(scenarios.Gateway{Placement: scenarios.ByDNS}.Faults()).To(HaveExactElements("nxdomain", "refused", "null"))
	})
})
