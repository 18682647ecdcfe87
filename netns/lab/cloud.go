package lab

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/needwant/needwant/scenarios/miio"
)

// cloud is the vendor's cloud behind all destinations: whichever session the
// device has open, a command can come down it. The phone gives commands by
// HTTP, and the cloud says whether the device obeyed.
type cloud struct {
	patience time.Duration
	again    time.Duration
	token    miio.Token
	shadow   *shadow

	mu       sync.Mutex
	closed   bool
	last     int
	sessions map[any]func(command int) // how to push a command down each
	waiting  map[int]chan<- struct{}   // told when the device obeys
}

func newCloud(tempo Tempo, token miio.Token) *cloud {
	return &cloud{
		patience: 2*tempo.Contact + 500*time.Millisecond,
		again:    tempo.Contact,
		token:    token,
		shadow:   newShadow(tempo),
		sessions: map[any]func(int){},
		waiting:  map[int]chan<- struct{}{},
	}
}

// command pushes a command down every session, those too that open a little
// later, and reports whether the device obeyed.
func (c *cloud) command(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	obeyed := make(chan struct{}, 1)
	number := c.expect(obeyed)
	defer c.forget(number)
	for {
		c.push(number)
		select {
		case <-obeyed:
			return true
		case <-time.After(c.again):
		case <-ctx.Done():
			return false
		}
	}
}

func (c *cloud) expect(obeyed chan<- struct{}) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	c.waiting[c.last] = obeyed
	return c.last
}

func (c *cloud) forget(number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, number)
}

func (c *cloud) push(number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, push := range c.sessions {
		push(number)
	}
}

func (c *cloud) obeyed(number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if waiting, ok := c.waiting[number]; ok {
		notify(waiting)
	}
}

// serveStream is the server's side of a [session].
func (c *cloud) serveStream(connection net.Conn, idle time.Duration) {
	defer connection.Close()
	if !c.enter(connection) {
		return
	}
	defer c.leave(connection)
	scanner := bufio.NewScanner(connection)
	for {
		_ = connection.SetDeadline(time.Now().Add(idle))
		if !scanner.Scan() {
			return
		}
		line := scanner.Text()
		if number, isAck := strings.CutPrefix(line, "ack "); isAck {
			if number, err := strconv.Atoi(number); err == nil {
				c.obeyed(number)
			}
			continue
		}
		c.shadow.note(line)
		if _, err := connection.Write([]byte(line + "\n")); err != nil {
			return
		}
	}
}

// enter keeps a stream for commands, unless the cloud is closing.
func (c *cloud) enter(connection net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.sessions[connection] = func(command int) {
		// In the background: a stream that a gateway drops must not hold up the others.
		go func() { _, _ = fmt.Fprintf(connection, "command %d\n", command) }()
	}
	return true
}

func (c *cloud) leave(session any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, session)
}

// close ends the open streams.
func (c *cloud) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for session := range c.sessions {
		if connection, ok := session.(net.Conn); ok {
			_ = connection.Close()
		}
	}
}

// keepAlives is the server's side of a [keepAlive] at one place: it echoes an
// empty packet, and remembers where it came from, so that a command can be sent
// there.
func (c *cloud) keepAlives(at place) answerer {
	return func(datagram []byte, reply func([]byte)) []byte {
		packet, err := miio.Parse(datagram)
		if err != nil {
			return nil
		}
		if len(packet.Body) > 0 {
			c.hear(packet)
			return nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.sessions[at] = func(command int) { reply(c.seal(packet, command)) }
		return datagram
	}
}

func (c *cloud) seal(keepAlive miio.Packet, command int) []byte {
	text, err := miio.Request{ID: command, Method: "app_start"}.Bytes()
	if err != nil {
		panic(err) // it is made of a number
	}
	packet, err := miio.Seal(c.token, keepAlive.Device, keepAlive.Stamp, text)
	if err != nil {
		panic(err) // it is short
	}
	return packet.Bytes()
}

// hear takes the device's answer to a command.
func (c *cloud) hear(packet miio.Packet) {
	text, err := packet.Open(c.token)
	if err != nil {
		return
	}
	response, err := miio.ReadResponse(text)
	if err == nil && response.Error == nil {
		c.obeyed(response.ID)
	}
}

// openCloud serves the phone, and controllers that fall back.
func (i *internet) openCloud() error {
	listener, err := i.namespace.Listen(context.Background(), "tcp", net.JoinHostPort(cloudV4, "80"))
	if err != nil {
		return err
	}
	handler := http.NewServeMux()
	handler.HandleFunc("POST /command", func(answer http.ResponseWriter, request *http.Request) {
		if !i.cloud.command(request.Context()) {
			http.Error(answer, "the device did not answer", http.StatusGatewayTimeout)
			return
		}
		_, _ = answer.Write([]byte("ok\n"))
	})
	handler.HandleFunc("GET /state", i.cloud.shadow.serve)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	i.closers = append(i.closers, server)
	i.work.Go(func() { _ = server.Serve(listener) })
	return nil
}
