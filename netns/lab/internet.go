package lab

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/scenarios/miio"
)

// internet is everything that the device can contact: a server at every
// address of every destination, the DNS server that knows their names, and the
// vendor's cloud. All of it is always up: what is out of reach is the gateway's
// doing.
type internet struct {
	world     World
	namespace *netns.Namespace
	authority *authority
	cloud     *cloud
	closers   []io.Closer
	work      sync.WaitGroup
}

func openInternet(w World, namespace *netns.Namespace, authority *authority, token miio.Token) (*internet, error) {
	i := &internet{world: w, namespace: namespace, authority: authority, cloud: newCloud(w.Tempo, token)}
	for _, open := range []func() error{i.openDestinations, i.openNames, i.openCloud} {
		if err := open(); err != nil {
			i.close()
			return nil, fmt.Errorf("opening the lab's internet: %w", err)
		}
	}
	return i, nil
}

// close ends every server.
func (i *internet) close() {
	for _, closer := range i.closers {
		_ = closer.Close()
	}
	i.cloud.close()
	i.work.Wait()
}

func (i *internet) openDestinations() error {
	open := map[place]bool{}
	for _, id := range i.world.IDs() {
		d := i.world.Destinations[id]
		for _, address := range d.Addresses {
			at := place{d.Protocol, d.Port, address}
			if open[at] {
				continue // two names on one address
			}
			open[at] = true
			if d.probes() {
				if err := i.listenPages(at); err != nil {
					return err
				}
				continue
			}
			if err := i.openPlace(at); err != nil {
				return err
			}
		}
	}
	return nil
}

func (i *internet) openPlace(at place) error {
	switch at.protocol {
	case ICMP:
		return nil // the kernel answers for every address of the internet's own
	case "tcp":
		return i.listenStream(at)
	}
	return i.listenDatagrams(at, i.answerer(at))
}

// answerer is what a server of datagrams does, by its port.
func (i *internet) answerer(at place) answerer {
	switch at.port {
	case 123:
		return answerTime
	case 53:
		return answerName(i.zone())
	case 8053:
		return i.cloud.keepAlives(at)
	}
	return answerEcho
}

// answerer makes the reply to a datagram, nil for none. Reply sends another
// datagram to the same place later.
type answerer func(datagram []byte, reply func([]byte)) []byte

func (i *internet) listenDatagrams(at place, answer answerer) error {
	packets, err := i.namespace.ListenPacket(context.Background(), "udp", netip.AddrPortFrom(at.address, at.port).String())
	if err != nil {
		return err
	}
	i.closers = append(i.closers, packets)
	i.work.Go(func() { serveDatagrams(packets, answer) })
	return nil
}

func serveDatagrams(packets net.PacketConn, answer answerer) {
	datagram := make([]byte, 4096)
	for {
		n, from, err := packets.ReadFrom(datagram)
		if err != nil {
			return
		}
		send := func(reply []byte) { _, _ = packets.WriteTo(reply, from) }
		if reply := answer(datagram[:n], send); reply != nil {
			send(reply)
		}
	}
}

func (i *internet) listenStream(at place) error {
	listener, err := i.namespace.Listen(context.Background(), "tcp", netip.AddrPortFrom(at.address, at.port).String())
	if err != nil {
		return err
	}
	if at.port == 443 {
		listener = tls.NewListener(listener, i.authority.server())
	}
	i.closers = append(i.closers, listener)
	i.work.Go(func() { i.accept(listener) })
	return nil
}

func (i *internet) accept(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		i.work.Go(func() { i.cloud.serveStream(connection, i.idle()) })
	}
}

// idle is how long a server waits for a device that has gone silent.
func (i *internet) idle() time.Duration { return 2*i.world.Settle() + time.Second }
