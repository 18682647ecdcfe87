package miio

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	magic      = 0x2131
	headerSize = 32
	blank      = 0xffffffff // what a hello has in every field
)

// DefaultPort is where a device listens, over UDP.
const DefaultPort = 54321

// Packet is one datagram. All numbers are big-endian on the wire: magic 0x2131,
// total length, a word that is zero but in a hello, device id, stamp, checksum,
// body.
type Packet struct {
	Hello    bool     // asks for the device's id and stamp; Device and Stamp are then meaningless
	Device   uint32   // device id
	Stamp    uint32   // seconds on the device's clock: since its start, or Unix time
	Checksum [16]byte // in a packet without a body anything: zeros, ff, or the token of an unpaired device
	Body     []byte   // encrypted; empty in a hello, its reply and a keep-alive
}

// Hello returns the packet that asks a device who it is.
func Hello() Packet {
	return Packet{Hello: true, Device: blank, Stamp: blank, Checksum: filled()}
}

// HelloReply returns a paired device's answer to a hello. The checksum keeps
// the token to itself, as paired devices do.
func HelloReply(device, stamp uint32) Packet {
	return Packet{Device: device, Stamp: stamp, Checksum: filled()}
}

func filled() (checksum [16]byte) {
	copy(checksum[:], bytes.Repeat([]byte{0xff}, len(checksum)))
	return checksum
}

// Parse reads one datagram. It does not look into the body, so that a wrong
// checksum is found by [Packet.Open] only. The packet's body is a part of the datagram.
func Parse(datagram []byte) (Packet, error) {
	if len(datagram) < headerSize {
		return Packet{}, fmt.Errorf("not a miIO packet: %d bytes are fewer than a header's %d", len(datagram), headerSize)
	}
	if got := binary.BigEndian.Uint16(datagram); got != magic {
		return Packet{}, fmt.Errorf("not a miIO packet: it begins with %#04x, not %#04x", got, magic)
	}
	if length := int(binary.BigEndian.Uint16(datagram[2:])); length != len(datagram) {
		return Packet{}, fmt.Errorf("broken miIO packet: it claims %d bytes and has %d", length, len(datagram))
	}
	return Packet{
		Hello:    binary.BigEndian.Uint32(datagram[4:]) == blank,
		Device:   binary.BigEndian.Uint32(datagram[8:]),
		Stamp:    binary.BigEndian.Uint32(datagram[12:]),
		Checksum: [16]byte(datagram[16:headerSize]),
		Body:     datagram[headerSize:],
	}, nil
}

// Bytes returns the datagram. A body of more than 65,503 bytes does not fit one.
func (p Packet) Bytes() []byte {
	return append(append(p.header(), p.Checksum[:]...), p.Body...)
}

// header is what comes before the checksum, and is covered by it.
func (p Packet) header() []byte {
	header := make([]byte, 0, headerSize+len(p.Body))
	header = binary.BigEndian.AppendUint16(header, magic)
	header = binary.BigEndian.AppendUint16(header, uint16(headerSize+len(p.Body)))
	unknown := uint32(0)
	if p.Hello {
		unknown = blank
	}
	header = binary.BigEndian.AppendUint32(header, unknown)
	header = binary.BigEndian.AppendUint32(header, p.Device)
	return binary.BigEndian.AppendUint32(header, p.Stamp)
}
