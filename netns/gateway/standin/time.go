package standin

import (
	"context"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/sockets"
)

const (
	timePort    = 123  // RFC 5905
	longestTime = 1024 // bytes of a request that are read; it has 48, and extensions that are not answered
)

// serveTime is an NTP server with the time of this machine.
func (s *Servers) serveTime(ctx context.Context, at sockets.Config) error {
	at.Port = s.config.port(harness.TimeServer, timePort)
	return s.replyOverUDP(ctx, at, harness.TimeServer, longestTime, timeReply)
}

// The modes of NTP (RFC 5905, section 7.3).
const (
	symmetricActive  = 1
	symmetricPassive = 2
	client           = 3
	server           = 4
)

// What the server says of its clock. A client trusts one that was set a moment ago, and
// is not far from a reference clock.
const (
	stratum   = 2
	precision = -20        // log2 of seconds: a microsecond
	sinceSet  = 10         // seconds since the clock was set
	delay     = 65536 / 64 // 16 ms, in parts of 65536 of a second
	local     = 0x7f7f0101 // 127.127.1.1, the clock of the machine
)

// timeReply answers a request that came at a time; ok is false for what is no request.
// It is never longer than the request.
func timeReply(text []byte, now time.Time) (reply []byte, ok bool) {
	var request layers.NTP
	if request.DecodeFromBytes(text, gopacket.NilDecodeFeedback) != nil || request.Version < 1 || request.Version > 4 {
		return nil, false
	}
	mode := map[layers.NTPMode]layers.NTPMode{client: server, symmetricActive: symmetricPassive}[request.Mode]
	if mode == 0 {
		return nil, false
	}
	buffer := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{}, &layers.NTP{
		Version: request.Version, Mode: mode, Stratum: stratum, Poll: request.Poll, Precision: precision,
		RootDelay: delay, RootDispersion: delay, ReferenceID: local,
		ReferenceTimestamp: timestamp(now.Add(-sinceSet * time.Second)),
		OriginTimestamp:    request.TransmitTimestamp,
		ReceiveTimestamp:   timestamp(now),
		TransmitTimestamp:  timestamp(now),
	})
	return buffer.Bytes(), err == nil
}

// timestamp is a time in NTP's form: seconds since 1900, and a fraction of 32 bits.
func timestamp(at time.Time) layers.NTPTimestamp {
	const since1900 = 2208988800 // seconds from 1900 to 1970
	seconds := uint64(at.Unix() + since1900)
	return layers.NTPTimestamp(seconds<<32 | uint64(at.Nanosecond())<<32/uint64(time.Second))
}
