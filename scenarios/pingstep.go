package scenarios

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Ping sends ICMP echo requests.
type Ping struct {
	Host  string `yaml:"host" about:"The name or address of the host, e.g. 192.168.50.10."`
	Count int    `yaml:"count,omitempty" jsonschema:"minimum=1,maximum=100" about:"How many requests are sent, a second apart or less. The default is 3."`
}

// PingResult is what an expectation on [Ping] may name.
type PingResult struct {
	Sent     int     `expr:"sent" about:"How many requests were sent."`
	Received int     `expr:"received" about:"How many requests were answered."`
	RTT      float64 `expr:"rtt_ms" about:"Milliseconds to the fastest answer."`
}

const usualPings = 3

func pingKind() Kind {
	return Kind{
		Name:    "ping",
		About:   "Sends ICMP echo requests. An answer proves that the device is on, not that it works.",
		Fails:   "No answer at all is a failure. If no socket can be opened, or a name cannot be looked up, the check is inconclusive.",
		Example: "{ping: 192.168.50.10, expect: 'received >= 2'}",
		Short:   "host",
		New:     func() Action { return new(Ping) },
		Result:  PingResult{},
		Expect:  "received > 0",
	}
}

func (p *Ping) check() *ArgumentError {
	switch {
	case !goodHost(p.Host):
		return wrong("host", fmt.Sprintf("%q is not a host", p.Host), "write it as 192.168.50.10")
	case p.Count < 0 || p.Count > 100:
		return wrong("count", fmt.Sprintf("count is %d", p.Count), "write a number from 1 to 100")
	}
	return nil
}

func (p *Ping) prepare(e *Engine, timeout time.Duration) (deed, error) {
	count := p.Count
	if count == 0 {
		count = usualPings
	}
	return deed{
		kind: pingKind(),
		name: "ping " + p.Host,
		run: func(ctx context.Context) (sight, error) {
			addresses, err := e.Place.lookup(ctx, p.Host)
			if err != nil {
				return unreached(ctx, err)
			}
			return ping(ctx, e.Place, addresses[0], count, min(time.Second, timeout/time.Duration(count)))
		},
	}, nil
}

// ping sends requests one after another, and gives each its time.
func ping(ctx context.Context, place Place, address netip.Addr, count int, each time.Duration) (sight, error) {
	network, local := "ip4:icmp", "0.0.0.0"
	if address.Is6() {
		network, local = "ip6:ipv6-icmp", "::"
	}
	socket, err := place.packets(ctx, network, local)
	if err != nil {
		return sight{}, fmt.Errorf("opening a socket for ICMP, which takes root: %w", err)
	}
	defer socket.Close()
	defer context.AfterFunc(ctx, func() { socket.Close() })()
	result := PingResult{Sent: count}
	id := rand.IntN(1 << 16)
	for number := range count {
		took, err := echo(socket, address, id, number, each)
		if ctx.Err() != nil {
			break
		}
		if err == nil && (result.Received == 0 || milliseconds(took) < result.RTT) {
			result.RTT = milliseconds(took)
		}
		if err == nil {
			result.Received++
		}
		if err == nil && number < count-1 && !pauseUntil(ctx, time.Now().Add(each-took)) {
			break
		}
	}
	if result.Received == 0 {
		return sight{failure: fmt.Sprintf("%d requests, and no answer", count), late: true}, nil
	}
	return sight{result: result, saw: fmt.Sprintf("%d of %d answered, %.1f ms", result.Received, result.Sent, result.RTT)}, nil
}

// echo sends one request and waits for its answer.
func echo(socket net.PacketConn, to netip.Addr, id, number int, wait time.Duration) (time.Duration, error) {
	var kind, reply icmp.Type = ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply
	protocol := 1 // the numbers are IANA's
	if to.Is6() {
		kind, reply, protocol = ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply, 58
	}
	content := binary.BigEndian.AppendUint64(nil, rand.Uint64())
	request, err := (&icmp.Message{Type: kind, Body: &icmp.Echo{ID: id, Seq: number, Data: content}}).Marshal(nil)
	if err != nil {
		return 0, err
	}
	started := time.Now()
	if err := socket.SetDeadline(started.Add(wait)); err != nil {
		return 0, err
	}
	if _, err := socket.WriteTo(request, &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()}); err != nil {
		return 0, err
	}
	buffer := make([]byte, 1500)
	for {
		length, _, err := socket.ReadFrom(buffer)
		if err != nil {
			return 0, err
		}
		message, err := icmp.ParseMessage(protocol, buffer[:length])
		if err != nil || message.Type != reply {
			continue
		}
		if answer, ok := message.Body.(*icmp.Echo); ok && answer.ID == id && answer.Seq == number && string(answer.Data) == string(content) {
			return time.Since(started), nil
		}
		if time.Since(started) > wait {
			return 0, errors.New("no answer")
		}
	}
}
