package capture

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/afpacket"

	"github.com/needwant/needwant/netns"
)

// Link is what a tap listens to.
type Link struct {
	Namespace *netns.Namespace
	Name      string
	MAC       net.HardwareAddr // of the device: what is neither from it nor to it stays out; nil takes all
	Secrets   [][]byte         // to be blanked wherever they stand in one piece
}

// Tap writes what passes one link into a file.
type Tap struct {
	file   *File
	link   Link
	number int // of the link in the file
	ring   *afpacket.TPacket
	over   chan struct{} // closed when no more is wanted, at the time of end
	end    time.Time
	ended  chan struct{}

	mutex sync.Mutex
	said  []remark
}

// remark is what is said of the packets from a moment on.
type remark struct {
	from time.Time
	text string
}

// The ring that the kernel fills: 4 MB, which the kernel empties into the file
// every 64 ms at the latest. At 113,000 packets a second, 32 MB lost none.
const (
	blockSize = 1 << 19
	blocks    = 8
	poll      = 100 * time.Millisecond
)

// Open begins to listen. The name is what the link is called in the file.
func (f *File) Open(link Link, name string) (*Tap, error) {
	t := &Tap{file: f, link: link, over: make(chan struct{}), ended: make(chan struct{})}
	err := link.Namespace.Do(func() (err error) { // a socket stays where it was made
		t.ring, err = afpacket.NewTPacket(afpacket.OptInterface(link.Name), afpacket.TPacketVersion3,
			afpacket.OptBlockSize(blockSize), afpacket.OptNumBlocks(blocks), afpacket.OptPollTimeout(poll))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listening to %s: %w", link.Name, err)
	}
	if t.number, err = f.add(name); err != nil {
		t.ring.Close()
		return nil, err
	}
	go t.read()
	return t, nil
}

// Say puts a comment on every packet that passes from now on.
func (t *Tap) Say(comment string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.said = append(t.said, remark{time.Now(), comment})
	t.file.Flush()
}

// comment is what was said when a packet passed. Packets come in the order in
// which they passed, so what was said before that is of no more use.
func (t *Tap) comment(at time.Time) (text string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for len(t.said) > 1 && !t.said[1].from.After(at) {
		t.said = t.said[1:]
	}
	if len(t.said) == 0 || t.said[0].from.After(at) {
		return ""
	}
	return t.said[0].text
}

func (t *Tap) read() {
	defer close(t.ended)
	for {
		data, info, err := t.ring.ReadPacketData()
		switch {
		case err == nil && !t.isOver(info.Timestamp):
			t.take(data, info)
		case err == nil:
			return
		case errors.Is(err, afpacket.ErrTimeout):
			if t.isOver(time.Now()) {
				return
			}
		default:
			t.file.fail(fmt.Errorf("listening to %s: %w", t.link.Name, err))
			return
		}
	}
}

// isOver reports whether the tap was closed before a moment.
func (t *Tap) isOver(at time.Time) bool {
	select {
	case <-t.over:
		return at.After(t.end)
	default:
		return false
	}
}

// take writes one packet.
func (t *Tap) take(data []byte, info gopacket.CaptureInfo) {
	if !t.concerns(data) {
		return
	}
	var comments []string
	if said := t.comment(info.Timestamp); said != "" {
		comments = append(comments, said)
	}
	if blank(data, t.link.Secrets) {
		comments = append(comments, "needwant blanked a secret in this packet")
	}
	info.InterfaceIndex = t.number
	t.file.write(info, data, comments)
}

// concerns reports whether a frame is the device's.
func (t *Tap) concerns(frame []byte) bool {
	if t.link.MAC == nil {
		return true
	}
	return len(frame) >= 12 && (bytes.Equal(frame[:6], t.link.MAC) || bytes.Equal(frame[6:12], t.link.MAC))
}

// Close ends listening, once all that has passed is in the file.
func (t *Tap) Close() error {
	t.end = time.Now()
	close(t.over)
	<-t.ended
	_, counts, err := t.ring.SocketStats()
	if err == nil {
		t.file.lost(t.number, uint64(counts.Packets()), uint64(counts.Drops()))
	}
	t.ring.Close()
	t.file.Flush()
	return err
}
