// Package docs_test holds the house to what its documents say: who imports
// who, where things lie, and what make and its scripts do.
package docs_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// root is the top of the repository, seen from this folder.
const root = ".."

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "docs", Label("norace"))
}
