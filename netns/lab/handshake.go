package lab

import (
	"context"
	"crypto/tls"
	"net/netip"
)

// handshake is a connection of TLS that ends once something was sent on it, each time,
// whatever certificate the server has.
type handshake struct {
	life        *life
	destination Destination
}

func (h *handshake) try(ctx context.Context) error {
	addresses, err := h.life.addresses(ctx, h.destination)
	if err != nil {
		return err
	}
	return eachAddress(ctx, addresses, h.once)
}

func (h *handshake) once(ctx context.Context, address netip.Addr) error {
	connection, err := h.life.contactBy(ctx, h.destination, address)
	if err != nil {
		return err
	}
	abandonOnClose(connection)
	defer connection.Close()
	secured := tls.Client(connection, &tls.Config{
		ServerName: h.destination.Host, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // that is what is wrong with the device
	})
	if err := secured.HandshakeContext(ctx); err != nil {
		return err
	}
	_, err = secured.Write([]byte("hello"))
	return err
}

func (h *handshake) close() {}
