package scenarios

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// DNS asks a resolver for a name.
type DNS struct {
	Name   string `yaml:"name" about:"The name, for example ot.io.mi.com."`
	Type   string `yaml:"type,omitempty" about:"The type of record, for example AAAA. The default is A."`
	Server string `yaml:"server,omitempty" about:"The DNS server that is queried, e.g. 192.168.50.1:53. The default is the resolver of the place that the step sends from."`
}

// DNSResult is what an expectation on [DNS] may name.
type DNSResult struct {
	RCode   string   `expr:"rcode" about:"NOERROR, NXDOMAIN, SERVFAIL and so on."`
	Answers []string `expr:"answers" about:"The addresses, or the contents of the records."`
	RTT     float64  `expr:"rtt_ms" about:"Milliseconds until the answer was received."`
}

func dnsKind() Kind {
	return Kind{
		Name:    "dns",
		About:   "Queries a resolver for a name, over UDP. If the answer is too long for UDP, the query is repeated over TCP.",
		Fails:   "No answer is a failure. By default, an answer without records is a failure, too. If there is no resolver to query, the check is inconclusive.",
		Example: "{dns: ot.io.mi.com, expect: 'rcode == \"NOERROR\" && len(answers) > 0'}",
		Short:   "name",
		New:     func() Action { return new(DNS) },
		Result:  DNSResult{},
		Expect:  `rcode == "NOERROR" && len(answers) > 0`,
	}
}

func (d *DNS) check() *ArgumentError {
	if _, ok := dns.IsDomainName(d.Name); !ok || d.Name == "" || strings.ContainsAny(d.Name, " /:@") {
		return wrong("name", fmt.Sprintf("%q is not a name to ask for", d.Name), "write it as ot.io.mi.com")
	}
	if _, ok := dns.StringToType[d.recordType()]; !ok {
		return wrong("type", fmt.Sprintf("%q is not a type of record", d.Type), "write A, AAAA, TXT, SRV or the like")
	}
	if d.Server != "" {
		return checkAddress("server", d.Server, "192.168.50.1:53")
	}
	return nil
}

func (d *DNS) recordType() string {
	if d.Type == "" {
		return "A"
	}
	return strings.ToUpper(d.Type)
}

func (d *DNS) prepare(e *Engine, _ time.Duration) (deed, error) {
	server := d.Server
	if server == "" {
		server = e.Place.resolver()
	}
	if server == "" {
		return deed{}, fmt.Errorf("dns has nobody to ask here: give it a server, e.g. 192.168.50.1:53")
	}
	return deed{
		kind: dnsKind(),
		name: fmt.Sprintf("dns %s %s", d.recordType(), d.Name),
		run:  func(ctx context.Context) (sight, error) { return d.ask(ctx, e.Place, server) },
	}, nil
}

// resolver is who the place asks, as host and port; "" if there is nobody.
func (p Place) resolver() string {
	if p.Resolver.IsValid() {
		return p.Resolver.String()
	}
	if p.Dial != nil {
		return ""
	}
	config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil || len(config.Servers) == 0 {
		return ""
	}
	return net.JoinHostPort(config.Servers[0], config.Port)
}

func (d *DNS) ask(ctx context.Context, place Place, server string) (sight, error) {
	question := new(dns.Msg)
	question.SetQuestion(dns.Fqdn(d.Name), dns.StringToType[d.recordType()])
	question.SetEdns0(1232, false)
	started := time.Now()
	var answer *dns.Msg
	for _, network := range []string{"udp", "tcp"} {
		conn, err := place.dial(ctx, network, server)
		if err != nil {
			return unreached(ctx, err)
		}
		answer, err = exchange(ctx, conn, question)
		if err != nil {
			return sight{failure: "no answer: " + err.Error(), late: ctx.Err() != nil || timedOut(err)}, nil
		}
		if !answer.Truncated {
			break
		}
	}
	result := DNSResult{RCode: dns.RcodeToString[answer.Rcode], Answers: contents(answer), RTT: milliseconds(time.Since(started))}
	return sight{result: result, saw: strings.TrimSpace(result.RCode + " " + strings.Join(result.Answers, ", "))}, nil
}

// exchange asks on a connection, and ends with ctx.
func exchange(ctx context.Context, conn net.Conn, question *dns.Msg) (*dns.Msg, error) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return nil, err
		}
	}
	wire := &dns.Conn{Conn: conn, UDPSize: 1232}
	if err := wire.WriteMsg(question); err != nil {
		return nil, err
	}
	for {
		answer, err := wire.ReadMsg()
		if err != nil || answer.Id == question.Id {
			return answer, err
		}
	}
}

// contents are the records without their heads, CNAMEs left out.
func contents(answer *dns.Msg) []string {
	found := []string{}
	for _, record := range answer.Answer {
		if record.Header().Rrtype == dns.TypeCNAME {
			continue
		}
		found = append(found, strings.TrimPrefix(record.String(), record.Header().String()))
	}
	slices.Sort(found)
	return found
}
