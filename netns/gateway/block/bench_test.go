package block_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// BenchmarkReplace switches from one set of addresses to another, and back.
func BenchmarkReplace(b *testing.B) {
	sizes := map[string][]int{"ipset": {1, 10, 100, 1000, 10000}, "iptables": {1, 10, 100, 1000}} // 10,000 rules one by one would take the better part of an hour
	for _, kind := range []string{"ipset", "iptables"} {
		for _, size := range sizes[kind] {
			b.Run(fmt.Sprintf("%s/%d", kind, size), func(b *testing.B) { benchmark(b, kind, size) })
		}
	}
}

func benchmark(b *testing.B, kind string, size int) {
	namespace, err := netns.New()
	if err != nil {
		b.Fatal(err)
	}
	defer namespace.Close()
	tables, err := chains.Open(namespace)
	if err != nil {
		b.Fatal(err)
	}
	driver, err := block.Open(kind, namespace, tables, layout)
	if err != nil {
		b.Fatal(err)
	}
	sets := [2][]block.Entry{entries(18, size), entries(19, size)}
	turn := 0
	for b.Loop() {
		if err := driver.Replace(sets[turn], harness.Reject); err != nil {
			b.Fatal(err)
		}
		turn = 1 - turn
	}
}

// entries are addresses of 198.18.0.0/16 or 198.19.0.0/16.
func entries(network byte, size int) (entries []block.Entry) {
	for i := range size {
		address := netip.AddrFrom4([4]byte{198, network, byte(i >> 8), byte(i)})
		entries = append(entries, block.Entry{Address: address, Protocol: "tcp", Port: 443})
	}
	return entries
}
