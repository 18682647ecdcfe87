package policy_test

import (
	"flag"
	"os"
	"slices"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/reports/policy"
)

// go test ./reports/policy -update writes the golden files again.
var update = flag.Bool("update", false, "write the golden files of the exports")

func TestMain(m *testing.M) { os.Exit(netns.Main(m.Run)) }

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "policy", Label("norace"))
}

// languages are the formats that block something.
func languages() []policy.Format { return slices.DeleteFunc(policy.Formats(), policy.Format.Offers) }
