package policy_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("dnsmasq with an export", Label("peer", "root"), func() {
	ask := func(ctx context.Context, m reports.Matrix, kind policy.Kind) func(name string) string {
		GinkgoHelper()
		ns := start(ctx, export("dnsmasq", made(m, policy.Options{Kind: kind})).Text)
		return func(name string) string {
			GinkgoHelper()
			code, err := query(ctx, ns, name)
			Expect(err).NotTo(HaveOccurred())
			return code
		}
	}

	It("blocks what is optional, and spares what is needed below it", func(ctx SpecContext) {
		asked := ask(ctx, matrix(fan()...), policy.BlockOptional)
		for _, blocked := range []string{"log.fan.example", "example.net", "www.example.net", "time.fan.example"} {
			Expect(asked(blocked)).To(Equal("blocked"), blocked)
		}
		for _, answered := range []string{"api.fan.example", "mqtt.example.net", "stranger.invalid", "other.com"} {
			Expect(asked(answered)).To(Equal("answered"), answered)
		}
	}, SpecTimeout(time.Minute))

	It("answers for what is required alone", func(ctx SpecContext) {
		asked := ask(ctx, matrix(fan()...), policy.AllowRequired)
		for _, answered := range []string{"mqtt.example.net", "time.fan.example", "api.fan.example"} {
			Expect(asked(answered)).To(Equal("answered"), answered)
		}
		for _, blocked := range []string{"log.fan.example", "example.net", "stranger.invalid", "com"} {
			Expect(asked(blocked)).To(Equal("blocked"), blocked)
		}
	}, SpecTimeout(time.Minute))

	It("blocks all names below a domain, and spares what is needed there", func(ctx SpecContext) {
		m := wide(optional)
		m.Rows = append(m.Rows, row(seen{"tcp/443/api.data.fan.example", "", required, required}))
		asked := ask(ctx, m, policy.BlockOptional)
		for _, blocked := range []string{"1.data.fan.example", "a.b.data.fan.example"} {
			Expect(asked(blocked)).To(Equal("blocked"), blocked)
		}
		for _, answered := range []string{"api.data.fan.example", "data.fan.example", "mydata.fan.example"} {
			Expect(asked(answered)).To(Equal("answered"), answered)
		}
	}, SpecTimeout(time.Minute))

	It("answers the names of time servers with their owner's, over both families, and with nothing else", func(ctx SpecContext) {
		m := matrix(append(fan(), seen{"tcp/443/log.time.fan.example", "203.0.113.9", optional, optional}, seen{"tcp/443/api.time.fan.example", "203.0.113.10", required, required})...)
		for _, r := range m.Rows {
			for column, cell := range r.Cells {
				if r.Destination.ID.Port == 123 {
					cell.Replaceable, cell.Ways = []harness.StandIn{harness.TimeServer}, harness.Ways()
					r.Cells[column] = cell
				}
			}
		}
		v4, v6 := netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("fd00::10")
		for _, own := range [][]netip.Addr{{v4, v6}, {v4}} {
			for _, kind := range policy.Kinds() {
				text := export("dnsmasq", made(m, policy.Options{Kind: kind, TimeServers: own})).Text
				ns := start(ctx, strings.ReplaceAll(text, "# dhcp-option=", "dhcp-option="))
				Expect(resolve(ctx, ns, "time.fan.example", dns.TypeA)).To(Equal([]string{"192.168.1.10"}))
				Expect(resolve(ctx, ns, "time.fan.example", dns.TypeAAAA)).To(Equal([]string{"fd00::10"}[:len(own)-1]), "no other address")
				Expect(resolve(ctx, ns, "api.time.fan.example", dns.TypeA)).To(Equal([]string{"203.0.113.1"}), "it is needed")
				Expect(resolve(ctx, ns, "api.fan.example", dns.TypeA)).To(Equal([]string{"203.0.113.1"}))
				if kind == policy.BlockOptional {
					Expect(resolve(ctx, ns, "log.fan.example", dns.TypeA)).To(BeEmpty())
				}
			}
		}
	}, SpecTimeout(time.Minute))

	It("answers for all names below a domain, and for no other", func(ctx SpecContext) {
		asked := ask(ctx, wide(required), policy.AllowRequired)
		for _, answered := range []string{"1.data.fan.example", "a.b.data.fan.example"} {
			Expect(asked(answered)).To(Equal("answered"), answered)
		}
		for _, blocked := range []string{"data.fan.example", "mydata.fan.example"} {
			Expect(asked(blocked)).To(Equal("blocked"), blocked)
		}
	}, SpecTimeout(time.Minute))
})

// start runs dnsmasq with an export, in a namespace in which everything else has an address.
func start(ctx context.Context, text string) *netns.Namespace {
	GinkgoHelper()
	tool("dnsmasq")
	ns := namespace()
	serve(ns)
	path := filepath.Join(GinkgoT().TempDir(), "dnsmasq.conf")
	Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
	command := ns.Command(ctx, "dnsmasq", "--keep-in-foreground", "--conf-file="+path, "--no-resolv", "--no-hosts",
		"--user=root", "--pid-file=", "--server=127.0.0.1#5300", "--listen-address=127.0.0.1", "--bind-interfaces")
	Expect(command.Start()).To(Succeed())
	DeferCleanup(func() {
		Expect(command.Process.Kill()).To(Succeed())
		_ = command.Wait() // killed
	})
	answer := func(name string) (string, error) { return query(ctx, ns, name) }
	Eventually(answer).WithContext(ctx).WithArguments("stranger.invalid").ShouldNot(BeEmpty())
	return ns
}

// serve is an internet in which every name has an address.
func serve(ns *netns.Namespace) {
	GinkgoHelper()
	packets, err := ns.ListenPacket(context.Background(), "udp", "127.0.0.1:5300")
	Expect(err).NotTo(HaveOccurred())
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg).SetReply(q)
		header := dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}
		reply.Answer = []dns.RR{&dns.A{Hdr: header, A: net.IPv4(203, 0, 113, 1)}}
		_ = w.WriteMsg(reply)
	})}
	var work sync.WaitGroup
	work.Go(func() { _ = server.ActivateAndServe() }) // ends when it is closed
	DeferCleanup(func() {
		_ = packets.Close()
		work.Wait()
	})
}

// query tells how one question is answered.
func query(ctx context.Context, ns *netns.Namespace, name string) (string, error) {
	addresses, err := resolve(ctx, ns, name, dns.TypeA)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(addresses, func(text string) bool { return text != "0.0.0.0" }) {
		return "answered", nil
	}
	return "blocked", nil
}

// resolve lists the addresses of a name.
func resolve(ctx context.Context, ns *netns.Namespace, name string, kind uint16) ([]string, error) {
	connection, err := ns.Dial(ctx, "udp", "127.0.0.1:53")
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	client := dns.Client{Timeout: 2 * time.Second}
	reply, _, err := client.ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion(dns.Fqdn(name), kind), &dns.Conn{Conn: connection})
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", name, err)
	}
	addresses := []string{}
	for _, record := range reply.Answer {
		switch r := record.(type) {
		case *dns.A:
			addresses = append(addresses, r.A.String())
		case *dns.AAAA:
			addresses = append(addresses, r.AAAA.String())
		}
	}
	return addresses, nil
}
