package main

import (
	"io"
	"sync"
	"time"

	"github.com/clipperhouse/displaywidth"
	"github.com/vbauerster/cupwriter"

	"github.com/needwant/needwant/reports"
)

// screen is where a command writes what is not its result. On a terminal it can keep a
// status below everything that is written, and draws it again every second. Elsewhere
// there is no status.
type screen struct {
	out  io.Writer
	size func() (columns, rows int, err error) // of the terminal; nil if it is none

	mu     sync.Mutex
	pen    *cupwriter.Writer // holds what erases the status that is drawn
	status status            // nil while there is none
	shown  window            // in which the status was drawn last
	held   int               // questions that are open: no status is drawn then
}

// status is what a screen shows at its bottom: lines for a window of this size.
type status func(columns, rows int) []string

// window is the size of a terminal, and how much of it a status takes.
type window struct{ columns, rows, lines int }

func newScreen(out io.Writer) *screen {
	s := &screen{out: out}
	file, isFile := underlying(out)
	if isFile && terminal(file) {
		s.pen = cupwriter.New(file, false)
		s.size = s.pen.GetTermSize
	}
	return s
}

// screenOf is the screen that a command writes to, or one for another writer.
func screenOf(out io.Writer) *screen {
	if s, ok := out.(*screen); ok {
		return s
	}
	return newScreen(out)
}

// live reports whether a status can be shown.
func (s *screen) live() bool { return s.size != nil }

// columns returns the width of the terminal, without its last column. Without a terminal it
// is 0.
func (s *screen) columns() int {
	if !s.live() {
		return 0
	}
	columns, _ := s.window()
	return max(1, columns-1)
}

// window is the size of the terminal. Some terminals do not know theirs.
func (s *screen) window() (columns, rows int) {
	columns, rows, err := s.size()
	if err != nil || columns < 1 || rows < 2 {
		return 80, 24
	}
	return columns, rows
}

// Write writes above the status.
func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status == nil || s.held > 0 {
		return s.out.Write(text)
	}
	_, _ = s.pen.Write(text) // into memory
	return len(text), s.draw()
}

// refresh is how often the status is drawn.
const refresh = time.Second

// show keeps a status on the screen until stop is called, which erases it. Lines that are
// too long for the window are shortened, and there are never more than fit.
func (s *screen) show(status status) (stop func()) {
	if !s.live() {
		return func() {}
	}
	s.mu.Lock()
	s.status, s.shown = status, window{}
	s.mu.Unlock()
	ended, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		again := time.NewTicker(refresh)
		defer again.Stop()
		for {
			s.redraw()
			select {
			case <-ended:
				return
			case <-again.C:
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(ended)
		<-gone
		s.mu.Lock()
		defer s.mu.Unlock()
		s.status = nil
		_ = s.flush(0)
	})
}

// redraw draws the status as it is now. A terminal that went away stops nothing.
func (s *screen) redraw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status != nil && s.held == 0 {
		_ = s.draw()
	}
}

// hold erases the status while a person is asked something, until release is called.
func (s *screen) hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held++; s.pen != nil {
		_ = s.flush(0)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held--
	}
}

// draw writes what was written since, and the status below it.
func (s *screen) draw() error {
	columns, rows := s.window()
	lines := s.status(columns, rows)
	now := window{columns, rows, min(len(lines), max(0, rows-1))}
	if s.shown.columns != columns && s.shown.lines > rows/2 { // where its lines are now is not known
		s.pen.Reset()
		_, _ = s.pen.WriteString("\x1b[H\x1b[2J") // to the upper left, and clear
	}
	for _, line := range lines[:now.lines] {
		_, _ = s.pen.WriteString(fitting(line, columns) + "\n")
	}
	err := s.flush(now.lines)
	s.shown = now
	return err
}

// flush erases the status that is drawn, and writes what there is instead, of which so many lines
// are the next status. A ^C that the terminal has shown below the status is erased, too.
func (s *screen) flush(lines int) error {
	if s.shown.lines > 0 {
		_, _ = io.WriteString(s.out, "\r")
	}
	s.shown.lines = 0
	return s.pen.Flush(lines)
}

// fitting is a line that fits a window, with the last column left free: some terminals
// break the line there.
func fitting(line string, columns int) string {
	return displaywidth.TruncateString(reports.Clean(line), max(1, columns-1), "…")
}
