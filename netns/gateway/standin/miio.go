package standin

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/sockets"
)

// The header of a miIO packet, which is all of an empty one: magic, length, zeros, the id of
// the device, its stamp, and 16 bytes of a checksum.
const (
	miioPort   = 8053
	miioMagic  = 0x2131
	miioHeader = 32 // bytes
	miioStamp  = 12 // where the stamp begins, in seconds

	longestMiIO = 1500 // bytes of a packet that are read
)

// serveMiIO answers for the miIO cloud: it echoes keep-alives, and says what time it is. It has
// no key, so it neither understands nor answers anything else.
func (s *Servers) serveMiIO(ctx context.Context, at sockets.Config) error {
	at.Port = s.config.port(harness.MiIOCloud, miioPort)
	return s.replyOverUDP(ctx, at, harness.MiIOCloud, longestMiIO, miioReply)
}

// miioReply answers an empty packet that came at a time; ok is false for any other. An empty
// packet without a stamp, or a hello, asks for the time.
func miioReply(text []byte, now time.Time) (reply []byte, ok bool) {
	if len(text) != miioHeader || binary.BigEndian.Uint16(text) != miioMagic || binary.BigEndian.Uint16(text[2:]) != miioHeader {
		return nil, false
	}
	reply = bytes.Clone(text)
	if stamp := binary.BigEndian.Uint32(text[miioStamp:]); stamp == 0 || stamp == 0xffffffff {
		binary.BigEndian.PutUint32(reply[4:], 0)
		binary.BigEndian.PutUint32(reply[miioStamp:], uint32(now.Unix()))
	}
	return reply, true
}
