package standin

import (
	"context"
	"slices"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/sockets"
)

// longestEcho is how many bytes of an ICMP message are read. The kernel puts fragments
// together before that.
const longestEcho = 65535

// serveEchoes replies to echo requests. The kernel does so itself if the gateway's own
// address was meant, and over IPv6 from any. These are only counted here.
func (s *Servers) serveEchoes(ctx context.Context, at sockets.Config) error {
	packets, err := sockets.ListenICMP(ctx, s.config.Namespace, at)
	if err != nil {
		return err
	}
	version4 := at.Version == "4"
	s.serve(harness.EchoReply, packets, func() error {
		buffer := make([]byte, longestEcho)
		for {
			text, from, to, err := packets.Read(buffer)
			if err != nil {
				return err
			}
			reply, ok := echoReply(text, version4)
			if !ok || !s.takes(harness.ICMP, to) {
				continue
			}
			if version4 && !slices.Contains(s.config.Own, to.Addr()) {
				err = packets.Write(reply, from, to)
			}
			s.sent(harness.ICMP, to, err)
		}
	})
	return nil
}

// echoReply answers a message over one version of IP; ok is false for what is not an
// echo request.
func echoReply(text []byte, version4 bool) (reply []byte, ok bool) {
	family := chains.IPv6
	var asks, answers icmp.Type = ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply
	if version4 {
		family, asks, answers = chains.IPv4, ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply
	}
	message, err := icmp.ParseMessage(int(chains.EchoOf(family).Number), text)
	if err != nil || message.Type != asks || message.Code != 0 {
		return nil, false
	}
	message.Type = answers
	reply, err = message.Marshal(nil)
	return reply, err == nil
}
