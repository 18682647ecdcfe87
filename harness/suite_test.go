package harness_test

import (
	"runtime/debug"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// suite is the test that the specs run in, for those that need one.
var suite *testing.T

func TestSpecs(t *testing.T) {
	suite = t
	debug.SetGCPercent(400) // experiments in virtual time allocate much and keep little
	RegisterFailHandler(Fail)
	RunSpecs(t, "harness")
}
