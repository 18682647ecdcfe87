package nearby

import (
	"bufio"
	"bytes"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

var (
	mdnsGroup = netip.MustParseAddrPort("224.0.0.251:5353")
	ssdpGroup = netip.MustParseAddrPort("239.255.255.250:1900")
)

// services are what devices of homes offer, for which they are asked by mDNS.
var services = []string{
	"_googlecast._tcp", "_hap._tcp", "_esphomelib._tcp", "_shelly._tcp", "_hue._tcp", "_miio._udp", "_matter._tcp",
	"_ipp._tcp", "_airplay._tcp", "_amzn-wplay._tcp", "_sonos._tcp", "_http._tcp",
}

// allServices is the service that every device with mDNS offers.
const allServices = "_services._dns-sd._udp.local."

var mdnsQuery = packed()

// packed is the query for all services, of which the answers come to who asks alone.
func packed() []byte {
	const unicast = 1 << 15
	query := new(dns.Msg)
	query.Id = 0 // as mDNS has it
	for _, service := range services {
		query.Question = append(query.Question, dns.Question{Name: service + ".local.", Qtype: dns.TypePTR, Qclass: dns.ClassINET | unicast})
	}
	query.Question = append(query.Question, dns.Question{Name: allServices, Qtype: dns.TypePTR, Qclass: dns.ClassINET | unicast})
	text, err := query.Pack()
	if err != nil {
		panic(err) // it is a part of the program
	}
	return text
}

var ssdpQuery = []byte("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n")

// How well a name says what a device is.
const (
	asNothing  = iota // no name
	asSoftware        // what its server is called
	asHost
	asService
	asFriend // what its owner calls it
)

// named is the name in an answer.
func named(answer []byte) name {
	if bytes.HasPrefix(answer, []byte("HTTP/")) {
		return limited(namedBySSDP(answer))
	}
	return limited(namedByMDNS(answer))
}

// limited cuts a name to longestName characters, and makes it valid UTF-8.
func limited(n name) name {
	runes := []rune(strings.ToValidUTF8(strings.TrimSpace(n.text), "?"))
	if n.text = string(runes[:min(len(runes), longestName)]); n.text == "" {
		return name{}
	}
	return n
}

func namedByMDNS(answer []byte) (best name) {
	message := new(dns.Msg)
	if message.Unpack(answer) != nil || !message.Response {
		return best
	}
	better := func(text string, rank int) {
		if text != "" && rank > best.rank {
			best = name{text, rank}
		}
	}
	for _, record := range append(message.Answer, message.Extra...) {
		switch r := record.(type) {
		case *dns.PTR:
			if instance, of := strings.CutSuffix(r.Ptr, "."+r.Hdr.Name); of && r.Hdr.Name != allServices {
				better(unescaped(instance), asService)
			}
		case *dns.TXT:
			for _, pair := range r.Txt {
				if friendly, is := strings.CutPrefix(pair, "fn="); is {
					better(unescaped(friendly), asFriend)
				}
			}
		case *dns.A:
			better(unescaped(strings.TrimSuffix(r.Hdr.Name, ".local.")), asHost)
		}
	}
	return best
}

// unescaped is a label without the escapes of zone files, e.g. \032 for a blank.
func unescaped(label string) string {
	return escape.ReplaceAllStringFunc(label, func(text string) string {
		if code, err := strconv.ParseUint(text[1:], 10, 8); err == nil && len(text) == 4 {
			return string([]byte{byte(code)})
		}
		return text[1:]
	})
}

var escape = regexp.MustCompile(`\\(?:\d{3}|.)`)

// namedBySSDP is the product in the header SERVER, which is "system UPnP/1.0 product".
func namedBySSDP(answer []byte) name {
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), nil)
	if err != nil {
		return name{}
	}
	_ = response.Body.Close()
	server := response.Header.Get("Server")
	if _, product, of := strings.Cut(server, "UPnP/"); of {
		_, server, _ = strings.Cut(product, " ")
	}
	return name{server, asSoftware}
}
