package scenarios_test

import (
	"encoding/json"
	"net"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/miio"
)

const deviceSecret = "00112233445566778899aabbccddeeff"

const s50 = `[{"msg_ver":2,"state":8,"battery":100,"error_code":0}]`

// device answers miIO on loopback with what results has for a method, and is
// deaf to all others.
type device struct {
	conn  *net.UDPConn
	token miio.Token

	mu      sync.Mutex
	results map[string]string
	heard   []string                  // methods, in the order they were asked for
	deaf    map[string]int            // how many requests for a method go unheard first
	garbage func(right []byte) []byte // makes an answer into what is sent; nil changes nothing
}

func newDevice(results map[string]string) *device {
	GinkgoHelper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	Expect(err).NotTo(HaveOccurred())
	token, err := miio.ParseToken(deviceSecret)
	Expect(err).NotTo(HaveOccurred())
	d := &device{conn: conn, token: token, results: results, deaf: map[string]int{}}
	DeferCleanup(func() { conn.Close() })
	go d.serve()
	return d
}

// client asks once, and waits for long enough.
func (d *device) client() *miio.Client {
	return &miio.Client{Address: d.conn.LocalAddr().(*net.UDPAddr).AddrPort(), Token: d.token, Attempts: 1}
}

// hasty asks once and expects no answer.
func (d *device) hasty() *miio.Client {
	client := d.client()
	client.Timeout = 150 * time.Millisecond
	return client
}

func (d *device) serve() {
	buffer := make([]byte, 4096)
	for {
		length, from, err := d.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		if answer := d.react(buffer[:length]); answer != nil {
			if _, err := d.conn.WriteToUDPAddrPort(answer, from); err != nil {
				return
			}
		}
	}
}

func (d *device) react(datagram []byte) []byte {
	packet, err := miio.Parse(datagram)
	if err != nil {
		return nil
	}
	if packet.Hello {
		return miio.HelloReply(7, 100).Bytes()
	}
	plaintext, err := packet.Open(d.token)
	if err != nil {
		return nil
	}
	request, err := miio.ReadRequest(plaintext)
	if err != nil {
		return nil
	}
	response, ok := d.response(request)
	if !ok {
		return nil
	}
	text, err := response.Bytes()
	if err != nil {
		return nil
	}
	sealed, err := miio.Seal(d.token, 7, packet.Stamp, text)
	if err != nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.garbage != nil {
		return d.garbage(sealed.Bytes())
	}
	return sealed.Bytes()
}

// garble makes all answers from now on into something else.
func (d *device) garble(garbage func(right []byte) []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.garbage = garbage
}

func (d *device) response(request miio.Request) (miio.Response, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard = append(d.heard, request.Method)
	result, ok := d.results[request.Method]
	if !ok || d.deaf[request.Method] > 0 {
		d.deaf[request.Method]--
		return miio.Response{}, false
	}
	return miio.Response{ID: request.ID, Result: json.RawMessage(result)}, true
}

// goDeaf lets the next requests for a method go unheard.
func (d *device) goDeaf(method string, requests int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deaf[method] = requests
}

func (d *device) asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.heard...)
}
