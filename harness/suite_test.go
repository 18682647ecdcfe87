package harness_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// suite is the test that the specs run in, for those that need one.
var suite *testing.T

func TestSpecs(t *testing.T) {
	suite = t
	RegisterFailHandler(Fail)
	RunSpecs(t, "harness")
}
