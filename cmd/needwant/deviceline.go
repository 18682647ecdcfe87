package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/needwant/needwant/reports"
)

// deviceLine is what is shown of the experiment with one device among several. What is
// written to it is shown after the name of the device. If live, the line shows the present
// instead while the experiment lasts: the trial, or else what was said last.
type deviceLine struct {
	out  io.Writer
	name string
	live bool

	waiting *waiting // nil until the first trial

	mu   sync.Mutex
	said string // last
	over bool   // what is said now stays on the screen
}

// begin returns what the experiment shows its present on.
func (l *deviceLine) begin() *waiting {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = &waiting{trials: map[int]doing{}, stop: l.finish}
	return l.waiting
}

// finish has what is said from now on stay on the screen.
func (l *deviceLine) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// again has the line show the present of the next experiment.
func (l *deviceLine) again() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over, l.waiting = false, nil
}

// Write shows lines.
func (l *deviceLine) Write(text []byte) (int, error) {
	var out strings.Builder
	l.mu.Lock()
	for line := range strings.Lines(string(text)) {
		line = reports.Clean(strings.TrimRight(line, "\n"))
		if said := strings.TrimSpace(line); said != "" {
			l.said = said
			fmt.Fprintf(&out, "%s: %s\n", l.name, line)
		}
	}
	hidden := l.live && !l.over
	l.mu.Unlock() // the screen asks for the present while it writes
	if hidden {
		return len(text), nil
	}
	_, err := io.WriteString(l.out, out.String())
	return len(text), err
}

// end shows how the experiment ended.
func (l *deviceLine) end(text string) {
	l.finish()
	laid(l, text)
}

// now is the present, in one line.
func (l *deviceLine) now() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting != nil && !l.over {
		if line := l.waiting.line(); line != "" {
			return line
		}
	}
	return cmp.Or(l.said, "begins")
}
