package miio_test

import (
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/miio"
)

const deviceID = 0x07fc0d9e

// device is a miIO device on loopback. Each field may be set before the first
// call; what it does not answer, it does not answer.
type device struct {
	conn  *net.UDPConn
	token miio.Token

	// hello gives the answer to the nth hello, from 1.
	hello func(n int) []miio.Packet
	// answer gives the datagrams that follow the nth request, from 1. The
	// packets are sealed with the device's stamp when they have none.
	answer func(n int, request miio.Request) [][]byte
	// clock is the device's own; a packet more than two seconds off is dropped.
	clock func() uint32

	mu       sync.Mutex
	hellos   int
	requests []miio.Request
	from     net.Addr
}

// switchOn starts a device that answers every request with ["ok"].
func switchOn() *device {
	GinkgoHelper()
	return switchOnAt("127.0.0.1:0")
}

// switchOnAt is switchOn at an address and port.
func switchOnAt(address string) *device {
	GinkgoHelper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)))
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { conn.Close() })
	d := &device{conn: conn, token: token(secret), clock: uptime(1000)}
	d.hello = func(int) []miio.Packet { return []miio.Packet{miio.HelloReply(deviceID, d.clock())} }
	d.answer = func(_ int, request miio.Request) [][]byte { return d.say(request.ID, `["ok"]`) }
	return d
}

// uptime is a clock that shows so many seconds now.
func uptime(seconds uint32) func() uint32 {
	start := time.Now()
	return func() uint32 { return seconds + uint32(time.Since(start)/time.Second) }
}

// client returns a client with the usual patience; the device serves from now on.
func (d *device) client() *miio.Client {
	go d.serve()
	return &miio.Client{Address: d.conn.LocalAddr().(*net.UDPAddr).AddrPort(), Token: token(secret)}
}

// hasty returns a client for attempts that are meant to fail.
func (d *device) hasty() *miio.Client {
	client := d.client()
	client.Timeout = 200 * time.Millisecond
	return client
}

// say seals a result as the answer to an id.
func (d *device) say(id int, result string) [][]byte {
	return d.write(miio.Response{ID: id, Result: json.RawMessage(result)})
}

// complain seals an error as the answer to an id.
func (d *device) complain(id, code int, message string) [][]byte {
	return d.write(miio.Response{ID: id, Error: &miio.DeviceError{Code: code, Message: message}})
}

func (d *device) write(response miio.Response) [][]byte {
	text, err := response.Bytes()
	if err != nil {
		panic(err)
	}
	return d.seal(text)
}

func (d *device) seal(text []byte) [][]byte {
	packet, err := miio.Seal(d.token, deviceID, d.clock(), text)
	if err != nil {
		panic(err)
	}
	return [][]byte{packet.Bytes()}
}

func (d *device) serve() {
	buffer := make([]byte, 4096)
	for {
		length, from, err := d.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		for _, datagram := range d.react(slices.Clone(buffer[:length]), from) {
			if _, err := d.conn.WriteToUDPAddrPort(datagram, from); err != nil {
				return
			}
		}
	}
}

// react returns what a datagram is answered with.
func (d *device) react(datagram []byte, from netip.AddrPort) (answers [][]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.from = net.UDPAddrFromAddrPort(from)
	packet, err := miio.Parse(datagram)
	if err != nil {
		return nil
	}
	if packet.Hello {
		d.hellos++
		for _, reply := range d.hello(d.hellos) {
			answers = append(answers, reply.Bytes())
		}
		return answers
	}
	plaintext, err := packet.Open(d.token)
	if off := int64(packet.Stamp) - int64(d.clock()); err != nil || off < -2 || off > 2 {
		return nil
	}
	request, err := miio.ReadRequest(plaintext)
	if err != nil {
		return nil
	}
	d.requests = append(d.requests, request)
	return d.answer(len(d.requests), request)
}

// seen returns how often the device was asked, and what.
func (d *device) seen() (hellos int, requests []miio.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hellos, slices.Clone(d.requests)
}
