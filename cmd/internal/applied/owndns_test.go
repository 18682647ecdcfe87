package applied_test

import (
	"context"
	"net/netip"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("an export with one's own DNS server, applied to a router", Label("root", "peer"), func() {
	DescribeTable("answers a device that has a built-in resolver, without internet", func(ctx SpecContext, format string, load ...string) {
		tools("nft", load[0])
		device, router, server := oneNetwork()
		servePlug(ctx, server)
		world, err := lab.Find("own-resolver")
		Expect(err).NotTo(HaveOccurred())
		m, builtIn := truth(world), harness.Destination{Protocol: "udp", Port: 53, Name: "8.8.8.8"}
		cells := map[string]reports.Cell{}
		for column := range m.Rows[0].Cells {
			cells[column] = reports.Cell{Verdict: harness.Required, Replaceable: []harness.StandIn{harness.Resolver}}
		}
		m.Rows = append(m.Rows, reports.Row{Destination: reports.Destination{ID: builtIn, Addresses: []string{builtIn.Name}}, Cells: cells})
		for _, kind := range policy.Kinds() {
			p, err := policy.New(m, policy.Options{Kind: kind, Device: policy.Device{MAC: deviceMAC}, Resolvers: []netip.Addr{ownServer}})
			Expect(err).NotTo(HaveOccurred())
			Expect(policy.IDs(p.Served)).To(HaveExactElements(builtIn))
			loadInto(ctx, router, written(format, p), load...)
			for _, protocol := range []string{"udp", "tcp"} {
				for _, to := range []string{"8.8.8.8", ownServer.String()} {
					Expect(lookUp(ctx, device, protocol, to)).To(Equal("192.0.2.7"), "%s by %s from %s", kind, protocol, to)
				}
			}
		}
	},
		Entry("as nft", "nft", "nft", SpecTimeout(time.Minute)),
		Entry("as iptables", "iptables", "iptables-restore", "ip6tables-restore", SpecTimeout(time.Minute)),
	)
})

// servePlug answers for one name.
func servePlug(ctx context.Context, server *netns.Namespace) {
	GinkgoHelper()
	packets, err := server.ListenPacket(ctx, "udp", ":53")
	Expect(err).NotTo(HaveOccurred())
	listener, err := server.Listen(ctx, "tcp", ":53")
	Expect(err).NotTo(HaveOccurred())
	answer := dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		record, err := dns.NewRR("plug.example. A 192.0.2.7")
		if err != nil {
			return
		}
		reply := new(dns.Msg).SetReply(query)
		reply.Answer = []dns.RR{record}
		_ = w.WriteMsg(reply)
	})
	for _, one := range []*dns.Server{{PacketConn: packets, Handler: answer}, {Listener: listener, Handler: answer}} {
		go func() { _ = one.ActivateAndServe() }()
	}
	DeferCleanup(packets.Close)
	DeferCleanup(listener.Close)
}

// lookUp returns the address of plug.example, by the answer of a resolver.
func lookUp(ctx context.Context, device *netns.Namespace, protocol, resolver string) (string, error) {
	raw, err := device.Dial(ctx, protocol, resolver+":53")
	if err != nil {
		return "", err
	}
	defer raw.Close()
	client := &dns.Client{Net: protocol, Timeout: 5 * time.Second}
	reply, _, err := client.ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion("plug.example.", dns.TypeA), &dns.Conn{Conn: raw})
	if err != nil {
		return "", err
	}
	record, ok := reply.Answer[0].(*dns.A)
	Expect(ok).To(BeTrue())
	return record.A.String(), nil
}
