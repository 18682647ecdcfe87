package lab_test

import (
	"flag"
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
)

var update = flag.Bool("update", false, "write the published schema of worlds again")

func TestMain(m *testing.M) { os.Exit(netns.Main(m.Run)) }

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "lab")
}
