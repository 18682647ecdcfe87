package capture

import (
	"bytes"
	"encoding/binary"
)

// The packet of the miIO protocol that has no body: its length is that of its
// head, and the last part of that is a checksum. In a device's answer to a hello
// it is the token, as long as nobody has paired the device.
const (
	miioHead     = 32
	miioChecksum = 16 // bytes, at the end of the head
)

// blank writes x over the secrets in a frame, and reports whether there were any.
func blank(frame []byte, secrets [][]byte) (found bool) {
	if checksum := headOnly(frame); checksum != nil {
		found = cover(checksum)
	}
	for _, secret := range secrets {
		for at := 0; len(secret) > 0; {
			next := bytes.Index(frame[at:], secret)
			if next < 0 {
				break
			}
			at += next
			cover(frame[at : at+len(secret)])
			found = true
		}
	}
	return found
}

// headOnly finds the checksum of a miIO packet without a body, from which side
// and over which IP it may come; nil where the frame is none. It stands at the
// frame's end, unless the frame was filled up.
func headOnly(frame []byte) []byte {
	magic := binary.BigEndian.AppendUint16([]byte{0x21, 0x31}, miioHead)
	for at := bytes.Index(frame, magic); at >= 0 && at+miioHead <= len(frame); {
		checksum := frame[at+miioHead-miioChecksum : at+miioHead]
		if len(bytes.Trim(checksum, "\x00")) > 0 && len(bytes.Trim(checksum, "\xff")) > 0 { // as in a hello itself
			return checksum
		}
		next := bytes.Index(frame[at+1:], magic)
		if next < 0 {
			return nil
		}
		at += 1 + next
	}
	return nil
}

func cover(secret []byte) bool {
	for i := range secret {
		secret[i] = 'x'
	}
	return true
}
