package names

import (
	"net/netip"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/needwant/needwant/netns/gateway/recent"
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

// The limits of the streams that have begun and have not shown a server name yet.
const (
	mostHellos   = 1024
	longestBegun = time.Minute // a client sends its ClientHello as soon as it is connected
	mostPieces   = 64          // segments of one stream
	mostBytes    = 4 << 20     // of all streams
)

// Hellos puts the beginnings of streams together, which may come in several
// segments, in any order and repeatedly. It is used by one goroutine at a time. If
// a device opens more streams at once than the limits allow, the names of the
// oldest are lost.
type Hellos struct {
	begun *recent.Map[Stream, *beginning]
	size  int // bytes that were kept, of streams that were forgotten too, since begun was last empty
}

type beginning struct {
	sequence uint32 // of the first byte
	parts    map[uint32][]byte
	size     int
}

// NewHellos has none yet.
func NewHellos() *Hellos {
	return &Hellos{begun: recent.New[Stream, *beginning](mostHellos, longestBegun)}
}

// Begin notes a SYN with its sequence number.
func (h *Hellos) Begin(stream Stream, sequence uint32) {
	if h.begun.Len() == 0 {
		h.size = 0
	}
	h.begun.Put(stream, &beginning{sequence: sequence + 1, parts: map[uint32][]byte{}})
}

// Add takes one segment and returns the server's name once it is known. It returns
// "" for streams whose beginning was not noted.
func (h *Hellos) Add(stream Stream, sequence uint32, payload []byte) (name string) {
	begun, known := h.begun.Get(stream)
	if !known || len(payload) == 0 {
		return ""
	}
	before := begun.size
	name, enough := begun.add(sequence-begun.sequence, payload)
	h.size += begun.size - before
	if enough {
		h.size -= begun.size
		h.begun.Delete(stream)
	}
	if h.size >= mostBytes {
		h.begun.Clear()
	}
	return name
}

func (b *beginning) add(at uint32, payload []byte) (name string, enough bool) {
	if at >= longestHello || b.size >= longestHello || len(b.parts) >= mostPieces {
		return "", true
	}
	payload = payload[:min(len(payload), longestHello-int(at))]
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
