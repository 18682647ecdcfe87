package lab

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/needwant/needwant/netns"
)

// metronome notes when the machine was too busy to play the world. A simulated device
// that stands still misses what it waits for, and then looks as if something it
// needs were blocked.
//
// A few times a period a datagram goes to a goroutine of its own and back, in a
// namespace that no gateway stands in: what the device does each period is a few
// such steps.
type metronome struct {
	near, far net.PacketConn
	end       context.CancelFunc
	done      sync.WaitGroup

	mutex  sync.Mutex
	stalls []stall
}

// stall is a time by which a beat was late.
type stall struct {
	ended  time.Time
	lasted time.Duration
}

// beats a period, and the part of a period that makes a late beat a stall.
const beats, late = 4, 4

func startMetronome(namespace *netns.Namespace, period time.Duration) (m *metronome, err error) {
	ctx, end := context.WithCancel(context.Background())
	m = &metronome{end: end}
	for _, end := range []*net.PacketConn{&m.near, &m.far} {
		if *end, err = namespace.ListenPacket(context.Background(), "udp4", "127.0.0.1:0"); err != nil {
			m.stop()
			return nil, err
		}
	}
	m.done.Go(m.answer)
	m.done.Go(func() { m.beat(ctx, period) })
	return m, nil
}

func (m *metronome) answer() {
	buffer := make([]byte, 1)
	for {
		_, from, err := m.far.ReadFrom(buffer)
		if err != nil {
			return
		}
		_, _ = m.far.WriteTo(buffer, from)
	}
}

func (m *metronome) beat(ctx context.Context, period time.Duration) {
	buffer := make([]byte, 1)
	for {
		due := time.Now().Add(period / beats)
		select {
		case <-ctx.Done():
			return
		case <-time.After(period / beats):
		}
		if _, err := m.near.WriteTo(buffer, m.far.LocalAddr()); err != nil {
			return
		}
		if _, _, err := m.near.ReadFrom(buffer); err != nil {
			return
		}
		if behind := time.Since(due); behind > period/late {
			m.mutex.Lock()
			m.stalls = append(m.stalls, stall{time.Now(), behind})
			m.mutex.Unlock()
		}
	}
}

// stalled is the longest of the stalls that ended after since, and all of them
// together. It forgets those before.
func (m *metronome) stalled(since time.Time) (longest, total time.Duration) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	kept := m.stalls[:0]
	for _, s := range m.stalls {
		if s.ended.After(since) {
			kept = append(kept, s)
			longest, total = max(longest, s.lasted), total+s.lasted
		}
	}
	m.stalls = kept
	return longest, total
}

func (m *metronome) stop() {
	m.end()
	for _, socket := range []net.PacketConn{m.near, m.far} {
		if socket != nil {
			_ = socket.Close()
		}
	}
	m.done.Wait()
}

// Stalled is for how long the machine was too busy to let the lab run, since
// then: the longest time at a stretch, and all together. Ask with times that
// never go back.
func (l *Lab) Stalled(since time.Time) (longest, total time.Duration) {
	return l.metronome.stalled(since)
}
