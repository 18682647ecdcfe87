package watch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// Log reads the packet log of one namespace.
type Log struct {
	connection *netlink.Conn
	fence      *fencer
	note       func(Packet)
	decoder    *decoder
	ended      chan struct{}

	mutex   sync.Mutex
	losses  losses
	failure error // why reading ended
}

// The kernel's numbers (linux/netfilter/nfnetlink.h, nfnetlink_log.h), and how
// the log is tuned: with batches of 64 packets and 16 MB of buffer not one of
// 45,000 new flows a second was lost on two cores. Without root the kernel
// grants less, about 1,500 packets at once.
const (
	packetMessage = unix.NFNL_SUBSYS_ULOG << 8
	configMessage = unix.NFNL_SUBSYS_ULOG<<8 | 1

	configCommand = 1 // NFULA_CFG_CMD
	configMode    = 2 // NFULA_CFG_MODE
	configBuffer  = 3 // NFULA_CFG_NLBUFSIZ, bytes
	configTimeout = 4 // NFULA_CFG_TIMEOUT, hundredths of a second
	configBatch   = 5 // NFULA_CFG_QTHRESH, packets
	configFlags   = 6 // NFULA_CFG_FLAGS

	bind        = 1 // NFULNL_CFG_CMD_BIND
	copyPackets = 2 // NFULNL_COPY_PACKET
	numbered    = 1 // NFULNL_CFG_F_SEQ

	batchPackets = 64
	batchBytes   = 16 << 10
	batchTimeout = 2
	bufferBytes  = 16 << 20
	messageBytes = 128 << 10 // the most that the kernel puts in one message
)

// Open starts reading. Every packet is given to note, one at a time, in the
// order in which they passed. The rules that log are the caller's to install,
// from [Log.Chains].
func Open(ctx context.Context, namespace *netns.Namespace, note func(Packet)) (*Log, error) {
	connection, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{
		NetNS:             namespace.FD(),
		MessageBufferSize: messageBytes,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the packet log: %w", err)
	}
	fence, err := newFencer(ctx, namespace)
	if err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	l := &Log{connection: connection, fence: fence, note: note, decoder: newDecoder(), ended: make(chan struct{})}
	if err := l.configure(); err != nil {
		return nil, errors.Join(fmt.Errorf("configuring the packet log: %w", err), fence.socket.Close(), connection.Close())
	}
	go l.read()
	return l, nil
}

func (l *Log) configure() error {
	// Best effort: without root the kernel gives what net.core.rmem_max allows,
	// and what is lost all the same is counted.
	_ = l.connection.SetReadBuffer(bufferBytes)
	bigEndian := binary.BigEndian
	for _, attribute := range []netlink.Attribute{
		{Type: configCommand, Data: []byte{bind}},
		{Type: configMode, Data: append(bigEndian.AppendUint32(nil, 0xffff), copyPackets, 0)},
		{Type: configBuffer, Data: bigEndian.AppendUint32(nil, batchBytes)},
		{Type: configTimeout, Data: bigEndian.AppendUint32(nil, batchTimeout)},
		{Type: configBatch, Data: bigEndian.AppendUint32(nil, batchPackets)},
		{Type: configFlags, Data: bigEndian.AppendUint16(nil, numbered)},
	} {
		if err := l.set(attribute); err != nil {
			return fmt.Errorf("attribute %d: %w", attribute.Type, err)
		}
	}
	return nil
}

func (l *Log) set(attribute netlink.Attribute) error {
	data, err := netlink.MarshalAttributes([]netlink.Attribute{attribute})
	if err != nil {
		return err
	}
	header := []byte{unix.AF_UNSPEC, 0, group >> 8, group & 0xff} // struct nfgenmsg: the group is its resource, in network order
	_, err = l.connection.Execute(netlink.Message{
		Header: netlink.Header{Type: configMessage, Flags: netlink.Request | netlink.Acknowledge},
		Data:   append(header, data...),
	})
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("another program reads NFLOG group %d here: stop it, or give it another group: %w", group, err)
	}
	return err
}

func (l *Log) read() {
	defer close(l.ended)
	for {
		messages, err := l.connection.Receive()
		if errors.Is(err, unix.ENOBUFS) {
			l.mutex.Lock()
			l.losses.overrun()
			l.mutex.Unlock()
			continue
		}
		if err != nil {
			l.mutex.Lock()
			l.failure = err
			l.mutex.Unlock()
			return
		}
		for _, message := range messages {
			l.take(message)
		}
	}
}

func (l *Log) take(message netlink.Message) {
	entry, ok := parseEntry(message)
	if !ok {
		return
	}
	if entry.numbered {
		l.mutex.Lock()
		l.losses.saw(entry.sequence)
		l.mutex.Unlock()
	}
	packet, ok := l.decoder.decode(entry)
	if !ok {
		return
	}
	if packet.Point == fence {
		l.fence.arrived(packet.Payload)
		return
	}
	l.note(packet)
}

// Fence returns when every packet that passed before the call has been noted. It fails
// when ctx ends first, and when the kernel has had no packets left to read for as long
// as patience, for example because the rules of the log are gone. Noting must never
// wait for a caller of Fence.
func (l *Log) Fence(ctx context.Context, patience time.Duration) error {
	if err := l.fence.pass(ctx, patience, l.behind, l.ended); err != nil {
		return err
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.failure != nil {
		return fmt.Errorf("reading the packet log: %w", l.failure)
	}
	return nil
}

// behind reports whether the kernel has packets that have not been read yet.
func (l *Log) behind() bool {
	bytes := 0
	socket, err := l.connection.SyscallConn()
	if err != nil {
		return false
	}
	_ = socket.Control(func(fd uintptr) { // of a closed one there is nothing to read
		bytes, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MEMINFO) // its first number: of bytes received
	})
	return bytes > 0
}

// Lost is how many packets the kernel logged but could not deliver, since Open.
func (l *Log) Lost() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.losses.count()
}

// Close ends reading.
func (l *Log) Close() error {
	err := errors.Join(l.fence.socket.Close(), l.connection.Close())
	<-l.ended
	return err
}

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
