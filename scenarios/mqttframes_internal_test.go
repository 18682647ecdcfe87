package scenarios

import (
	"bytes"
	"io"
	"net"
	"testing"
)

// wire is a connection on which these bytes come, in pieces.
type wire struct {
	net.Conn
	reader io.Reader
}

func (w wire) Read(into []byte) (int, error) { return w.reader.Read(into) }

// FuzzFrames reads what a hostile broker sends: whatever is read is what was sent,
// and no packet that is longer than allowed gets past its head.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{0x20, 3, 0, 0, 0, 0x30, 2, 'a', 'b'}, 3)
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0x7f, 0}, 1)
	f.Add([]byte{0x30, 0x80, 0x80, 0x80, 0x80, 0x01}, 4096)
	f.Add([]byte{0xd0, 0, 0xd0, 0}, 7)
	f.Fuzz(func(t *testing.T, sent []byte, piece int) {
		piece = max(1, min(piece, 1<<16))
		limited := &frames{Conn: wire{reader: bytes.NewReader(sent)}}
		var read []byte
		for buffer := make([]byte, piece); ; {
			n, err := limited.Read(buffer)
			read = append(read, buffer[:n]...)
			if err != nil {
				break
			}
			if limited.left > maxPacket || limited.left < 0 {
				t.Fatalf("a packet of %d bytes got past its head", limited.left)
			}
		}
		if !bytes.HasPrefix(sent, read) {
			t.Fatalf("%x was sent, and %x read", sent, read)
		}
	})
}
