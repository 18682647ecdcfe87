package lab

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

func answerEcho(datagram []byte, _ func([]byte)) []byte { return datagram }

// answerTime is an NTP server (RFC 5905) of stratum 2.
func answerTime(datagram []byte, _ func([]byte)) []byte {
	if len(datagram) < ntpLength || datagram[0]&7 != ntpClient {
		return nil
	}
	now := ntpTime(time.Now().UnixNano())
	reply := make([]byte, ntpLength)
	reply[0] = datagram[0]&0x38 | ntpServer // the client's version
	reply[1], reply[2], reply[3] = 2, datagram[2], 0xec
	copy(reply[12:], vendorClock)
	for _, at := range []int{16, 32, 40} { // reference, receive, transmit
		copy(reply[at:], now[:])
	}
	copy(reply[24:32], datagram[40:48]) // origin
	return reply
}

// zone is what the lab's DNS server knows.
type zone struct {
	began time.Time
	hosts map[string]Destination
}

func (i *internet) zone() zone {
	z := zone{time.Now(), map[string]Destination{}}
	for _, d := range i.world.Destinations {
		if d.Host != "" {
			z.hosts[dns.Fqdn(d.Host)] = d
		}
	}
	return z
}

// answer is the reply to a query: all addresses of the name, or where they
// rotate, the one whose turn it is.
func (z zone) answer(query *dns.Msg, now time.Time) *dns.Msg {
	reply := new(dns.Msg).SetReply(query)
	reply.Authoritative, reply.RecursionAvailable = true, true
	if len(query.Question) != 1 {
		return reply.SetRcode(query, dns.RcodeFormatError)
	}
	question := query.Question[0]
	d, known := z.hosts[dns.CanonicalName(question.Name)]
	if !known {
		return reply.SetRcode(query, dns.RcodeNameError)
	}
	for _, address := range z.turn(d, now) {
		if record := resource(question, address, d.ttl()); record != nil {
			reply.Answer = append(reply.Answer, record)
		}
	}
	return reply
}

func (z zone) turn(d Destination, now time.Time) []netip.Addr {
	if d.Rotate == 0 {
		return d.Addresses
	}
	turn := int(now.Sub(z.began)/d.Rotate) % len(d.Addresses)
	return d.Addresses[turn : turn+1]
}

// resource is the record of an address, nil when the question is for another
// kind.
func resource(q dns.Question, address netip.Addr, ttl time.Duration) dns.RR {
	header := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET, Ttl: uint32(ttl / time.Second)}
	switch {
	case q.Qtype == dns.TypeA && address.Is4():
		return &dns.A{Hdr: header, A: address.AsSlice()}
	case q.Qtype == dns.TypeAAAA && address.Is6():
		return &dns.AAAA{Hdr: header, AAAA: address.AsSlice()}
	}
	return nil
}

// answerName is a DNS server over UDP.
func answerName(z zone) answerer {
	return func(datagram []byte, _ func([]byte)) []byte {
		var query dns.Msg
		if query.Unpack(datagram) != nil || query.Response {
			return nil
		}
		reply := z.answer(&query, time.Now())
		reply.Truncate(payload(&query))
		text, err := reply.Pack()
		if err != nil {
			return nil
		}
		return text
	}
}

// payload is the largest answer that the asker takes.
func payload(query *dns.Msg) int {
	if options := query.IsEdns0(); options != nil {
		return max(dns.MinMsgSize, int(options.UDPSize()))
	}
	return dns.MinMsgSize
}

// openNames serves the world's names where the gateway asks, and where the
// device asks by itself.
func (i *internet) openNames() error {
	addresses := []netip.Addr{netip.MustParseAddr(resolverV4), netip.MustParseAddr(resolverV6)}
	if own := i.world.Device.Resolver; own.IsValid() {
		addresses = append(addresses, own)
	}
	for _, address := range addresses {
		if err := i.openNamesAt(address); err != nil {
			return err
		}
	}
	return nil
}

// openNamesAt leaves out what a destination of the world serves already.
func (i *internet) openNamesAt(address netip.Addr) error {
	if !i.world.contacts(place{"udp", 53, address}) {
		if err := i.listenDatagrams(place{"udp", 53, address}, answerName(i.zone())); err != nil {
			return err
		}
	}
	if i.world.contacts(place{"tcp", 53, address}) {
		return nil
	}
	listener, err := i.namespace.Listen(context.Background(), "tcp", netip.AddrPortFrom(address, 53).String())
	if err != nil {
		return err
	}
	z := i.zone()
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		_ = w.WriteMsg(z.answer(query, time.Now()))
	})}
	i.closers = append(i.closers, listener)
	i.work.Go(func() { _ = server.ActivateAndServe() })
	return nil
}

// contacts reports whether a destination of the world is at this place.
func (w World) contacts(at place) bool {
	for _, d := range w.Destinations {
		if d.Protocol == at.protocol && d.Port == at.port && slices.Contains(d.Addresses, at.address) {
			return true
		}
	}
	return false
}
