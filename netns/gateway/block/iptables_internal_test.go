package block

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/needwant/needwant/harness"
)

func TestRulesOfIptablesHaveALimit(t *testing.T) {
	r := &rules{held: make([]Entry, mostRules)}
	if err := r.Add([]Entry{{Address: netip.MustParseAddr("198.51.100.1"), Protocol: "tcp", Port: 443}}); err == nil {
		t.Error("one more is written")
	}
	if len(r.held) != mostRules {
		t.Errorf("it holds %d", len(r.held))
	}
}

func TestTooManyRulesForIptablesLeaveTheOldOnes(t *testing.T) {
	old := []Entry{{Address: netip.MustParseAddr("198.51.100.1"), Protocol: "tcp", Port: 443}}
	r := &rules{held: old, fault: harness.Reject}
	var more []Entry
	for port := range mostRules + 1 {
		more = append(more, Entry{Address: old[0].Address, Protocol: "udp", Port: uint16(port)})
	}
	if err := r.Replace(more, harness.Drop); err == nil {
		t.Error("all are written")
	}
	if !slices.Equal(r.held, old) || r.fault != harness.Reject {
		t.Errorf("it holds %d entries with %s", len(r.held), r.fault)
	}
}
