package conntrack

import "golang.org/x/sys/unix"

// The limits, for the specs.
const (
	MostKnown = mostKnown
	MostAsked = mostAsked
)

// Dumps is how often the kernel's table was dumped.
func (t *Table) Dumps() int { return t.dumps }

// Narrow leaves room for a few events only.
func (t *Table) Narrow() error {
	return unix.SetsockoptInt(t.events.file, unix.SOL_SOCKET, unix.SO_RCVBUF, 1)
}
