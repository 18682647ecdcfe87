package miio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	defaultAttempts = 3               // python-miio's and Home Assistant's
	defaultTimeout  = 5 * time.Second // python-miio's
	helloHolds      = 120 * time.Second
	lastID          = 9999 // python-miio's; some devices take no greater ones
)

// Client asks one device. Set its fields before the first call and leave them
// alone. It is safe for concurrent use: each call has a socket of its own, and
// all share what is known of the device's clock.
type Client struct {
	Address  netip.AddrPort // port 0 means 54321
	Token    Token
	Attempts int           // how often a call is tried; 0 means 3
	Timeout  time.Duration // how long each attempt may take, a hello included; 0 means 5 s

	// Dial opens a socket, as net.Dialer.DialContext does, which is used when it
	// is nil. The network is "udp". It decides from where the device is asked.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu       sync.Mutex
	peer     peer
	id       int  // last used; 0 before the first
	verified bool // the device once answered with this token
}

// peer is what a hello, or any later reply, told of the device.
type peer struct {
	device uint32
	stamp  uint32
	at     time.Time // when; zero when nothing is known
}

// Reply is a device's answer to a call.
type Reply struct {
	Result   json.RawMessage // null if the device sent none
	RTT      time.Duration   // from the last attempt's request to its answer
	Attempts int             // from 1
}

// Call asks for a method and returns the result. Params are whatever encodes to
// the JSON that the method wants; nil is the empty list.
//
// An attempt that fails is repeated with a new id when its Timeout is over, also
// when the device has refused it at once, so that a device in trouble gets the
// same time whatever it says. Replies to other ids, and those that the kernel
// finds to come from elsewhere, are ignored. The error is a [*DeviceError],
// [*TimeoutError], [*UnreachableError], [*UnreadableError] or [*WrongTokenError]
// if it is about the device, and any other if it could not be asked.
func (c *Client) Call(ctx context.Context, method string, params any) (Reply, error) {
	return c.CallWithin(ctx, method, params, c.attempts(), c.timeout())
}

// CallWithin is Call with a number of attempts, and a time for each, of its own.
func (c *Client) CallWithin(ctx context.Context, method string, params any, attempts int, each time.Duration) (Reply, error) {
	encoded, err := encode(params)
	if err != nil {
		return Reply{}, fmt.Errorf("params of %s: %w", method, err)
	}
	conn, err := c.dial(ctx)
	if err != nil {
		return Reply{}, fmt.Errorf("opening a socket to ask %s: %w", c.address(), err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	x := exchange{client: c, conn: conn, attempts: attempts, each: each, request: Request{Method: method, Params: encoded}}
	return x.run(ctx)
}

func encode(params any) (json.RawMessage, error) {
	if params == nil {
		return nil, nil
	}
	return json.Marshal(params)
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	if !c.Address.IsValid() {
		return nil, errors.New("the client has no address")
	}
	dial := c.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return dial(ctx, "udp", c.address().String())
}

func (c *Client) address() netip.AddrPort {
	if c.Address.Port() == 0 {
		return netip.AddrPortFrom(c.Address.Addr(), DefaultPort)
	}
	return c.Address
}

func (c *Client) attempts() int {
	if c.Attempts <= 0 {
		return defaultAttempts
	}
	return c.Attempts
}

func (c *Client) timeout() time.Duration {
	if c.Timeout <= 0 {
		return defaultTimeout
	}
	return c.Timeout
}

// nextID gives an id that was not used for long. It starts anywhere, since
// devices remember the ids of those who asked before.
func (c *Client) nextID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.id == 0 {
		c.id = rand.IntN(lastID)
	}
	c.id = c.id%lastID + 1
	return c.id
}

// learn takes the device's clock from a packet.
func (c *Client) learn(packet Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peer = peer{packet.Device, packet.Stamp, time.Now()}
}

// forget makes the next attempt begin with a hello.
func (c *Client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peer = peer{}
}

// stamp returns the device's id and the time on its clock; ok is false when a
// hello is due. It counts on from what the device said, and need not know
// whether that was an uptime or Unix time.
func (c *Client) stamp() (device, stamp uint32, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	elapsed := time.Since(c.peer.at)
	if c.peer.at.IsZero() || elapsed >= helloHolds {
		return 0, 0, false
	}
	return c.peer.device, c.peer.stamp + 1 + uint32(elapsed/time.Second), true
}

// trusted notes that the token is right, or was when the device last answered.
func (c *Client) trusted() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verified = true
}

func (c *Client) wasTrusted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.verified
}
