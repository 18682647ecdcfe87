package miio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/needwant/needwant/internal/span"
)

// exchange is one call under way. What it saw over all attempts decides, in the
// end, which error it is.
type exchange struct {
	client   *Client
	conn     net.Conn
	attempts int
	each     time.Duration // for each attempt
	request  Request
	buffer   [0xffff]byte

	greeted    bool         // a hello was answered
	forged     bool         // an answer's checksum did not verify
	offered    bool         // a hello's answer gave another token
	refusal    error        // what the network said last, if nothing came after it
	complaint  *DeviceError // the device's last retryable error
	unreadable error        // an answer that is no miIO response
}

// run makes attempts until one settles the matter.
func (x *exchange) run(ctx context.Context) (Reply, error) {
	for attempt := 1; ; attempt++ {
		end := time.Now().Add(x.each)
		reply, err := x.attempt(end)
		reply.Attempts = attempt
		if errors.Is(ctx.Err(), context.Canceled) {
			return Reply{}, fmt.Errorf("asking %s for %s: %w", x.client.address(), x.request.Method, ctx.Err())
		}
		if settled, err := x.note(err); settled {
			return reply, err
		}
		x.client.forget()
		if attempt >= x.attempts || span.Wait(ctx, time.Until(end)) != nil {
			return Reply{}, x.failure(attempt)
		}
	}
}

// note sorts an attempt's error. Settled means that another attempt is useless:
// there is none, the device has spoken for good, or it could not be asked.
func (x *exchange) note(err error) (settled bool, _ error) {
	var device *DeviceError
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &device) && !device.Retryable():
		return true, device
	case device != nil:
		x.complaint = device
	case refused(err):
		x.refusal = err
	case !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed):
		return true, fmt.Errorf("asking %s for %s: %w", x.client.address(), x.request.Method, err)
	}
	return false, nil
}

// attempt asks once, after a hello where one is due.
func (x *exchange) attempt(end time.Time) (Reply, error) {
	if err := x.conn.SetDeadline(end); err != nil {
		return Reply{}, err
	}
	device, stamp, known := x.client.stamp()
	if !known {
		if err := x.greet(); err != nil {
			return Reply{}, err
		}
		device, stamp, _ = x.client.stamp()
	}
	x.request.ID = x.client.nextID()
	plaintext, err := x.request.Bytes()
	if err != nil {
		return Reply{}, err
	}
	packet, err := Seal(x.client.Token, device, stamp, plaintext)
	if err != nil {
		return Reply{}, err
	}
	return x.ask(packet)
}

// greet sends a hello and waits for its answer.
func (x *exchange) greet() error {
	if _, err := x.conn.Write(Hello().Bytes()); err != nil {
		return err
	}
	for {
		packet, err := x.receive()
		if err != nil {
			return err
		}
		if packet.Hello || len(packet.Body) > 0 {
			continue
		}
		x.greeted = true
		x.offered = x.offered || x.offers(packet)
		x.client.learn(packet)
		return nil
	}
}

// offers reports whether a hello's answer holds a token, as that of an unpaired
// device does, and one that is not ours.
func (x *exchange) offers(packet Packet) bool {
	return packet.Checksum != filled() && packet.Checksum != [16]byte{} &&
		packet.Checksum != [16]byte(x.client.Token.bytes())
}

// ask sends the request and waits for the answer to its id.
func (x *exchange) ask(packet Packet) (Reply, error) {
	sent := time.Now()
	if _, err := x.conn.Write(packet.Bytes()); err != nil {
		return Reply{}, err
	}
	for {
		packet, err := x.receive()
		if err != nil {
			return Reply{}, err
		}
		response, ok := x.open(packet)
		if !ok || response.ID != x.request.ID {
			continue
		}
		rtt := time.Since(sent)
		x.client.learn(packet)
		if response.Error != nil {
			return Reply{RTT: rtt}, response.Error
		}
		if response.Result == nil { // such as python-miio's simulators answer miIO.info
			response.Result = json.RawMessage("null")
		}
		return Reply{Result: response.Result, RTT: rtt}, nil
	}
}

// open reads a response, or notes what is wrong with the packet.
func (x *exchange) open(packet Packet) (Response, bool) {
	if packet.Hello || len(packet.Body) == 0 {
		return Response{}, false
	}
	plaintext, err := packet.Open(x.client.Token)
	if errors.Is(err, ErrChecksum) {
		x.forged = true
		return Response{}, false
	}
	x.client.trusted()
	var response Response
	if err == nil {
		response, err = ReadResponse(plaintext)
	}
	if err != nil {
		x.unreadable = err
		return Response{}, false
	}
	return response, true
}

// receive returns the next miIO packet; everything else is ignored.
func (x *exchange) receive() (Packet, error) {
	for {
		length, err := x.conn.Read(x.buffer[:])
		if err != nil {
			return Packet{}, err
		}
		packet, err := Parse(x.buffer[:length])
		if err == nil {
			x.refusal = nil
			return packet, nil
		}
	}
}

// refused reports whether the network itself answered, by ICMP or for want of a
// neighbour, that nobody is there.
func refused(err error) bool {
	for _, number := range []syscall.Errno{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EACCES} {
		if errors.Is(err, number) {
			return true
		}
	}
	return false
}

// failure says what all attempts together mean. What the device said itself
// goes before what is concluded from silence.
func (x *exchange) failure(attempts int) error {
	address, method := x.client.address(), x.request.Method
	switch {
	case x.complaint != nil:
		return x.complaint
	case x.unreadable != nil:
		return &UnreadableError{address, method, x.unreadable}
	case x.forged && x.client.wasTrusted():
		return &UnreadableError{address, method, fmt.Errorf("%w, which worked before: it is garbage, or the device was paired again", ErrChecksum)}
	case x.forged:
		return &WrongTokenError{address, ByChecksum}
	case x.offered:
		return &WrongTokenError{address, ByHello}
	case x.refusal != nil:
		return &UnreachableError{address, x.refusal}
	case x.greeted && !x.client.wasTrusted():
		return &WrongTokenError{address, BySilence}
	}
	return &TimeoutError{address, method, attempts, x.each, x.greeted}
}
