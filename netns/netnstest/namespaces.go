// Package netnstest is what specs in network namespaces share. Only specs import it.
package netnstest

import (
	"context"
	"net"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
)

// New is a namespace that is closed when the spec ends.
func New() *netns.Namespace {
	GinkgoHelper()
	namespace, err := netns.New()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(namespace.Close)
	return namespace
}

// Shell runs a script in a namespace, ends at the first command that fails, and
// returns what the script prints.
func Shell(ctx context.Context, namespace *netns.Namespace, script string) string {
	GinkgoHelper()
	output, err := namespace.Command(ctx, "sh", "-ec", script).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s\n%s", script, output)
	return string(output)
}

// ServeNames answers DNS queries, by UDP and by TCP, at an address of a namespace until the spec ends:
// every name has the IPv4 address 198.51.100.7, for an hour.
func ServeNames(ctx context.Context, namespace *netns.Namespace, address string) {
	GinkgoHelper()
	packets, err := namespace.ListenPacket(ctx, "udp", net.JoinHostPort(address, "53"))
	Expect(err).NotTo(HaveOccurred())
	streams, err := namespace.Listen(ctx, "tcp", net.JoinHostPort(address, "53"))
	Expect(err).NotTo(HaveOccurred())
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
		answer := new(dns.Msg).SetReply(question)
		if asked := question.Question[0]; asked.Qtype == dns.TypeA {
			record, _ := dns.NewRR(asked.Name + " 3600 A 198.51.100.7")
			answer.Answer = []dns.RR{record}
		}
		_ = w.WriteMsg(answer)
	})
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: handler}, {Listener: streams, Handler: handler}} {
		go func() { _ = server.ActivateAndServe() }()
		DeferCleanup(server.Shutdown)
	}
}
