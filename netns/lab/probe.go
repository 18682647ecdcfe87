package lab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"time"
)

// probePath is what a device asks for to learn whether it is online.
const probePath = "/generate_204"

// probe asks for a page once each time, and wants the status 204.
type probe struct {
	life        *life
	destination Destination
}

func (p *probe) try(ctx context.Context) error {
	addresses, err := p.life.addresses(ctx, p.destination)
	if err != nil {
		return err
	}
	return eachAddress(ctx, addresses, p.once)
}

func (p *probe) once(ctx context.Context, address netip.Addr) error {
	connection, err := p.life.contactBy(ctx, p.destination, address)
	if err != nil {
		return err
	}
	abandonOnClose(connection)
	defer connection.Close()
	defer until(ctx, connection)()
	if _, err := fmt.Fprintf(connection, "GET %s HTTP/1.0\r\n\r\n", probePath); err != nil {
		return err
	}
	var protocol string
	var status int
	if _, err := fmt.Fscan(io.LimitReader(connection, 64), &protocol, &status); err != nil {
		return err
	}
	if status != http.StatusNoContent {
		return fmt.Errorf("the page has the status %d", status)
	}
	return nil
}

func (p *probe) close() {}

// listenPages is the server that a [probe] asks.
func (i *internet) listenPages(at place) error {
	listener, err := i.namespace.Listen(context.Background(), "tcp", netip.AddrPortFrom(at.address, at.port).String())
	if err != nil {
		return err
	}
	pages := http.NewServeMux()
	pages.HandleFunc("GET "+probePath, func(answer http.ResponseWriter, _ *http.Request) { answer.WriteHeader(http.StatusNoContent) })
	server := &http.Server{Handler: pages, ReadTimeout: 10 * time.Second}
	server.SetKeepAlivesEnabled(false)
	i.closers = append(i.closers, server)
	i.work.Go(func() { _ = server.Serve(listener) })
	return nil
}
