package miio_test

import (
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/needwant/needwant/scenarios/miio"
)

// TestHelloAges stands outside of the suite, since synctest needs a *testing.T.
func TestHelloAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipes := pipeDevice{t: t}
		client := &miio.Client{Address: netip.MustParseAddrPort("192.0.2.1:0"), Dial: pipes.dial}
		for _, step := range []struct {
			wait   time.Duration
			hellos int
		}{
			{0, 1},
			{119 * time.Second, 1},
			{119 * time.Second, 1}, // each reply tells the device's clock as well
			{120 * time.Second, 2},
		} {
			time.Sleep(step.wait) //nolint:forbidigo // it is synctest's clock that passes
			if _, err := client.Call(context.Background(), "get_status", nil); err != nil {
				t.Fatal(err)
			}
			if pipes.hellos != step.hellos {
				t.Fatalf("%v after the last call there were %d hellos, not %d", step.wait, pipes.hellos, step.hellos)
			}
		}
	})
}

// pipeDevice answers over pipes, one for each call.
type pipeDevice struct {
	t      *testing.T
	hellos int
}

func (d *pipeDevice) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go d.serve(far)
	return near, nil
}

func (d *pipeDevice) serve(conn net.Conn) {
	buffer := make([]byte, 4096)
	for {
		length, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if _, err := conn.Write(d.react(buffer[:length])); err != nil {
			return
		}
	}
}

func (d *pipeDevice) react(datagram []byte) []byte {
	packet, err := miio.Parse(datagram)
	if err != nil {
		d.t.Error(err)
	}
	if packet.Hello {
		d.hellos++
		return miio.HelloReply(1, 5).Bytes()
	}
	plaintext, err := packet.Open(miio.Token{})
	if err != nil {
		d.t.Error(err)
	}
	request, err := miio.ReadRequest(plaintext)
	if err != nil {
		d.t.Error(err)
	}
	text, err := miio.Response{ID: request.ID, Result: json.RawMessage(`[]`)}.Bytes()
	if err != nil {
		d.t.Error(err)
	}
	sealed, err := miio.Seal(miio.Token{}, 1, packet.Stamp, text)
	if err != nil {
		d.t.Error(err)
	}
	return sealed.Bytes()
}
