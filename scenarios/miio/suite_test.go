package miio_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestMiio(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "miIO")
}
