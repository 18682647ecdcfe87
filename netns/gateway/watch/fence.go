package watch

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// fencer sends numbered datagrams over the gateway's own loopback link. Each is
// logged behind all that was logged before it, and makes the kernel hand over
// its batch.
type fencer struct {
	socket  net.PacketConn
	mutex   sync.Mutex
	number  uint64
	waiting map[uint64]chan struct{}
}

// fenceRetry is for a fence that the kernel could not log, its buffer being full.
const fenceRetry = 100 * time.Millisecond

func newFencer(ctx context.Context, namespace *netns.Namespace) (*fencer, error) {
	socket, err := namespace.ListenPacket(ctx, "udp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the fence of the packet log: %w", err)
	}
	return &fencer{socket: socket, waiting: map[uint64]chan struct{}{}}, nil
}

func (f *fencer) chain() chains.Chain {
	_, port, _ := net.SplitHostPort(f.socket.LocalAddr().String())
	return chains.Chain{
		Table: "mangle", Name: "NEEDWANT-FENCE",
		Hooks: []chains.Hook{{From: "OUTPUT", Match: chains.Rulef("-o lo -p udp -d 127.0.0.1 --dport %s", port)}},
		Rules: []chains.Rule{chains.Rulef("-j %s", wholeAt(fence))},
	}
}

// pass returns when the fence that it sends has been read, or the reader ended. It gives
// up when the reader has not been behind for as long as patience.
func (f *fencer) pass(ctx context.Context, patience time.Duration, behind func() bool, ended <-chan struct{}) error {
	number, passed := f.await()
	defer f.forget(number)
	again := time.NewTicker(fenceRetry)
	defer again.Stop()
	waited := time.NewTimer(patience)
	defer waited.Stop()
	for {
		message := binary.BigEndian.AppendUint64(nil, number)
		if _, err := f.socket.WriteTo(message, f.socket.LocalAddr()); err != nil {
			return fmt.Errorf("sending the fence of the packet log: %w", err)
		}
		select {
		case <-passed:
			return nil
		case <-ended:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("the packet log does not answer: %w", context.Cause(ctx))
		case <-waited.C:
			if !behind() {
				return fmt.Errorf("the packet log does not answer: nothing came in %s", span.Words(patience))
			}
			waited.Reset(patience)
		case <-again.C:
		}
	}
}

func (f *fencer) await() (number uint64, passed <-chan struct{}) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.number++
	waiting := make(chan struct{})
	f.waiting[f.number] = waiting
	return f.number, waiting
}

func (f *fencer) forget(number uint64) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	delete(f.waiting, number)
}

// arrived is told of every fence that was read.
func (f *fencer) arrived(payload []byte) {
	if len(payload) != 8 {
		return
	}
	number := binary.BigEndian.Uint64(payload)
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if waiting, ok := f.waiting[number]; ok {
		close(waiting)
		delete(f.waiting, number)
	}
}
