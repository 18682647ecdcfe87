package standin

import (
	"context"
	"io"
	"net"

	"golang.org/x/net/netutil"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/sockets"
)

const (
	mostSilent      = 64 // connections at a time, of each port; others wait
	mostSilentPorts = 64 // others have no stand-in
)

// serveSilence accepts connections on the ports of the destinations, says nothing, and keeps
// nothing of what it is sent. It leaves the end to the device, since some are content as long
// as their line is open.
func (s *Servers) serveSilence(ctx context.Context, at sockets.Config) error {
	ports := s.config.Ports[:min(len(s.config.Ports), mostSilentPorts)]
	if s.config.Led != nil {
		ports = []uint16{LedPort(harness.SilentTCP)}
	}
	for _, port := range ports {
		at.Port = port
		listener, err := s.listen(ctx, at)
		if err != nil {
			return err
		}
		open := newConnections(netutil.LimitListener(listener, mostSilent))
		s.serve(harness.SilentTCP, open, func() error {
			return open.accept(func(connection net.Conn) {
				s.answer(harness.TCP, sockets.AddrPort(connection.LocalAddr()))
				_, _ = io.Copy(io.Discard, connection) // until it ends
			})
		})
	}
	return nil
}
