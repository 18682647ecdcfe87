package netns_test

import (
	"testing"

	"github.com/needwant/needwant/netns"
)

// BenchmarkNamespace makes a namespace and gives it up. The kernel takes it away
// a little later.
func BenchmarkNamespace(b *testing.B) {
	for b.Loop() {
		namespace, err := netns.New()
		if err != nil {
			b.Fatal(err)
		}
		if err := namespace.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
