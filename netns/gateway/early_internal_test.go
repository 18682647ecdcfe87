package gateway

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// Packets are logged from the moment in which the first rule is there, while the
// gateway is still being built.
func TestPacketsBeforeTheFirstWindowAreTaken(t *testing.T) {
	device, server := netip.MustParseAddrPort("192.168.50.10:40000"), netip.MustParseAddrPort("203.0.113.9:443")
	for _, point := range []watch.Point{watch.Outward, watch.Inward, watch.Block, watch.Answer, watch.Hello, watch.Stray, watch.Home, watch.Other} {
		for _, protocol := range []string{harness.TCP, harness.UDP, harness.ICMP, ""} {
			for _, source := range []netip.AddrPort{device, netip.MustParseAddrPort("169.254.7.7:40000"), server} {
				g := unbuilt(Config{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, Alone: true})
				g.study()
				g.note(watch.Packet{
					Point: point, Protocol: protocol, Kind: "ICMP TimestampRequest", Hardware: g.config.MAC, Source: source, Destination: server,
					SYN: protocol == harness.TCP, Payload: []byte("no answer"), At: time.Now(),
				})
				if point == watch.Stray && len(g.untested.list()) != 1 {
					t.Errorf("what came first is not listed: %v", g.untested.list())
				}
			}
		}
	}
}
