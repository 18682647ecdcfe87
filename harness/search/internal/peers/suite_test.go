package peers_test

import (
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search/internal/peers"
)

// The test binary is also the device that bisect runs.
func TestMain(m *testing.M) {
	if !peers.IsDevice(os.Args) {
		os.Exit(m.Run())
	}
	works, err := peers.Device(os.Args, os.Stdout)
	if err != nil || !works {
		os.Exit(1)
	}
	os.Exit(0)
}

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "harness/search/internal/peers", Label("norace"))
}
