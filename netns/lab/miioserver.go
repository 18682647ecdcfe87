package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/needwant/needwant/scenarios/miio"
)

// deviceID is what the simulated device calls itself in miIO.
const deviceID = 0x07fc0d9e

// stampWindow is how far a request's stamp may be from the device's clock, in
// seconds. Clients repeat the hello after as long.
const stampWindow = 120

// listenLocally opens the device's miIO port, over IPv4 and IPv6.
func (l *life) listenLocally() error {
	packets, err := l.takePort()
	if err != nil {
		return fmt.Errorf("the simulated device cannot listen: %w", err)
	}
	closed := make(chan struct{})
	context.AfterFunc(l.ctx, func() {
		defer close(closed)
		_ = packets.Close()
	})
	l.work.Go(func() {
		l.serve(packets)
		<-closed // reading ends a moment before the port is free for the next life
	})
	return nil
}

// takePort waits for a port that was closed and is not free yet: a program that is
// just being started, as iptables by another lane, has a copy of every socket
// until it runs.
func (l *life) takePort() (net.PacketConn, error) {
	for deadline := time.Now().Add(2 * time.Second); ; {
		packets, err := l.namespace.ListenPacket(l.ctx, "udp", fmt.Sprintf(":%d", miio.DefaultPort))
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(deadline) {
			return packets, err
		}
		select {
		case <-l.ctx.Done():
			return nil, l.ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func (l *life) serve(packets net.PacketConn) {
	datagram := make([]byte, 4096)
	for heard := uint64(0); ; {
		n, from, err := packets.ReadFrom(datagram)
		if err != nil {
			return
		}
		if l.noise.spell(time.Since(l.born)) || !l.hears(from) {
			continue
		}
		packet, err := miio.Parse(datagram[:n])
		if err != nil {
			continue
		}
		if packet.Hello && !l.greets() {
			continue
		}
		if packet.Hello {
			_, _ = packets.WriteTo(miio.HelloReply(deviceID, l.stamp()).Bytes(), from)
			continue
		}
		heard++
		request, ok := l.open(packet)
		if !ok || l.noise.ignores(heard) {
			continue
		}
		l.work.Go(func() { l.reply(packets, from, request) })
	}
}

// hears reports whether the device listens to an address at all.
func (l *life) hears(from net.Addr) bool {
	if !l.world.Device.OwnOnly {
		return true
	}
	asker, err := netip.ParseAddrPort(from.String())
	networks := labNetworks()
	address := asker.Addr().Unmap()
	return err == nil && (networks["device"].Contains(address) || networks["device v6"].Contains(address))
}

// greets reports whether the device answers a hello, which most do always.
func (l *life) greets() bool {
	return l.world.Failure != Mute || l.mind.works(Info, nil)
}

// open reads a request. What is not for this device, not of this time, or not
// sealed with its token is dropped without a word, as real devices do.
func (l *life) open(packet miio.Packet) (request miio.Request, ok bool) {
	late := int64(packet.Stamp) - int64(l.stamp())
	if packet.Device != deviceID || late > stampWindow || late < -stampWindow {
		return miio.Request{}, false
	}
	text, err := packet.Open(l.token)
	if err != nil {
		return miio.Request{}, false
	}
	request, err = miio.ReadRequest(text)
	return request, err == nil
}

func (l *life) reply(packets net.PacketConn, to net.Addr, request miio.Request) {
	response := miio.Response{ID: request.ID}
	method, known := l.methods[request.Method]
	switch {
	case !known:
		response.Error = &miio.DeviceError{Code: miio.CodeUnknownMethod, Message: "Method not found."}
	case l.call(method.function):
		response.Result = method.result(l, request.Params)
		rest(l.ctx, l.mind.late(method.function))
	case l.world.Failure == WithError:
		response.Error = &miio.DeviceError{Code: miio.CodeAckTimeout, Message: "user ack timeout"}
	default:
		return
	}
	if datagram, err := l.seal(response); err == nil {
		_, _ = packets.WriteTo(datagram, to)
	}
}

// seal writes a response as a datagram.
func (l *life) seal(response miio.Response) ([]byte, error) {
	text, err := response.Bytes()
	if err != nil {
		return nil, err
	}
	packet, err := miio.Seal(l.token, deviceID, l.stamp(), text)
	if err != nil {
		return nil, err
	}
	return packet.Bytes(), nil
}
