package policy_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("dnsmasq with an export", Label("peer", "root"), func() {
	ask := func(ctx context.Context, m reports.Matrix, kind policy.Kind) func(name string) string {
		GinkgoHelper()
		tool("dnsmasq")
		ns := namespace()
		serve(ns)
		path := filepath.Join(GinkgoT().TempDir(), "dnsmasq.conf")
		text := export("dnsmasq", made(m, policy.Options{Kind: kind})).Text
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
		return func(name string) string {
			GinkgoHelper()
			code, err := answer(name)
			Expect(err).NotTo(HaveOccurred())
			return code
		}
	}

	It("withholds what is optional, and spares what is needed below it", func(ctx SpecContext) {
		asked := ask(ctx, matrix(fan()...), policy.BlockOptional)
		for _, withheld := range []string{"log.fan.example", "example.net", "www.example.net", "time.fan.example"} {
			Expect(asked(withheld)).To(Equal("withheld"), withheld)
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
		for _, withheld := range []string{"log.fan.example", "example.net", "stranger.invalid", "com"} {
			Expect(asked(withheld)).To(Equal("withheld"), withheld)
		}
	}, SpecTimeout(time.Minute))

	It("withholds all names below a domain, and spares what is needed there", func(ctx SpecContext) {
		m := wide(optional)
		m.Rows = append(m.Rows, row(seen{"tcp/443/api.data.fan.example", "", required, required}))
		asked := ask(ctx, m, policy.BlockOptional)
		for _, withheld := range []string{"1.data.fan.example", "a.b.data.fan.example"} {
			Expect(asked(withheld)).To(Equal("withheld"), withheld)
		}
		for _, answered := range []string{"api.data.fan.example", "data.fan.example", "mydata.fan.example"} {
			Expect(asked(answered)).To(Equal("answered"), answered)
		}
	}, SpecTimeout(time.Minute))

	It("answers for all names below a domain, and for no other", func(ctx SpecContext) {
		asked := ask(ctx, wide(required), policy.AllowRequired)
		for _, answered := range []string{"1.data.fan.example", "a.b.data.fan.example"} {
			Expect(asked(answered)).To(Equal("answered"), answered)
		}
		for _, withheld := range []string{"data.fan.example", "mydata.fan.example"} {
			Expect(asked(withheld)).To(Equal("withheld"), withheld)
		}
	}, SpecTimeout(time.Minute))
})

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
	connection, err := ns.Dial(ctx, "udp", "127.0.0.1:53")
	if err != nil {
		return "", err
	}
	defer connection.Close()
	client := dns.Client{Timeout: 2 * time.Second}
	reply, _, err := client.ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA), &dns.Conn{Conn: connection})
	if err != nil {
		return "", fmt.Errorf("asking for %s: %w", name, err)
	}
	for _, record := range reply.Answer {
		if a, ok := record.(*dns.A); ok && !a.A.IsUnspecified() {
			return "answered", nil
		}
	}
	return "withheld", nil
}
