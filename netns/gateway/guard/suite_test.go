package guard_test

import (
	"context"
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
)

func TestMain(m *testing.M) { os.Exit(netns.Main(m.Run)) }

func TestGuard(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "guard")
}

func created() *netns.Namespace {
	GinkgoHelper()
	namespace, err := netns.New()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(namespace.Close)
	return namespace
}

// output is what a command says in a namespace.
func output(ctx context.Context, namespace *netns.Namespace, name string, args ...string) string {
	GinkgoHelper()
	text, err := namespace.Command(ctx, name, args...).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s %v: %s", name, args, text)
	return string(text)
}
