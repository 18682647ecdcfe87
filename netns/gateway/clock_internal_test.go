package gateway

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/watch"
)

func timeAnswer(server byte, said time.Time, change ...func([]byte)) watch.Packet {
	answer := make([]byte, 48)
	answer[0], answer[1] = 4<<3|4, 2
	binary.BigEndian.PutUint32(answer[40:], uint32(said.Unix()+2208988800))
	for _, f := range change {
		f(answer)
	}
	return watch.Packet{
		Point: watch.Inward, Link: 2, Protocol: harness.UDP, Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, server}), 123),
		Payload: answer, At: said,
	}
}

func TestTheClockIsWrongIfMoreTimeServersContradictItThanAgree(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		off  []time.Duration // of this machine, as each server sees it
		says string
	}{
		{nil, ""},
		{[]time.Duration{0}, ""},
		{[]time.Duration{20 * time.Second, -20 * time.Second}, ""},
		{[]time.Duration{time.Hour}, "is 1 h ahead of"},
		{[]time.Duration{-time.Hour}, "is 1 h behind"},
		{[]time.Duration{0, time.Hour}, ""},
		{[]time.Duration{0, time.Hour, 2 * time.Hour}, "is 1 h ahead of"},
		{[]time.Duration{-30 * 365 * 24 * time.Hour}, "behind"},
	} {
		var all clocks
		for i, off := range c.off {
			p := timeAnswer(byte(i), now.Add(-off))
			p.At = now
			all.hear(p)
		}
		if got := all.wrong(now); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%v: %q", c.off, got)
		}
	}
}

// A server that refuses, is not set, or is no server, says nothing of the time.
func TestOnlyTheAnswersOfTimeServersThatAreSetAreHeard(t *testing.T) {
	past := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for what, p := range map[string]watch.Packet{
		"not set":   timeAnswer(1, past, func(b []byte) { b[0] |= 3 << 6 }),
		"a refusal": timeAnswer(1, past, func(b []byte) { b[1] = 0 }),
		"far away":  timeAnswer(1, past, func(b []byte) { b[1] = 16 }),
		"a client":  timeAnswer(1, past, func(b []byte) { b[0] = 4<<3 | 3 }),
		"cut off":   {Point: watch.Inward, Link: 2, Protocol: harness.UDP, Source: netip.MustParseAddrPort("203.0.113.1:123"), Payload: []byte{0x24, 2}},
		"another port": func() watch.Packet {
			p := timeAnswer(1, past)
			p.Source = netip.MustParseAddrPort("203.0.113.1:124")
			return p
		}(),
		"our own answer": func() watch.Packet { p := timeAnswer(1, past); p.Link = 0; return p }(),
		"outward":        func() watch.Packet { p := timeAnswer(1, past); p.Point = watch.Outward; return p }(),
	} {
		var all clocks
		p.At = past.AddDate(6, 0, 0)
		all.hear(p)
		if got := all.wrong(p.At); got != "" {
			t.Errorf("%s: %q", what, got)
		}
	}
	if said, ok := timeIn(timeAnswer(1, past, func(b []byte) { binary.BigEndian.PutUint32(b[40:], 1) }).Payload); !ok || said.Year() != 2036 {
		t.Errorf("after NTP counts from 0 again: %v", said)
	}
}

func TestTheTimeServersThatAreHeardHaveALimit(t *testing.T) {
	var all clocks
	now := time.Now()
	for i := range 2 * mostClocks {
		all.hear(timeAnswer(byte(i), now))
	}
	if len(all.heard) != mostClocks {
		t.Errorf("%d servers are kept", len(all.heard))
	}
}
