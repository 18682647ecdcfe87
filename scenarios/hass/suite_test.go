package hass_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestHass(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Home Assistant")
}
