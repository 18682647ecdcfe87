package seen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gopacket/gopacket/layers"
)

// The containers of packets are read here and not with a library, so that their blocks
// have a limit and errors have the exact place: pcap (draft-ietf-opsawg-pcap) and
// pcapng (draft-ietf-opsawg-pcapng).

// mostPacket limits one packet or block. tcpdump keeps at most 256 KiB of a packet.
const mostPacket = 16 << 20

// isCapture reports whether data begins like pcap or pcapng.
func isCapture(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	_, _, classic := classicOrder(head)
	return classic || binary.LittleEndian.Uint32(head) == sectionBlock
}

// frame is one packet of a capture.
type frame struct {
	at     time.Time // zero if the capture has no times
	link   layers.LinkType
	data   []byte // valid until the next one is read
	length int    // as it was on the wire
}

// frames is a capture that is being read. It returns [io.EOF] after the last packet.
type frames interface{ next() (frame, error) }

func readCapture(in *input, t *Table) error {
	head, err := in.Peek(4)
	if err != nil {
		return errors.New("the file ends within its header")
	}
	capture := frames(&sections{in: in})
	if order, fraction, ok := classicOrder(head); ok {
		if capture, err = newClassic(in, order, fraction); err != nil {
			return err
		}
	} else if !isCapture(head) {
		return errors.New("it is neither pcap nor pcapng")
	}
	decoder := newDecoder(t)
	for {
		f, err := capture.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if in.source.Records++; !decoder.take(f) {
			in.source.Skipped++
		}
	}
}

// fill reads exactly the bytes of into. What begins at the offset is cut off otherwise.
func (in *input) fill(into []byte, what string, begin int64) error {
	_, err := io.ReadFull(in.Reader, into)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return in.fail(begin, fmt.Errorf("the file ends within the %s that begins here: it is cut off. Keep what is whole with: tcpdump -r FILE -w WHOLE", what))
	}
	if err != nil {
		return in.fail(in.offset(), err)
	}
	return nil
}

// buffer is b, with room for n bytes.
func buffer(b []byte, n int) []byte {
	if cap(b) < n {
		b = make([]byte, max(n, 4096))
	}
	return b[:n]
}

// classic is a file of libpcap.
type classic struct {
	in       *input
	order    binary.ByteOrder
	fraction time.Duration // the unit of the second part of a time
	link     layers.LinkType
	data     []byte
}

// classicOrder reads the byte order and the unit of times from the first four bytes.
func classicOrder(head []byte) (order binary.ByteOrder, fraction time.Duration, ok bool) {
	const micro, nano = 0xa1b2c3d4, 0xa1b23c4d
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(head) {
		case micro:
			return order, time.Microsecond, true
		case nano:
			return order, time.Nanosecond, true
		}
	}
	return nil, 0, false
}

func newClassic(in *input, order binary.ByteOrder, fraction time.Duration) (*classic, error) {
	var header [24]byte
	if err := in.fill(header[:], "header", 0); err != nil {
		return nil, err
	}
	const linkBits = 0xffff // the others are of the frame check sequence
	return &classic{in: in, order: order, fraction: fraction, link: layers.LinkType(order.Uint32(header[20:]) & linkBits)}, nil
}

func (c *classic) next() (frame, error) {
	begin := c.in.offset()
	if _, err := c.in.Peek(1); errors.Is(err, io.EOF) {
		return frame{}, io.EOF
	}
	var header [16]byte
	if err := c.in.fill(header[:], "packet", begin); err != nil {
		return frame{}, err
	}
	kept, length := c.order.Uint32(header[8:]), c.order.Uint32(header[12:])
	if kept > mostPacket || length > mostPacket {
		return frame{}, c.in.fail(begin, fmt.Errorf("the packet that begins here has %d bytes, of which %d are in the file: no packet is so long", length, kept))
	}
	c.data = buffer(c.data, int(kept))
	if err := c.in.fill(c.data, "packet", begin); err != nil {
		return frame{}, err
	}
	at := time.Unix(int64(c.order.Uint32(header[:])), int64(c.order.Uint32(header[4:]))*int64(c.fraction))
	return frame{at: at, link: c.link, data: c.data, length: int(length)}, nil
}
