// Package vacuum_test is an example of a suite that needwant runs as scenarios. It
// needs a device, and so lies where no other test run looks for suites.
package vacuum_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/devicetest"
)

func TestVacuum(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "vacuum")
}

var _ = Describe("the vacuum", Label("smoke"), func() {
	It("tells its state", func() {
		Expect(devicetest.Device()).To(devicetest.HaveState("state", BeElementOf(3, 8, 100)))
	})

	It("comes when it is called", func() {
		Expect(devicetest.Device()).To(devicetest.RespondTo("find_me", ""))
	})
})

var _ = Describe("a wish", Label("wish"), func() {
	It("stays one", func() {
		Expect(devicetest.Device()).To(devicetest.HaveState("state", 77))
	})
})
