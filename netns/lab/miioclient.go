package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/needwant/needwant/scenarios/miio"
)

// asker asks the device as python-miio does: hello first, and again after a
// timeout; three tries; -9999 retried once. Use it from one goroutine at a time.
type asker struct {
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	device netip.AddrPort
	token  miio.Token
	wait   time.Duration // for each try

	known  bool // device and stamp are those of a hello
	id     uint32
	ahead  int64 // the device's clock less our own, in seconds
	number int
}

const tries = 3

// ask sends a request and returns the result.
func (a *asker) ask(ctx context.Context, request miio.Request) (json.RawMessage, error) {
	var err error
	for range tries {
		var response miio.Response
		if response, err = a.once(ctx, request); err != nil {
			a.known = false
			continue
		}
		if response.Error == nil {
			return response.Result, nil
		}
		if err = response.Error; !response.Error.Retryable() {
			break
		}
	}
	return nil, fmt.Errorf("%s: %w", request.Method, err)
}

// once is one try, hello included where it is needed, from a port of its own.
func (a *asker) once(ctx context.Context, request miio.Request) (response miio.Response, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.wait)
	defer cancel()
	connection, err := a.dial(ctx, "udp", a.device.String())
	if err != nil {
		return response, err
	}
	defer connection.Close()
	defer until(ctx, connection)()
	if !a.known {
		if err := a.greet(connection); err != nil {
			return response, err
		}
	}
	a.number = a.number%9999 + 1
	request.ID = a.number
	question, err := a.seal(request)
	if err != nil {
		return response, err
	}
	err = converse(connection, question, func(datagram []byte) bool {
		response, err = a.read(datagram)
		return err == nil && response.ID == request.ID
	})
	return response, err
}

func (a *asker) greet(connection net.Conn) error {
	return converse(connection, miio.Hello().Bytes(), func(datagram []byte) bool {
		packet, err := miio.Parse(datagram)
		if err != nil || len(packet.Body) > 0 {
			return false
		}
		a.known, a.id, a.ahead = true, packet.Device, int64(packet.Stamp)-time.Now().Unix()
		return true
	})
}

func (a *asker) seal(request miio.Request) ([]byte, error) {
	text, err := request.Bytes()
	if err != nil {
		return nil, err
	}
	packet, err := miio.Seal(a.token, a.id, uint32(time.Now().Unix()+a.ahead), text)
	if err != nil {
		return nil, err
	}
	return packet.Bytes(), nil
}

func (a *asker) read(datagram []byte) (miio.Response, error) {
	packet, err := miio.Parse(datagram)
	if err != nil {
		return miio.Response{}, err
	}
	if len(packet.Body) == 0 {
		return miio.Response{}, errors.New("no body")
	}
	text, err := packet.Open(a.token)
	if err != nil {
		return miio.Response{}, err
	}
	return miio.ReadResponse(text)
}
