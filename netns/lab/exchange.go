package lab

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/miekg/dns"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// exchange is one datagram and its answer, from a port of its own each time.
type exchange struct {
	life        *life
	destination Destination
	ask         func(of netip.Addr) (question []byte, answers func(reply []byte) bool)
}

func (e *exchange) try(ctx context.Context) error {
	if servers := e.life.clocks.named(); e.destination.Port == timePort && len(servers) > 0 {
		return eachAddress(ctx, servers, e.onceByDHCP)
	}
	addresses, err := e.life.addresses(ctx, e.destination)
	if err != nil {
		return err
	}
	return eachAddress(ctx, addresses, e.once)
}

func (e *exchange) once(ctx context.Context, address netip.Addr) error {
	return e.as(ctx, e.destination.ID(), address)
}

// onceByDHCP asks a time server that is not one of the destinations.
func (e *exchange) onceByDHCP(ctx context.Context, address netip.Addr) error {
	return e.as(ctx, fmt.Sprintf("udp/%d/%s", timePort, address), address)
}

// as contacts an address, which counts under a name.
func (e *exchange) as(ctx context.Context, name string, address netip.Addr) error {
	connection, err := e.life.dial(ctx, name, e.destination.Protocol, netip.AddrPortFrom(address, e.destination.Port))
	if err != nil {
		return err
	}
	defer connection.Close()
	defer until(ctx, connection)()
	question, answers := e.ask(address)
	return converse(connection, question, answers)
}

func (e *exchange) close() {}

// converse sends a datagram and waits for the one that answers it.
func converse(connection net.Conn, question []byte, answers func(reply []byte) bool) error {
	if _, err := connection.Write(question); err != nil {
		return err
	}
	reply := make([]byte, 1500)
	for {
		n, err := connection.Read(reply)
		if err != nil {
			return err
		}
		if answers(reply[:n]) {
			return nil
		}
	}
}

// askTime is an NTP request (RFC 5905, version 4, client). The answer repeats
// the request's transmit timestamp as its origin, and has a stratum.
func askTime(netip.Addr) ([]byte, func([]byte) bool) {
	question := make([]byte, ntpLength)
	question[0] = 4<<3 | ntpClient
	_, _ = rand.Read(question[40:])
	return question, func(reply []byte) bool {
		return len(reply) >= ntpLength && reply[0]&7 == ntpServer && reply[1] > 0 &&
			bytes.Equal(reply[24:32], question[40:48])
	}
}

// askOwnTime is the same, and the answer must be from one of the vendor's servers.
func askOwnTime(of netip.Addr) ([]byte, func([]byte) bool) {
	question, answers := askTime(of)
	return question, func(reply []byte) bool { return answers(reply) && string(reply[12:16]) == vendorClock }
}

// vendorClock is the reference id of all time servers of a lab.
const vendorClock = "LAB "

// probeName is what the device asks for where it contacts a DNS server for its
// own sake. It is no destination's name.
const probeName = "probe.needwant.test."

// askName is a DNS query. Any answer to it will do.
func askName(netip.Addr) ([]byte, func([]byte) bool) {
	query := new(dns.Msg).SetQuestion(probeName, dns.TypeA)
	question, err := query.Pack()
	if err != nil {
		panic(err) // it depends on nothing
	}
	return question, func(reply []byte) bool {
		var answer dns.Msg
		return answer.Unpack(reply) == nil && answer.Response && answer.Id == query.Id
	}
}

func askEcho(netip.Addr) ([]byte, func([]byte) bool) {
	question := make([]byte, 16)
	_, _ = rand.Read(question)
	return question, func(reply []byte) bool { return bytes.Equal(reply, question) }
}

// askPing is an ICMP echo request (RFC 792, RFC 4443). The kernel fills in the
// checksum of ICMPv6.
func askPing(of netip.Addr) ([]byte, func([]byte) bool) {
	var asks, answers icmp.Type = ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply
	if of.Is6() {
		asks, answers = ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply
	}
	content := make([]byte, 16)
	_, _ = rand.Read(content)
	id := int(binary.BigEndian.Uint16(content))
	question, err := (&icmp.Message{Type: asks, Body: &icmp.Echo{ID: id, Seq: 1, Data: content}}).Marshal(nil)
	if err != nil {
		panic(err) // it is made of a few bytes
	}
	return question, func(reply []byte) bool {
		message, err := icmp.ParseMessage(asks.Protocol(), reply)
		if err != nil || message.Type != answers {
			return false
		}
		echo, ok := message.Body.(*icmp.Echo)
		return ok && echo.ID == id && bytes.Equal(echo.Data, content)
	}
}

// What both ends of NTP know: RFC 5905, section 7.3.
const (
	ntpLength = 48
	ntpClient = 3
	ntpServer = 4
	ntpEpoch  = 2208988800 // seconds from 1900 to 1970
)

// ntpTime is a timestamp of NTP: seconds since 1900 and their fraction.
func ntpTime(nanoseconds int64) (stamp [8]byte) {
	seconds, rest := nanoseconds/1e9, nanoseconds%1e9
	binary.BigEndian.PutUint32(stamp[:4], uint32(seconds+ntpEpoch))
	binary.BigEndian.PutUint32(stamp[4:], uint32(rest<<32/1e9))
	return stamp
}
