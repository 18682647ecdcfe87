package watch

import "github.com/mdlayher/netlink"

// Decode is what happens to one message of the kernel's.
func Decode(message netlink.Message) (Packet, bool) {
	entry, ok := parseEntry(message)
	if !ok {
		return Packet{}, false
	}
	return newDecoder().decode(entry)
}

// Losses counts what is missing in a stream of numbers, in which 0 stands for an
// overrun.
func Losses(numbers ...uint32) int {
	var l losses
	for _, number := range numbers {
		if number == 0 {
			l.overrun()
			continue
		}
		l.saw(number)
	}
	return l.count()
}

// Shrink leaves the kernel room for a few batches.
func (l *Log) Shrink() error { return l.connection.SetReadBuffer(64 << 10) }

// ParseAnnouncement is what happens to a packet of a router.
func ParseAnnouncement(packet []byte) (Router, bool) { return parseAnnouncement(packet) }
