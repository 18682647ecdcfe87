package gateway

import (
	"net/netip"
	"testing"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/attribution"
	"github.com/needwant/needwant/netns/gateway/block"
)

// accepting is a driver that accepts everything.
type accepting struct{ added int }

func (a *accepting) Replace([]block.Entry, harness.Fault) error { return nil }
func (a *accepting) Check() (string, error)                     { return "", nil }
func (a *accepting) Add(entries []block.Entry) error {
	a.added += len(entries)
	return nil
}

// A server answers for a blocked name with new addresses for as long as it is asked.
func TestTheAddressesOfABlockHaveALimit(t *testing.T) {
	driver := &accepting{}
	b := &barrier{config: Config{Shared: true}, driver: driver, blocked: map[block.Entry]bool{}}
	var failed error
	const answer = 256
	for i := 0; i < 4*mostBlocked && failed == nil; i += answer {
		failed = b.learn(func() (change attribution.Change) {
			for n := i; n < i+answer; n++ {
				address := netip.AddrFrom4([4]byte{198, byte(n >> 16), byte(n >> 8), byte(n)})
				change.Block = append(change.Block, block.Entry{Address: address, Protocol: "udp", Port: 443})
			}
			return change
		})
	}
	if failed == nil {
		t.Error("the device gets an answer with an address that is not blocked")
	}
	if b.trouble == nil {
		t.Error("nobody is told that the block is not what it should be")
	}
	if len(b.blocked) > mostBlocked+answer || driver.added > mostBlocked+answer {
		t.Errorf("%d are blocked", len(b.blocked))
	}
}
