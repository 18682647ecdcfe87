package seen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/gopacket/gopacket/layers"
)

// The types of the blocks that are read; all others are skipped.
const (
	sectionBlock   = 0x0a0d0d0a
	interfaceBlock = 1
	oldPacketBlock = 2
	simpleBlock    = 3
	packetBlock    = 6
)

// mostInterfaces limits the interfaces of one section.
const mostInterfaces = 4096

// sections is a pcapng file.
type sections struct {
	in         *input
	order      binary.ByteOrder
	interfaces []captured
	body       []byte
}

// captured is an interface of a section.
type captured struct {
	link   layers.LinkType
	unit   float64 // of times, in seconds
	offset int64   // of times, in seconds
}

func (s *sections) next() (frame, error) {
	for {
		begin := s.in.offset()
		kind, body, err := s.block(begin)
		if err != nil {
			return frame{}, err
		}
		var f frame
		known := false
		switch kind {
		case sectionBlock:
			s.interfaces = s.interfaces[:0]
		case interfaceBlock:
			err = s.addInterface(body)
		case packetBlock:
			f, err = s.packet(body, 20)
			known = true
		case oldPacketBlock:
			f, err = s.packet(body, 20)
			known = true
		case simpleBlock:
			f, err = s.simple(body)
			known = true
		}
		if err != nil {
			return frame{}, s.in.fail(begin, err)
		}
		if known {
			return f, nil
		}
	}
}

// block reads the next block. The body of one that is not needed is nil.
func (s *sections) block(begin int64) (kind uint32, body []byte, err error) {
	if _, err := s.in.Peek(1); errors.Is(err, io.EOF) {
		return 0, nil, io.EOF
	}
	const around = 12 // the type, and the length twice
	head, err := s.in.Peek(around)
	if err != nil {
		return 0, nil, s.in.fill(make([]byte, around), "block", begin)
	}
	if kind = binary.LittleEndian.Uint32(head); kind == sectionBlock { // which reads the same in both orders
		const magic = 0x1a2b3c4d
		s.order = binary.ByteOrder(binary.LittleEndian)
		if binary.BigEndian.Uint32(head[8:]) == magic {
			s.order = binary.BigEndian
		} else if s.order.Uint32(head[8:]) != magic {
			return 0, nil, s.in.fail(begin, errors.New("the section that begins here has no byte order"))
		}
	}
	if s.order == nil {
		return 0, nil, s.in.fail(begin, errors.New("there is a block before the first section"))
	}
	kind = s.order.Uint32(head)
	length := int64(s.order.Uint32(head[4:]))
	if length < around || length%4 != 0 {
		return 0, nil, s.in.fail(begin, fmt.Errorf("the block that begins here has a length of %d bytes: at least 12, and a multiple of 4, was expected", length))
	}
	return s.bodyOf(kind, length-around, begin)
}

func (s *sections) bodyOf(kind uint32, length, begin int64) (uint32, []byte, error) {
	var head, tail [8]byte
	if err := s.in.fill(head[:], "block", begin); err != nil {
		return 0, nil, err
	}
	var body []byte
	switch kind {
	case interfaceBlock, packetBlock, oldPacketBlock, simpleBlock:
		if length > mostPacket {
			return 0, nil, s.in.fail(begin, fmt.Errorf("the block that begins here has %d bytes: no packet is so long", length))
		}
		s.body = buffer(s.body, int(length))
		body = s.body
		if err := s.in.fill(body, "block", begin); err != nil {
			return 0, nil, err
		}
	default:
		if n, err := s.in.Discard(int(length)); err != nil || int64(n) < length {
			return 0, nil, s.in.fill(make([]byte, 1), "block", begin)
		}
	}
	if err := s.in.fill(tail[:4], "block", begin); err != nil {
		return 0, nil, err
	}
	if s.order.Uint32(tail[:]) != s.order.Uint32(head[4:]) {
		return 0, nil, s.in.fail(begin, errors.New("the two lengths of the block that begins here differ"))
	}
	return kind, body, nil
}

var errShort = errors.New("the block that begins here is shorter than its content")

func (s *sections) addInterface(body []byte) error {
	if len(body) < 8 {
		return errShort
	}
	if len(s.interfaces) >= mostInterfaces {
		return fmt.Errorf("a section has more than %d interfaces", mostInterfaces)
	}
	added := captured{link: layers.LinkType(s.order.Uint16(body)), unit: 1e-6}
	for options := body[8:]; len(options) >= 4; {
		code, length := s.order.Uint16(options), int(s.order.Uint16(options[2:]))
		padded := (length + 3) &^ 3
		if len(options) < 4+padded {
			return errShort
		}
		value := options[4 : 4+length]
		const resolution, offset = 9, 14
		switch {
		case code == resolution && length == 1:
			added.unit = resolutionOf(value[0])
		case code == offset && length == 8:
			added.offset = int64(s.order.Uint64(value))
		}
		options = options[4+padded:]
	}
	s.interfaces = append(s.interfaces, added)
	return nil
}

// resolutionOf is the unit of times: a negative power of 2 if the first bit is set,
// else of 10.
func resolutionOf(value byte) float64 {
	if value&0x80 != 0 {
		return math.Pow(2, -float64(value&0x7f))
	}
	return math.Pow(10, -float64(value))
}

// packet reads an enhanced packet block, or an old one, whose interface has two bytes.
func (s *sections) packet(body []byte, header int) (frame, error) {
	if len(body) < header {
		return frame{}, errShort
	}
	number := int64(s.order.Uint32(body))
	if number >= int64(len(s.interfaces)) {
		number = int64(s.order.Uint16(body))
	}
	if number >= int64(len(s.interfaces)) {
		return frame{}, fmt.Errorf("the packet that begins here is of interface %d, and %d are described", number, len(s.interfaces))
	}
	kept, length := s.order.Uint32(body[12:]), s.order.Uint32(body[16:])
	if int64(kept) > int64(len(body)-header) || length > mostPacket {
		return frame{}, errShort
	}
	on := s.interfaces[number]
	ticks := uint64(s.order.Uint32(body[4:]))<<32 | uint64(s.order.Uint32(body[8:]))
	return frame{at: seconds(float64(ticks)*on.unit + float64(on.offset)), link: on.link, data: body[header : header+int(kept)], length: int(length)}, nil
}

// simple reads a simple packet block, which is of the first interface and has no time.
func (s *sections) simple(body []byte) (frame, error) {
	if len(body) < 4 || len(s.interfaces) == 0 {
		return frame{}, errShort
	}
	length := s.order.Uint32(body)
	if length > mostPacket {
		return frame{}, errShort
	}
	return frame{link: s.interfaces[0].link, data: body[4:][:min(int(length), len(body)-4)], length: int(length)}, nil
}
