package gateway

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// A stand-in gives the device the time of this machine. Whether that is right, the device's
// own time servers say: their answers pass the gateway while they are not blocked, and the
// packet log has the first of each connection.

const (
	mostClocks  = 64               // servers whose answer is kept; a device chooses them
	rightWithin = 30 * time.Second // that a right clock may differ from theirs: no network delays an answer for so long
)

// clocks compares the clock of this machine with those of the device's time servers. It is
// safe for use by many goroutines.
type clocks struct {
	mutex sync.Mutex
	heard map[netip.Addr]reading // the last of each server
}

// reading is the time that a server gave.
type reading struct {
	said  time.Time
	heard time.Time // by this machine's clock, with its monotonic reading
}

// hear takes an answer of a time server from outside; other packets are left alone.
func (c *clocks) hear(p watch.Packet) {
	const timePort = 123
	if p.Point != watch.Inward || p.Link == 0 || p.Protocol != harness.UDP || p.Source.Port() != timePort {
		return
	}
	said, ok := timeIn(p.Payload)
	if !ok {
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if _, known := c.heard[p.Source.Addr()]; !known && len(c.heard) >= mostClocks {
		return
	}
	if c.heard == nil {
		c.heard = map[netip.Addr]reading{}
	}
	c.heard[p.Source.Addr()] = reading{said, p.At}
}

// timeIn is the time that an NTP server gives; ok is false for what is not an answer of one
// whose clock is set.
func timeIn(payload []byte) (said time.Time, ok bool) {
	const (
		server       = 4 // the mode of an answer: RFC 5905, section 7.3
		unset        = 3 // the leap indicator of a clock that is not set
		leastDistant = 1 // the stratum of a reference clock; 0 refuses to answer
		mostDistant  = 15
		since1900    = 2208988800 // seconds from 1900 to 1970
		era          = 1 << 32    // seconds after which NTP counts from 0 again
	)
	var answer layers.NTP
	if answer.DecodeFromBytes(payload, gopacket.NilDecodeFeedback) != nil || answer.Mode != server ||
		answer.LeapIndicator == unset || answer.Stratum < leastDistant || answer.Stratum > mostDistant {
		return time.Time{}, false
	}
	seconds := int64(answer.TransmitTimestamp >> 32)
	if seconds < 1<<31 { // from 2036 on
		seconds += era
	}
	fraction := int64(answer.TransmitTimestamp & (1<<32 - 1))
	return time.Unix(seconds-since1900, fraction*int64(time.Second)>>32), true
}

// wrong says that more servers contradict this machine's clock than agree with it; "" if
// that is not so, or if none was heard. One that is wrong itself is outvoted.
func (c *clocks) wrong(now time.Time) string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	agree, contradict := 0, 0
	var off time.Duration
	for _, r := range c.heard {
		by := now.Sub(r.said.Add(now.Sub(r.heard))) // said has no monotonic reading, so this compares clocks
		if by.Abs() <= rightWithin {
			agree++
			continue
		}
		contradict++
		if off == 0 || by.Abs() < off.Abs() {
			off = by
		}
	}
	if contradict <= agree {
		return ""
	}
	direction := "ahead of"
	if off < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("the clock of this machine is %s %s the device's own time servers: set it, for example with 'sudo timedatectl set-ntp true'",
		span.Words(off.Abs().Round(time.Second)), direction)
}
