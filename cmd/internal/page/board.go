package page

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// Content is what a page shows: a run, or a list of runs.
type Content struct {
	Run    string                // its id
	Report func() reports.Report // made when somebody looks
	Live   reports.Live
	List   func(io.Writer) error // writes the list; nil if it is a run
}

// has reports whether a destination is on the page.
func (c Content) has(d harness.Destination) bool {
	return slices.Contains(c.Live.Blocked, d) || slices.ContainsFunc(c.Report().Rows, func(row reports.Row) bool { return row.Destination.ID == d })
}

// Board is one page: what it shows, and what people want of it.
type Board struct {
	mu      sync.Mutex
	content Content
	version int
	changed chan struct{} // closed when there is a new version
	asked   *asked        // the question that waits; nil if there is none
	latest  *asked        // the one that waits or waited last; nil if there was none
	orders  chan harness.Order
	relay   func(context.Context, Act) Reply // carries out what people do; nil if this program does

	making   sync.Mutex
	rendered map[role]rendering
}

// NewBoard returns a page that shows nothing yet.
func NewBoard() *Board {
	return &Board{changed: make(chan struct{}), orders: make(chan harness.Order, mostOrders), rendered: map[role]rendering{}}
}

// rendering is a page, and the version that it shows.
type rendering struct {
	text    []byte
	version int
}

// Show is what the page shows from now on.
func (b *Board) Show(content Content) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.content = content
	b.bump()
}

// bump makes a new version. The page is locked.
func (b *Board) bump() {
	b.version++
	close(b.changed)
	b.changed = make(chan struct{})
}

// State returns the run that is shown, "" if there is none; what happens in it now; and what is closed when something is
// different.
func (b *Board) State() (run string, live reports.Live, changed <-chan struct{}) {
	content, _, changed := b.now()
	return content.Run, content.Live, changed
}

// now returns what is shown, its version, and what is closed when there is a newer one.
func (b *Board) now() (Content, int, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	content := b.content
	if b.asked != nil {
		content.Live.Ask = &b.asked.shown
	}
	return content, b.version, b.changed
}

// page is the page as it is now, for who may do this much. They all share one.
func (b *Board) page(who role) ([]byte, error) {
	b.making.Lock()
	defer b.making.Unlock()
	content, version, _ := b.now()
	if content.Report == nil && content.List == nil {
		return nil, errors.New("there is nothing to show yet")
	}
	if made, ok := b.rendered[who]; ok && made.version == version {
		return made.text, nil
	}
	if who != controller {
		content.Live.Ask, content.Live.Orders = nil, nil
	}
	write := content.List
	if write == nil {
		write = func(w io.Writer) error { return reports.LiveHTML(w, content.Report(), content.Live) }
	}
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return nil, err
	}
	b.rendered[who] = rendering{text.Bytes(), version}
	return text.Bytes(), nil
}
