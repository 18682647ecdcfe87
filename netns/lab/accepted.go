package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"
)

// accepted is a connection that the device is content with if it is accepted and not closed
// at once, each time. Nobody says anything on it.
type accepted struct {
	life        *life
	destination Destination
}

// glance is how long the device listens to see whether the other side closes.
const glance = time.Millisecond

func (a *accepted) try(ctx context.Context) error {
	addresses, err := a.life.addresses(ctx, a.destination)
	if err != nil {
		return err
	}
	return eachAddress(ctx, addresses, a.once)
}

func (a *accepted) once(ctx context.Context, address netip.Addr) error {
	connection, err := a.life.contactBy(ctx, a.destination, address)
	if err != nil {
		return err
	}
	abandonOnClose(connection)
	defer connection.Close()
	if err := connection.SetReadDeadline(time.Now().Add(glance)); err != nil {
		return err
	}
	if _, err := connection.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the other side did not keep still: %w", err)
	}
	return nil
}

func (a *accepted) close() {}
