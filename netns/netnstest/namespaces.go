// Package netnstest is what specs in network namespaces share. Only specs import it.
package netnstest

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
)

// New is a namespace that is closed when the spec ends.
func New() *netns.Namespace {
	GinkgoHelper()
	namespace, err := netns.New()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(namespace.Close)
	return namespace
}

// Shell runs a script in a namespace, ends at the first command that fails, and
// returns what the script prints.
func Shell(ctx context.Context, namespace *netns.Namespace, script string) string {
	GinkgoHelper()
	output, err := namespace.Command(ctx, "sh", "-ec", script).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s\n%s", script, output)
	return string(output)
}
