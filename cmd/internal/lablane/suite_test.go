package lablane_test

import (
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
)

// TestMain gets an ordinary user the rights that a lab needs.
func TestMain(m *testing.M) { os.Exit(netns.Main(m.Run)) }

// suite is the test that the specs run in, for those that need one.
var suite *testing.T

func TestSpecs(t *testing.T) {
	suite = t
	RegisterFailHandler(Fail)
	RunSpecs(t, "lablane", Label("norace"))
}
