package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"time"

	"github.com/beevik/ntp"
)

// NTP asks a server for the time.
type NTP struct {
	Server string `yaml:"server" about:"The server, for example pool.ntp.org; with a port if it is not 123."`
}

// NTPResult is what an expectation on [NTP] may name.
type NTPResult struct {
	Offset  float64 `expr:"offset_ms" about:"Milliseconds that the server is ahead of this machine's clock; negative if it is behind."`
	Stratum int     `expr:"stratum" about:"The server's distance from a reference clock, 1 to 15."`
	RTT     float64 `expr:"rtt_ms" about:"Milliseconds from the request to the answer."`
}

func ntpKind() Kind {
	return Kind{
		Name:    "ntp",
		About:   "Asks a server for the time.",
		Fails:   "No answer is a failure, and so is an answer that an NTP client must not use. A name that cannot be looked up makes the check inconclusive.",
		Example: "{ntp: pool.ntp.org, expect: 'offset_ms > -500 && offset_ms < 500'}",
		Short:   "server",
		New:     func() Action { return new(NTP) },
		Result:  NTPResult{},
		Expect:  "true",
	}
}

func (n *NTP) check() *ArgumentError {
	if strings.ContainsRune(n.Server, ':') && !goodHost(n.Server) {
		return checkAddress("server", n.Server, "pool.ntp.org:123")
	}
	if !goodHost(n.Server) {
		return wrong("server", fmt.Sprintf("%q is not a server", n.Server), "write it as pool.ntp.org")
	}
	return nil
}

func (n *NTP) prepare(e *Engine, timeout time.Duration) (deed, error) {
	return deed{
		kind: ntpKind(),
		name: "ntp " + n.Server,
		run:  func(ctx context.Context) (sight, error) { return n.ask(ctx, e.Place, timeout) },
	}, nil
}

func (n *NTP) ask(ctx context.Context, place Place, timeout time.Duration) (sight, error) {
	var dialled error
	response, err := ntp.QueryWithOptions(n.Server, ntp.QueryOptions{
		Timeout: timeout,
		Dialer: func(_, remote string) (net.Conn, error) {
			conn, err := place.dial(ctx, "udp", remote)
			if err != nil {
				dialled = err
				return nil, err
			}
			context.AfterFunc(ctx, func() { conn.Close() })
			return conn, nil
		},
	})
	if dialled != nil {
		return unreached(ctx, dialled)
	}
	if err == nil {
		err = response.Validate()
	}
	if err != nil {
		return sight{failure: "no good answer: " + err.Error(), late: ctx.Err() != nil || timedOut(err) || errors.Is(err, net.ErrClosed)}, nil
	}
	result := NTPResult{Offset: round(response.ClockOffset), Stratum: int(response.Stratum), RTT: milliseconds(response.RTT)}
	return sight{result: result, saw: fmt.Sprintf("%+.0f ms, stratum %d", result.Offset, result.Stratum)}, nil
}

func round(d time.Duration) float64 { return math.Round(milliseconds(d)*1000) / 1000 }
