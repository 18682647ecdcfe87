package attribution_test

import (
	"testing"
	"testing/synctest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// suite is the test that runs the specs.
var suite *testing.T

func TestSpecs(t *testing.T) {
	suite = t
	RegisterFailHandler(Fail)
	RunSpecs(t, "attribution")
}

// inVirtualTime runs a body in a bubble in which time passes only while it waits.
func inVirtualTime(body func()) {
	synctest.Test(suite, func(*testing.T) {
		defer GinkgoRecover()
		body()
	})
}
