package placement_test

import (
	"fmt"
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/guard"
)

// guardianWord is the first argument of this binary when it is a guardian.
const guardianWord = "guardian-of-specs"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == guardianWord {
		if err := guard.Serve(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(netns.Main(m.Run))
}

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "placement")
}
