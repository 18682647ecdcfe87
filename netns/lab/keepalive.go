package lab

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/needwant/needwant/scenarios/miio"
)

// keepAlive is the device's line to a miIO cloud server: an empty packet that
// the server echoes. Each contact comes from a new port, and the last one stays
// open, so that the server can send a command at any time.
type keepAlive struct {
	life        *life
	destination Destination
	open        net.Conn // nil before the first success
}

func (k *keepAlive) try(ctx context.Context) error {
	addresses, err := k.life.addresses(ctx, k.destination)
	if err != nil {
		return err
	}
	return eachAddress(ctx, addresses, k.once)
}

func (k *keepAlive) once(ctx context.Context, address netip.Addr) error {
	connection, err := k.life.contactBy(ctx, k.destination, address)
	if err != nil {
		return err
	}
	echoed := make(chan struct{}, 1)
	k.life.work.Go(func() { k.life.hear(connection, echoed) })
	if _, err := connection.Write(miio.Packet{Device: deviceID, Stamp: k.life.stamp()}.Bytes()); err != nil {
		_ = connection.Close()
		return err
	}
	select {
	case _, heard := <-echoed:
		if heard {
			k.close()
			k.open = connection
			return nil
		}
	case <-ctx.Done():
	}
	_ = connection.Close()
	return errors.New("the keep-alive was not echoed")
}

func (k *keepAlive) close() {
	if k.open != nil {
		_ = k.open.Close()
		k.open = nil
	}
}

// hear reads what a cloud server sends until the socket is closed or refused.
func (l *life) hear(connection net.Conn, echoed chan<- struct{}) {
	defer close(echoed)
	datagram := make([]byte, 1500)
	for {
		n, err := connection.Read(datagram)
		if err != nil {
			return
		}
		packet, err := miio.Parse(datagram[:n])
		switch {
		case err != nil:
		case len(packet.Body) == 0:
			notify(echoed)
		default:
			l.work.Go(l.obeyPacket(connection, packet))
		}
	}
}

// obeyPacket opens a command now, while its datagram is whole, and returns what
// carries it out.
func (l *life) obeyPacket(connection net.Conn, packet miio.Packet) func() {
	text, err := packet.Open(l.token)
	if err != nil {
		return func() {}
	}
	request, err := miio.ReadRequest(text)
	return func() {
		if err != nil || !l.obeys() {
			return
		}
		if reply, err := l.seal(miio.Response{ID: request.ID, Result: []byte(`["ok"]`)}); err == nil {
			_, _ = connection.Write(reply)
		}
	}
}

// notify tells a waiting reader, if it has not been told yet.
func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
