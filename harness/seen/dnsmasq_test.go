package seen_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/seen"
)

// internet answers api.example.com as a CNAME of an address, and everything else as
// not existing. It returns its port.
func internet() string {
	GinkgoHelper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	server := &dns.Server{PacketConn: socket, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		answer := new(dns.Msg).SetReply(query)
		if query.Question[0].Name != "api.example.com." {
			answer.Rcode = dns.RcodeNameError
		} else {
			for _, text := range []string{"api.example.com. 60 IN CNAME edge.example.net.", "edge.example.net. 60 IN A 18.194.236.76"} {
				record, _ := dns.NewRR(text)
				answer.Answer = append(answer.Answer, record)
			}
		}
		_ = w.WriteMsg(answer)
	})}
	go func() { _ = server.ActivateAndServe() }()
	DeferCleanup(server.Shutdown)
	_, port, err := net.SplitHostPort(socket.LocalAddr().String())
	Expect(err).NotTo(HaveOccurred())
	return port
}

// freePort is a port that nothing uses.
func freePort() string {
	GinkgoHelper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	defer socket.Close()
	return strconv.Itoa(socket.LocalAddr().(*net.UDPAddr).Port)
}

// resolver runs dnsmasq with more arguments. It returns its log, and what makes a DNS query.
func resolver(ctx context.Context, arguments ...string) (log string, query func(name string) error) {
	GinkgoHelper()
	dnsmasq, err := exec.LookPath("dnsmasq")
	if err != nil {
		if os.Getenv("CI") != "" {
			Fail("dnsmasq is missing: scripts/install test")
		}
		Skip("there is no dnsmasq here")
	}
	log = filepath.Join(GinkgoT().TempDir(), "dnsmasq.log")
	port := freePort()
	command := exec.CommandContext(ctx, dnsmasq, append([]string{"--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=",
		"--user=", "--port=" + port, "--listen-address=127.0.0.1", "--bind-interfaces", "--server=127.0.0.1#" + internet(), "--log-facility=" + log}, arguments...)...)
	var said bytes.Buffer
	command.Stderr = &said
	Expect(command.Start()).To(Succeed())
	DeferCleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	query = func(name string) error {
		_, _, err := new(dns.Client).ExchangeContext(ctx, new(dns.Msg).SetQuestion(name, dns.TypeA), "127.0.0.1:"+port)
		return err
	}
	Eventually(query).WithContext(ctx).WithArguments("api.example.com.").Should(Succeed(), "%s", &said)
	return log, query
}

var _ = Describe("the log of a real dnsmasq", Label("peer"), func() {
	DescribeTable("has the names, and the addresses of a firewall's log", func(ctx SpecContext, queries string) {
		log, ask := resolver(ctx, queries)
		Expect(ask("api.example.com.")).To(Succeed(), "from the cache")
		Expect(ask("rare.example.com.")).To(Succeed())

		firewall := "Nov 26 21:00:00 router kernel: IN=br0 OUT=eth0 SRC=127.0.0.1 DST=18.194.236.76 LEN=60 PROTO=TCP SPT=40000 DPT=443 SYN"
		path := filepath.Join(GinkgoT().TempDir(), "firewall.log")
		Expect(os.WriteFile(path, []byte(firewall), 0o600)).To(Succeed())
		var list seen.List
		Eventually(func() (err error) {
			list, err = seen.Import(ctx, []string{path, log}, seen.Options{Devices: []string{"127.0.0.1"}, Now: time.Now()})
			if err == nil && len(list.Rows) < 2 {
				err = fmt.Errorf("%q", ids(list))
			}
			return err
		}).WithContext(ctx).Should(Succeed())
		Expect(ids(list)).To(rows("tcp/443/api.example.com", "dns/rare.example.com"))
		Expect(row(list, "tcp/443/api.example.com").Queries).To(BeNumerically(">=", 2))
		Expect(row(list, "dns/rare.example.com").Last).To(BeTemporally("~", time.Now(), time.Minute))
	},
		Entry("with log-queries", "--log-queries", SpecTimeout(30*time.Second)),
		Entry("with log-queries=extra", "--log-queries=extra", SpecTimeout(30*time.Second)),
	)

	It("has no queries without log-queries, which the import says", func(ctx SpecContext) {
		log, _ := resolver(ctx)
		_, err := seen.Import(ctx, []string{log}, seen.Options{Now: time.Now()})
		Expect(err).To(MatchError(ContainSubstring("it has no DNS queries: dnsmasq logs them only with log-queries")))
	}, SpecTimeout(30*time.Second))
})
