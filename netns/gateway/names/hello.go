package names

import (
	"net/netip"

	"golang.org/x/crypto/cryptobyte"
)

// The numbers of TLS that a ClientHello has (RFC 8446 sections 4 and 5.1, RFC
// 6066 section 3).
const (
	handshakeRecord = 22
	clientHello     = 1
	serverNameKind  = 0 // both of the extension and of a host name in it
	longestHello    = 16 << 10
)

// ServerName reads the name that a TLS client asks for from the beginning of what
// it sends, in lower case; "" where it asks for none. Enough is false while what
// is missing may still tell.
func ServerName(stream []byte) (name string, enough bool) {
	handshake, valid := handshakeOf(stream)
	if !valid {
		return "", true
	}
	var kind uint8
	var body cryptobyte.String
	message := cryptobyte.String(handshake)
	if len(message) > 0 && message[0] != clientHello {
		return "", true
	}
	if !message.ReadUint8(&kind) || !message.ReadUint24LengthPrefixed(&body) {
		return "", len(handshake) >= longestHello
	}
	return serverNameIn(body), true
}

// handshakeOf joins what the records hold, the last of which may be cut short.
// It is not valid where they are no handshake.
func handshakeOf(stream []byte) (handshake []byte, valid bool) {
	const headerSize = 5 // kind, version, length
	for len(stream) > 0 {
		if stream[0] != handshakeRecord || len(stream) > 1 && stream[1] != 3 {
			return handshake, len(handshake) > 0
		}
		if len(stream) < headerSize {
			break
		}
		length := int(stream[3])<<8 | int(stream[4])
		stream = stream[headerSize:]
		handshake = append(handshake, stream[:min(length, len(stream))]...)
		stream = stream[min(length, len(stream)):]
	}
	return handshake, true
}

func serverNameIn(hello cryptobyte.String) string {
	var session, suites, compressions, extensions cryptobyte.String
	const versionAndRandom = 2 + 32
	if !hello.Skip(versionAndRandom) || !hello.ReadUint8LengthPrefixed(&session) || !hello.ReadUint16LengthPrefixed(&suites) ||
		!hello.ReadUint8LengthPrefixed(&compressions) || !hello.ReadUint16LengthPrefixed(&extensions) {
		return ""
	}
	for !extensions.Empty() {
		var kind uint16
		var extension, list cryptobyte.String
		if !extensions.ReadUint16(&kind) || !extensions.ReadUint16LengthPrefixed(&extension) {
			return ""
		}
		if kind == serverNameKind && extension.ReadUint16LengthPrefixed(&list) {
			return hostIn(list)
		}
	}
	return ""
}

// hostIn is the host of a list of server names, if it is one.
func hostIn(list cryptobyte.String) string {
	var kind uint8
	var host cryptobyte.String
	if !list.ReadUint8(&kind) || kind != serverNameKind || !list.ReadUint16LengthPrefixed(&host) {
		return ""
	}
	if name := Canonical(string(host)); IsHost(name) {
		return name
	}
	return ""
}

// Stream is one direction of a TCP connection.
type Stream struct{ From, To netip.AddrPort }

// Hellos puts the beginnings of streams together, which may come in several
// segments, in any order and repeatedly. It is used by one goroutine at a time.
type Hellos struct {
	begun map[Stream]*beginning
}

// mostPieces bounds the segments of one stream that are kept.
const mostPieces = 64

type beginning struct {
	sequence uint32 // of the first byte
	parts    map[uint32][]byte
	size     int
}

// mostHellos bounds the streams that were begun and have said nothing yet. A
// device that opens more at once than that loses the names of the oldest.
const mostHellos = 1024

// NewHellos has none yet.
func NewHellos() *Hellos { return &Hellos{map[Stream]*beginning{}} }

// Begin notes a SYN with its sequence number.
func (h *Hellos) Begin(stream Stream, sequence uint32) {
	if len(h.begun) >= mostHellos {
		clear(h.begun)
	}
	h.begun[stream] = &beginning{sequence: sequence + 1, parts: map[uint32][]byte{}}
}

// Add takes one segment and returns the server's name once it is known. Of
// streams whose beginning was not noted it says nothing.
func (h *Hellos) Add(stream Stream, sequence uint32, payload []byte) (name string) {
	begun := h.begun[stream]
	if begun == nil || len(payload) == 0 {
		return ""
	}
	name, enough := begun.add(sequence-begun.sequence, payload)
	if enough {
		delete(h.begun, stream)
	}
	return name
}

func (b *beginning) add(at uint32, payload []byte) (name string, enough bool) {
	if at >= longestHello || b.size >= longestHello || len(b.parts) >= mostPieces {
		return "", true
	}
	if len(payload) > len(b.parts[at]) {
		b.size += len(payload) - len(b.parts[at])
		b.parts[at] = append([]byte(nil), payload...)
	}
	var joined []byte
	for {
		part := b.parts[uint32(len(joined))]
		if len(part) == 0 {
			break
		}
		joined = append(joined, part...)
	}
	return ServerName(joined)
}
