package standin

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

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
	silent, err := s.ignoresEchoes(version4)
	if err != nil {
		return errors.Join(err, packets.Close())
	}
	s.serve(harness.EchoReply, packets, func() error {
		buffer := make([]byte, longestEcho)
		for {
			text, from, to, err := packets.Read(buffer)
			if err != nil {
				return err
			}
			reply, id, ok := echoReply(text, version4)
			if !ok {
				continue
			}
			meant := s.meant(harness.ICMP, from, to, id)
			if !s.takes(harness.ICMP, meant) {
				continue
			}
			switch {
			case version4 && !slices.Contains(s.config.Own, to.Addr()):
				err = packets.Write(reply, from, to)
			case silent:
				err = errors.New("this machine replies to no pings: set net.ipv4.icmp_echo_ignore_all to 0, or net.ipv6.icmp.echo_ignore_all")
			}
			s.sent(harness.ICMP, meant, err)
		}
	})
	return nil
}

// ignoresEchoes reports whether the kernel was told to reply to no echo requests.
func (s *Servers) ignoresEchoes(version4 bool) (ignores bool, err error) {
	path := "/proc/sys/net/ipv6/icmp/echo_ignore_all"
	if version4 {
		path = "/proc/sys/net/ipv4/icmp_echo_ignore_all"
	}
	err = s.config.Namespace.Do(func() error {
		value, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		ignores = strings.TrimSpace(string(value)) != "0"
		return err
	})
	return ignores, err
}

// echoReply answers a message over one version of IP, and returns its id; ok is false for
// what is not an echo request.
func echoReply(text []byte, version4 bool) (reply []byte, id uint16, ok bool) {
	family := chains.IPv6
	var asks, answers icmp.Type = ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply
	if version4 {
		family, asks, answers = chains.IPv4, ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply
	}
	message, err := icmp.ParseMessage(int(chains.EchoOf(family).Number), text)
	if err != nil || message.Type != asks || message.Code != 0 {
		return nil, 0, false
	}
	echo, ok := message.Body.(*icmp.Echo)
	if !ok {
		return nil, 0, false
	}
	message.Type = answers
	reply, err = message.Marshal(nil)
	return reply, uint16(echo.ID), err == nil
}
