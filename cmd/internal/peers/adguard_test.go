//go:build e2e

package peers_test

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/blocklist"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("AdGuard Home's filter engine", Label("e2e"), func() {
	const list = "../../../netns/lab/worlds/tv-list.txt"

	// blocked asks the engine for names on behalf of the television, in sorted lists.
	blocked := func(ctx SpecContext, names []string, lists ...string) []string {
		GinkgoHelper()
		command := exec.CommandContext(ctx, "../../../.cache/peers/adguard", append([]string{"192.168.50.10"}, lists...)...)
		command.Stdin = strings.NewReader(strings.Join(names, "\n"))
		output, err := command.Output()
		Expect(err).NotTo(HaveOccurred())
		return strings.Fields(string(output))
	}

	It("blocks what needwant reads in a list, and nothing else", func(ctx SpecContext) {
		text, err := os.ReadFile(list)
		Expect(err).NotTo(HaveOccurred())
		read, err := blocklist.Parse(list, strings.NewReader(string(text)))
		Expect(err).NotTo(HaveOccurred())
		names := strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(" \n|^@$*/,=", r) })
		var ours []string
		for _, name := range names {
			if read.Blocks(name) {
				ours = append(ours, name)
			}
		}
		Expect(len(ours)).To(BeNumerically(">", 300))
		Expect(blocked(ctx, names, list)).To(Equal(ours))
	}, SpecTimeout(time.Minute))

	It("answers the names of time servers with their owner's, to the device alone, except names below them that are needed", func(ctx SpecContext) {
		id := func(text string) reports.Destination {
			d, err := harness.ParseDestination(text)
			Expect(err).NotTo(HaveOccurred())
			return reports.Destination{ID: d, Host: d.Name}
		}
		row := func(text string, verdict harness.Verdict, kinds ...harness.StandIn) reports.Row {
			return reports.Row{Destination: id(text), Cells: map[string]reports.Cell{"app": {Verdict: verdict, Replaceable: kinds, Reached: reports.Reached{Ways: []harness.Way{harness.WayName, harness.WayRedirect}}}}}
		}
		m := reports.Matrix{Columns: []reports.Column{{ID: "app", Scenario: "app", Fault: harness.Reject, Regime: harness.Steady}}, Rows: []reports.Row{
			row("udp/123/time.example", harness.Required, harness.TimeServer), row("tcp/443/api.time.example", harness.Required), row("tcp/443/log.example", harness.Optional),
		}}
		m.Safe = []reports.Safe{{Columns: []string{"app"}, Destinations: []harness.Destination{m.Rows[2].Destination.ID}, Trial: 5}}
		format, err := policy.Find("adguard")
		Expect(err).NotTo(HaveOccurred())
		for _, kind := range policy.Kinds() {
			device := policy.Device{Addresses: []netip.Addr{netip.MustParseAddr("192.168.50.10")}}
			p, err := policy.New(m, policy.Options{Kind: kind, Device: device, TimeServers: []netip.Addr{netip.MustParseAddr("192.168.1.10")}})
			Expect(err).NotTo(HaveOccurred())
			export, err := format.Export(p)
			Expect(err).NotTo(HaveOccurred())
			path := filepath.Join(GinkgoT().TempDir(), "list.txt")
			Expect(os.WriteFile(path, []byte(export.Text), 0o600)).To(Succeed())
			Expect(blocked(ctx, []string{"time.example", "api.time.example", "log.example"}, path)).To(Equal([]string{"time.example=192.168.1.10", "log.example"}), string(kind))
			other := exec.CommandContext(ctx, "../../../.cache/peers/adguard", "192.168.50.11", path)
			other.Stdin = strings.NewReader("time.example")
			Expect(other.Output()).To(BeEmpty())
		}
	}, SpecTimeout(time.Minute))

	It("allows just the exceptions that were exported, to the device alone", func(ctx SpecContext) {
		world, err := lab.Find("tv-list")
		Expect(err).NotTo(HaveOccurred())
		var names []string
		for _, d := range world.Destinations {
			names = append(names, d.Host)
		}
		m := reports.Matrix{Run: reports.Run{Only: &reports.Only{List: "tv-list.txt"}}, Allow: [][]string{{"dns/drm-b.license.example"}}}
		export := func(device string) string {
			e, err := policy.NewExceptions(m, policy.Device{Addresses: []netip.Addr{netip.MustParseAddr(device)}})
			Expect(err).NotTo(HaveOccurred())
			text, err := e.Write("adguard")
			Expect(err).NotTo(HaveOccurred())
			path := filepath.Join(GinkgoT().TempDir(), device+".txt")
			Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
			return path
		}
		before := blocked(ctx, names, list)
		Expect(before).To(HaveLen(10))
		Expect(append(blocked(ctx, names, list, export("192.168.50.10")), "drm-b.license.example")).To(ConsistOf(before))
		Expect(blocked(ctx, names, list, export("192.168.50.11"))).To(Equal(before), "the exception is another device's")
	}, SpecTimeout(time.Minute))
})
