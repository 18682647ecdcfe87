package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// socket is one for the kernel's connection tracking.
type socket struct {
	file   int
	buffer []byte
	next   uint32 // number of the next request
}

// message is one of the kernel's, without its headers. Its data is valid until the
// next call.
type message struct {
	kind     uint16 // within connection tracking, or a general one
	flags    uint16
	sequence uint32
	family   uint8
	data     []byte
}

// The kernel's numbers (linux/netfilter/nfnetlink_conntrack.h): what a message is.
const (
	subsystem = unix.NFNL_SUBSYS_CTNETLINK << 8

	create     = subsystem     // IPCTNL_MSG_CT_NEW, 0
	get        = subsystem | 1 // IPCTNL_MSG_CT_GET
	remove     = subsystem | 2 // IPCTNL_MSG_CT_DELETE
	getAndZero = subsystem | 3 // IPCTNL_MSG_CT_GET_CTRZERO
	getStats   = subsystem | 5 // IPCTNL_MSG_CT_GET_STATS

	messageHeader = unix.NLMSG_HDRLEN
	familyHeader  = 4        // struct nfgenmsg
	bufferBytes   = 64 << 10 // more than the kernel puts in one datagram
	answerSeconds = 5        // an answer comes at once
)

func open(namespace *netns.Namespace) (s *socket, err error) {
	s = &socket{buffer: make([]byte, bufferBytes)}
	err = namespace.Do(func() (err error) { // a socket stays where it was made
		s.file, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		unix.Bind(s.file, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
		unix.SetsockoptTimeval(s.file, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: answerSeconds}))
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *socket) close() error { return unix.Close(s.file) }

// request is a message to the kernel.
func request(kind, flags uint16, sequence uint32, family uint8, attributes ...string) []byte {
	text := make([]byte, messageHeader+familyHeader, 128)
	for _, attribute := range attributes {
		text = append(text, attribute...)
		text = append(text, make([]byte, aligned(len(text))-len(text))...)
	}
	native := binary.NativeEndian
	native.PutUint32(text, uint32(len(text)))
	native.PutUint16(text[4:], kind)
	native.PutUint16(text[6:], unix.NLM_F_REQUEST|flags)
	native.PutUint32(text[8:], sequence)
	text[messageHeader] = family
	return text
}

func (s *socket) send(text []byte) error {
	return unix.Sendto(s.file, text, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// receive reads one datagram, and gives each of its messages to take.
func (s *socket) receive(flags int, take func(message)) error {
	n, _, err := unix.Recvfrom(s.file, s.buffer, flags)
	for errors.Is(err, unix.EINTR) {
		n, _, err = unix.Recvfrom(s.file, s.buffer, flags)
	}
	if err != nil {
		return err
	}
	native := binary.NativeEndian
	for data := s.buffer[:n]; len(data) >= messageHeader; {
		length := int(native.Uint32(data))
		if length < messageHeader || length > len(data) {
			return fmt.Errorf("a message of the kernel has %d bytes, and claims %d", len(data), length)
		}
		m := message{kind: native.Uint16(data[4:]), flags: native.Uint16(data[6:]), sequence: native.Uint32(data[8:]), data: data[messageHeader:length]}
		if m.kind >= unix.NLMSG_MIN_TYPE && len(m.data) >= familyHeader {
			m.family, m.data = m.data[0], m.data[familyHeader:]
		}
		take(m)
		data = data[min(aligned(length), len(data)):]
	}
	return nil
}

// answer reads one datagram of an answer, which the kernel gives at once.
func (s *socket) answer(take func(message)) error {
	err := s.receive(0, take)
	if errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("the kernel did not answer within %d s", answerSeconds)
	}
	return err
}

// result reports whether the message says how a request ended, and the error if it
// failed.
func (m message) result() (ends bool, failed error) {
	if m.kind != unix.NLMSG_ERROR && m.kind != unix.NLMSG_DONE {
		return false, nil
	}
	if len(m.data) < 4 {
		return true, nil
	}
	if code := int32(binary.NativeEndian.Uint32(m.data)); code < 0 {
		return true, unix.Errno(-code)
	}
	return true, nil
}

// batch is how many requests are sent at once, so that the answers, of up to 5 KB of
// kernel memory each, have room in the socket's buffer.
const batch = 16

// ask sends requests, each of which the kernel answers once. Write makes the one with
// an index, of a sequence number, and take gets the answer to it.
func (s *socket) ask(requests int, write func(index int, sequence uint32) []byte, take func(index int, m message)) error {
	for first := 0; first < requests; first += batch {
		base, left := s.next, min(batch, requests-first)
		s.next += uint32(left)
		var text []byte
		for i := range left {
			text = append(text, write(first+i, base+uint32(i))...)
		}
		if err := s.send(text); err != nil {
			return err
		}
		for sent := uint32(left); left > 0; {
			err := s.answer(func(m message) {
				if at := m.sequence - base; at < sent { // others answer a request that was given up
					left--
					take(first+int(at), m)
				}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// dump asks for all connections, or those with some attributes, and gives them to take.
// Interrupted says that the table was changed meanwhile, so that some may be missing.
func (s *socket) dump(kind uint16, attributes string, take func(message)) (interrupted bool, err error) {
	sequence := s.next
	s.next++
	if err := s.send(request(kind, unix.NLM_F_DUMP, sequence, unix.AF_UNSPEC, attributes)); err != nil {
		return false, err
	}
	var failed error
	for over := false; !over; {
		err := s.answer(func(m message) {
			if m.sequence != sequence {
				return
			}
			interrupted = interrupted || m.flags&unix.NLM_F_DUMP_INTR != 0
			if ends, said := m.result(); ends {
				failed, over = said, true
				return
			}
			take(m)
		})
		if err != nil {
			return interrupted, err
		}
	}
	return interrupted, failed
}
