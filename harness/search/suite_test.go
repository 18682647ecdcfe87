package search_test

import (
	"flag"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var (
	update = flag.Bool("update", false, "rewrite the golden files in testdata")
	drawn  = flag.Int("systems", 200, "how many random systems each property is tried on")
)

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "harness/search", Label("norace"))
}
