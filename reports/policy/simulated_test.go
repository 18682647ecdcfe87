package policy_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("an export of a simulated device", func() {
	for _, format := range languages() {
		It("says so first, as "+format.Name, func() {
			for _, kind := range policy.Kinds() {
				m := matrix(fan()...)
				actual, ok := written(format, made(m, policy.Options{Kind: kind}))
				m.Run.Simulated = true
				simulated, _ := written(format, made(m, policy.Options{Kind: kind}))
				if !ok {
					continue
				}
				first, _, _ := strings.Cut(simulated.Text, "\n")
				if format.Comments() {
					Expect(first).To(ContainSubstring("SIMULATED DEVICE"))
				}
				Expect(simulated.Text).To(ContainSubstring("simulated device"))
				Expect(strings.ToLower(actual.Text)).NotTo(ContainSubstring("simulated device"))
			}
		})
	}
})
