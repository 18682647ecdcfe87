package standin

import (
	"net"
	"sync"
)

// connections is a listener that closes its connections with it.
type connections struct {
	net.Listener

	mutex  sync.Mutex
	open   map[net.Conn]bool
	closed bool
	work   sync.WaitGroup
}

func newConnections(listener net.Listener) *connections {
	return &connections{Listener: listener, open: map[net.Conn]bool{}}
}

// accept hands over each connection, in a goroutine of its own, until Close.
func (c *connections) accept(take func(net.Conn)) error {
	for {
		connection, err := c.Accept()
		if err != nil {
			return err
		}
		if !c.begin(connection, take) {
			_ = connection.Close()
		}
	}
}

// begin hands a connection over, and reports whether it did: not after Close, which waits for
// those that were handed over before.
func (c *connections) begin(connection net.Conn, take func(net.Conn)) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closed {
		return false
	}
	c.open[connection] = true
	c.work.Go(func() {
		take(connection)
		_ = connection.Close() // nothing is lost
		c.mutex.Lock()
		defer c.mutex.Unlock()
		delete(c.open, connection)
	})
	return true
}

func (c *connections) Close() error {
	err := c.Listener.Close()
	c.mutex.Lock()
	c.closed = true
	for connection := range c.open {
		_ = connection.Close()
	}
	c.mutex.Unlock()
	c.work.Wait()
	return err
}
