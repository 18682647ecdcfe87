package block

import (
	"net/netip"
	"testing"
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
