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
