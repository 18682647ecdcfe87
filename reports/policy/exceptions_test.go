package policy_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/blocklist"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

// listed is a run on a blocklist, after which these names are to be allowed.
func listed(sets ...[]string) reports.Matrix {
	m := matrix(fan()...)
	m.Run.Only = &reports.Only{List: "list.txt", Entries: 3}
	m.Allow = sets
	m.Summary = m.Sentence()
	return m
}

var _ = Describe("exceptions from a blocklist", func() {
	written := func(format string, device policy.Device) string {
		GinkgoHelper()
		e, err := policy.NewExceptions(listed([]string{"dns/api.fan.example", "dns/log.fan.example"}), device)
		Expect(err).NotTo(HaveOccurred())
		text, err := e.Write(format)
		Expect(err).NotTo(HaveOccurred())
		return text
	}

	DescribeTable("are lines of the program's own", func(format, first string) {
		text := written(format, policy.Device{})
		Expect(text).To(ContainSubstring("\n" + first + "\n"))
		Expect(text).To(ContainSubstring("Allow these 2 and everything works: api.fan.example and log.fan.example."))
	},
		Entry(nil, "adguard", "@@||api.fan.example^"),
		Entry(nil, "pihole", "api.fan.example"),
		Entry(nil, "dnsmasq", "server=/api.fan.example/#"),
		Entry(nil, "rpz", "api.fan.example CNAME rpz-passthru."),
	)

	It("are for the device alone in AdGuard Home, if its address is known", func() {
		device := policy.Device{Addresses: []netip.Addr{netip.MustParseAddr("192.168.1.50")}}
		Expect(written("adguard", device)).To(ContainSubstring("\n@@||api.fan.example^$client=192.168.1.50\n"))
	})

	DescribeTable("free just their names of a list", func(format, list string) {
		blocks := func(text string) (blocked []string) {
			read, err := blocklist.Parse("list", strings.NewReader(text))
			Expect(err).NotTo(HaveOccurred())
			for _, name := range []string{"api.fan.example", "log.fan.example", "other.fan.example", "stranger.example"} {
				if read.Blocks(name) {
					blocked = append(blocked, name)
				}
			}
			return blocked
		}
		Expect(blocks(list)).To(HaveExactElements("api.fan.example", "log.fan.example", "other.fan.example"))
		Expect(blocks(written(format, policy.Device{}) + list)).To(HaveExactElements("other.fan.example"))
	},
		Entry(nil, "adguard", "||fan.example^\n"),
		Entry(nil, "dnsmasq", "address=/fan.example/\n"),
		Entry(nil, "rpz", "fan.example CNAME .\n*.fan.example CNAME .\n"),
	)

	DescribeTable("are refused with the reason", func(change func(*reports.Matrix), why string) {
		m := listed([]string{"dns/api.fan.example"})
		change(&m)
		_, err := policy.NewExceptions(m, policy.Device{})
		Expect(err).To(MatchError(ContainSubstring(why)))
	},
		Entry("without a list", func(m *reports.Matrix) { m.Run.Only = nil }, "--only LIST"),
		Entry("while nothing is known", func(m *reports.Matrix) { m.Allow = nil }, "not known yet"),
		Entry("if nothing has to be allowed", func(m *reports.Matrix) { m.Allow = [][]string{{}} }, "the list is not the cause"),
		Entry("with a name that is not one", func(m *reports.Matrix) { m.Allow = [][]string{{"dns/a^$b"}} }, "is not a name"),
	)

	It("exist for some programs only", func() {
		e, err := policy.NewExceptions(listed([]string{"dns/api.fan.example"}), policy.Device{})
		Expect(err).NotTo(HaveOccurred())
		_, err = e.Write("nft")
		Expect(err).To(MatchError("nft cannot write exceptions: choose one of adguard, pihole, dnsmasq, rpz"))
	})

	It("take the place of an allow list, which would refuse names that were not tested", func() {
		_, err := policy.New(listed([]string{"dns/api.fan.example"}), policy.Options{Kind: policy.AllowRequired})
		Expect(err).To(MatchError(ContainSubstring("choose exceptions or block-optional")))
	})
})

var _ = Describe("dnsmasq with exceptions from its blocklist", Label("peer", "root"), func() {
	It("answers for just these names", func(ctx SpecContext) {
		tool("dnsmasq")
		ns := namespace()
		serve(ns)
		e, err := policy.NewExceptions(listed([]string{"dns/api.fan.example", "dns/log.fan.example"}), policy.Device{})
		Expect(err).NotTo(HaveOccurred())
		text, err := e.Write("dnsmasq")
		Expect(err).NotTo(HaveOccurred())
		path := filepath.Join(GinkgoT().TempDir(), "dnsmasq.conf")
		Expect(os.WriteFile(path, []byte("address=/fan.example/\naddress=/api.fan.example/\n"+text), 0o600)).To(Succeed())
		command := ns.Command(ctx, "dnsmasq", "--keep-in-foreground", "--conf-file="+path, "--no-resolv", "--no-hosts",
			"--user=root", "--pid-file=", "--server=127.0.0.1#5300", "--listen-address=127.0.0.1", "--bind-interfaces")
		Expect(command.Start()).To(Succeed())
		DeferCleanup(func() {
			Expect(command.Process.Kill()).To(Succeed())
			_ = command.Wait() // killed
		})
		answer := func(ctx context.Context, name string) (string, error) { return query(ctx, ns, name) }
		for name, want := range map[string]string{"stranger.invalid": "answered", "api.fan.example": "answered", "log.fan.example": "answered", "other.fan.example": "blocked", "fan.example": "blocked"} {
			Eventually(answer).WithContext(ctx).WithArguments(name).Should(Equal(want), name)
		}
	}, SpecTimeout(time.Minute))
})
