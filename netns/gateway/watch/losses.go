package watch

// losses counts what is missing in a stream of numbered messages. An overrun is
// known before the number that shows how much it took.
type losses struct {
	next    uint32
	started bool
	missing int
	pending bool // an overrun without a number after it
}

func (l *losses) overrun() { l.pending = true }

func (l *losses) saw(number uint32) {
	if l.started {
		l.missing += int(number - l.next) // also right where the numbers wrap
	}
	if l.pending && l.started && number == l.next {
		l.missing++ // the kernel says so, although no number is missing
	}
	l.next, l.started, l.pending = number+1, true, false
}

func (l *losses) count() int {
	if l.pending {
		return l.missing + 1
	}
	return l.missing
}
