package page

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/needwant/needwant/netns/gateway/recent"
)

// limiter allows each sender a number of requests at once, and so many a second.
type limiter struct {
	mu     sync.Mutex
	rate   float64 // a second
	burst  float64
	levels *recent.Map[netip.Addr, level]
}

// level is what a sender has left, and when that was so.
type level struct {
	left float64
	at   time.Time
}

// The senders that are remembered.
const (
	mostSenders   = 1024
	longestMemory = 10 * time.Minute
)

func newLimiter(rate, burst float64) *limiter {
	return &limiter{rate: rate, burst: burst, levels: recent.New[netip.Addr, level](mostSenders, longestMemory)}
}

// allow takes one request of a sender, and reports whether there was one left.
func (l *limiter) allow(sender netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.level(sender)
	if now.left < 1 {
		return false
	}
	now.left--
	l.levels.Put(sender, now)
	return true
}

// exhausted reports whether a sender has no request left. It takes none.
func (l *limiter) exhausted(sender netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.level(sender).left < 1
}

func (l *limiter) level(sender netip.Addr) level {
	known, ok := l.levels.Get(sender)
	if !ok {
		return level{l.burst, time.Now()}
	}
	return level{min(l.burst, known.left+l.rate*time.Since(known.at).Seconds()), time.Now()}
}

// fewEach is a listener that accepts a limited number of connections of each sender at a
// time, so that one that sends slowly, or nothing, keeps no place that others need.
type fewEach struct {
	net.Listener
	mu   sync.Mutex
	open map[netip.Addr]int
}

func newFewEach(listener net.Listener) *fewEach {
	return &fewEach{Listener: listener, open: map[netip.Addr]int{}}
}

// Accept closes connections that are too many.
func (l *fewEach) Accept() (net.Conn, error) {
	for {
		connection, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		sender := senderAt(connection.RemoteAddr().String())
		if l.enter(sender) {
			return &counted{Conn: connection, leave: sync.OnceFunc(func() { l.exit(sender) })}, nil
		}
		_ = connection.Close()
	}
}

func (l *fewEach) enter(sender netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[sender] >= mostOfSender {
		return false
	}
	l.open[sender]++
	return true
}

func (l *fewEach) exit(sender netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[sender]--; l.open[sender] == 0 {
		delete(l.open, sender)
	}
}

// counted is a connection that gives its place back when it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close closes the connection.
func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
