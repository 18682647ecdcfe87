package scenarios

import (
	"fmt"
	"net"
	"sync/atomic"
)

// maxPacket is the longest packet of MQTT that is read: a payload of as much as is
// read of any answer, with its topic.
const maxPacket = maxText + 1<<16

// frames is a connection to an MQTT broker that ends when the broker announces a
// longer packet than [maxPacket]. Client libraries make room for what is announced,
// up to 256 MB. Use it for reading from one goroutine at a time.
type frames struct {
	net.Conn
	typed  bool // the packet's type was read, and its length is next
	length int  // as far as it was read
	shift  int  // of the length's next 7 bits
	left   int  // of the packet's contents
	broken atomic.Pointer[error]
}

// Write fails with the reason for which nothing more is read, if there is one.
func (f *frames) Write(from []byte) (int, error) {
	n, err := f.Conn.Write(from)
	if broken := f.broken.Load(); broken != nil {
		err = *broken
	}
	return n, err
}

// Read reads no further than to the end of a packet's head, or of its contents.
func (f *frames) Read(into []byte) (int, error) {
	if len(into) == 0 {
		return f.Conn.Read(into)
	}
	if f.left == 0 {
		n, err := f.Conn.Read(into[:1])
		if n == 1 {
			if err := f.head(into[0]); err != nil {
				f.broken.Store(&err)
				return 0, err
			}
		}
		return n, err
	}
	n, err := f.Conn.Read(into[:min(len(into), f.left)])
	f.left -= n
	return n, err
}

// head takes one byte of a packet's head: its type, then its length in groups of 7
// bits, the lowest first (section 2.2.3 of MQTT 3.1.1, 1.5.5 of MQTT 5).
func (f *frames) head(b byte) error {
	if !f.typed {
		f.typed, f.length, f.shift = true, 0, 0
		return nil
	}
	f.length |= int(b&0x7f) << f.shift
	f.shift += 7
	switch {
	case f.length > maxPacket:
		return fmt.Errorf("the broker sent a packet of %d bytes or more, and %d are read", f.length, maxPacket)
	case b&0x80 == 0:
		f.typed, f.left = false, f.length
	case f.shift > 21:
		return fmt.Errorf("the broker sent a packet whose length has no end")
	}
	return nil
}
