package lab

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/needwant/needwant/netns"
)

// pulse notes when the machine was too busy to play the world. A simulated device
// that stands still misses what it waits for, and then looks as if something it
// needs were blocked.
//
// A few times a period a datagram goes to a goroutine of its own and back, in a
// namespace that no gateway stands in: what the device does each period is a few
// such steps.
type pulse struct {
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

func startPulse(namespace *netns.Namespace, period time.Duration) (p *pulse, err error) {
	ctx, end := context.WithCancel(context.Background())
	p = &pulse{end: end}
	for _, end := range []*net.PacketConn{&p.near, &p.far} {
		if *end, err = namespace.ListenPacket(context.Background(), "udp4", "127.0.0.1:0"); err != nil {
			p.stop()
			return nil, err
		}
	}
	p.done.Go(p.answer)
	p.done.Go(func() { p.beat(ctx, period) })
	return p, nil
}

func (p *pulse) answer() {
	buffer := make([]byte, 1)
	for {
		_, from, err := p.far.ReadFrom(buffer)
		if err != nil {
			return
		}
		_, _ = p.far.WriteTo(buffer, from)
	}
}

func (p *pulse) beat(ctx context.Context, period time.Duration) {
	buffer := make([]byte, 1)
	for {
		due := time.Now().Add(period / beats)
		select {
		case <-ctx.Done():
			return
		case <-time.After(period / beats):
		}
		if _, err := p.near.WriteTo(buffer, p.far.LocalAddr()); err != nil {
			return
		}
		if _, _, err := p.near.ReadFrom(buffer); err != nil {
			return
		}
		if behind := time.Since(due); behind > period/late {
			p.mutex.Lock()
			p.stalls = append(p.stalls, stall{time.Now(), behind})
			p.mutex.Unlock()
		}
	}
}

// stalled is the longest of the stalls that ended after since, and all of them
// together. It forgets those before.
func (p *pulse) stalled(since time.Time) (longest, total time.Duration) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	kept := p.stalls[:0]
	for _, s := range p.stalls {
		if s.ended.After(since) {
			kept = append(kept, s)
			longest, total = max(longest, s.lasted), total+s.lasted
		}
	}
	p.stalls = kept
	return longest, total
}

func (p *pulse) stop() {
	p.end()
	for _, socket := range []net.PacketConn{p.near, p.far} {
		if socket != nil {
			_ = socket.Close()
		}
	}
	p.done.Wait()
}

// Stalled is for how long the machine was too busy to let the lab run, since
// then: the longest time at a stretch, and all together. Ask with times that
// never go back.
func (l *Lab) Stalled(since time.Time) (longest, total time.Duration) { return l.pulse.stalled(since) }
