package catalog_test

import (
	"flag"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// go test ./reports/catalog -update writes the golden files again.
var update = flag.Bool("update", false, "write the golden files of the catalog")

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "catalog", Label("norace"))
}
