package policy_test

import (
	"flag"
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
)

// go test ./reports/policy -update writes the golden files again.
var update = flag.Bool("update", false, "write the golden files of the exports")

func TestMain(m *testing.M) { os.Exit(netns.Main(m.Run)) }

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "policy", Label("norace"))
}
