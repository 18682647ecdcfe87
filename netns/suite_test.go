package netns_test

import (
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
)

// The binary is also the program that the specs of Reexec run as another user.
func TestMain(m *testing.M) {
	if probe := os.Getenv(probeVariable); probe != "" {
		os.Exit(netns.Main(probes[probe]))
	}
	os.Exit(netns.Main(m.Run))
}

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "netns")
}
