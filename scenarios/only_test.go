package scenarios_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("a spec with a blocklist", func() {
	parsed := func(block string) scenarios.File {
		GinkgoHelper()
		file, err := scenarios.Parse("/etc/needwant/tv.yaml", []byte(`apiVersion: needwant/v1
kind: Scenarios
gateway: {placement: lab, world: tv-list}
block: `+block+`
scenarios:
  play: {steps: [{tcp: "api.example:443"}]}
`))
		Expect(err).NotTo(HaveOccurred())
		return file
	}

	It("blocks names, and finds the list in its own directory", func() {
		file := parsed("{only: {list: list.txt}}")
		Expect(file.Block.Faults).To(HaveExactElements("nxdomain"))
		Expect(file.OnlyList()).To(Equal("/etc/needwant/list.txt"))
		Expect(parsed("{only: {list: /srv/list.txt}}").OnlyList()).To(Equal("/srv/list.txt"))
		Expect(parsed("{}").OnlyList()).To(BeEmpty())
	})
})
