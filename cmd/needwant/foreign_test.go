package main_test

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

var _ = Describe("a router with rules that are not where ours would be", Label("root"), func() {
	It("is left alone, with the reason and the remedy", func(ctx SpecContext) {
		if _, err := exec.LookPath("iptables-legacy"); err != nil {
			Skip("there is no legacy iptables here")
		}
		h := newHome(ctx)
		h.asRouter(ctx)
		h.in(ctx, "iptables-legacy -A FORWARD -s 10.1.2.3 -j DROP")
		before := h.resting(ctx)
		run := h.needwant(ctx, "bisect", h.hostSpec(), "--allow-actuation", "--wait", "3s")
		Expect(run.Code).To(Equal(3), run.Stderr)
		Expect(run.Stderr).To(ContainSubstring("rules of the legacy iptables (IPv4 filter) beside those of nftables"))
		doctor := h.needwant(ctx, "doctor", h.hostSpec())
		Expect(doctor.Code).To(Equal(3))
		found := strings.Join(strings.Fields(doctor.Stdout), " ")
		Expect(found).To(ContainSubstring("problem placement this router has rules of the legacy iptables"))
		Expect(found).To(MatchRegexp(`note +other programs' rules +rules of the legacy iptables in IPv4 filter: .*iptables-nft-restore`))
		h.expectWhole(ctx, before)
		h.expectClean()
	}, SpecTimeout(time.Minute))
})

// neighbours gives the machine rules as ufw, Docker, firewalld and fail2ban
// write them: chains with the same kinds of jumps, a policy, a table of nftables'
// own, and a set that rules refer to.
func (h *home) neighbours(ctx context.Context) {
	GinkgoHelper()
	forever := uint32(0)
	Expect(h.machine.Netlink().IpsetCreate("f2b-sshd", "hash:ip", netlink.IpsetCreateOptions{Family: unix.AF_INET, Timeout: &forever})).To(Succeed())
	Expect(h.machine.Netlink().IpsetAdd("f2b-sshd", &netlink.IPSetEntry{IP: []byte{192, 0, 2, 7}})).To(Succeed())
	h.in(ctx, `
		for chain in ufw-before-forward ufw-after-forward ufw-reject-forward; do
			iptables -N $chain; iptables -A FORWARD -j $chain
		done
		iptables -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		iptables -A ufw-reject-forward -j REJECT
		iptables -t nat -N DOCKER; iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
		iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; iptables -I FORWARD -j DOCKER-USER
		iptables -N DOCKER-ISOLATION-STAGE-1; iptables -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j RETURN
		iptables -N f2b-sshd; iptables -I INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
		iptables -A f2b-sshd -m set --match-set f2b-sshd src -j REJECT; iptables -A f2b-sshd -j RETURN
		ip6tables -N ufw6-user-input; ip6tables -A INPUT -j ufw6-user-input; ip6tables -P FORWARD DROP
		sysctl -qw net.ipv4.conf.all.log_martians=1 net.ipv4.tcp_syncookies=1`)
	if _, err := exec.LookPath("nft"); err == nil {
		h.in(ctx, `nft -f - <<-END
			table inet firewalld {
				chain filter_FORWARD {
					type filter hook forward priority filter + 10; policy accept;
					ct state { established, related } accept
					jump filter_FORWARD_POLICIES
				}
				chain filter_FORWARD_POLICIES { iifname "inside" reject with icmpx admin-prohibited; }
			}
		END`)
	}
}

// whole is all that the machine says of its network: its state, and nftables'
// rules in their order, and the sets.
func (h *home) whole(ctx context.Context) []string {
	GinkgoHelper()
	lines := h.state(ctx)
	rules := h.in(ctx, `command -v nft >/dev/null && nft -s list ruleset || iptables-save | grep -v '^#' | sed 's/\[.*\]//'`)
	for i, rule := range strings.Split(rules, "\n") {
		lines = append(lines, fmt.Sprintf("nftables %d: %s", i, rule))
	}
	sets, err := h.machine.Netlink().IpsetListAll()
	Expect(err).NotTo(HaveOccurred())
	for _, set := range sets {
		lines = append(lines, fmt.Sprintf("set %s %s", set.SetName, set.TypeName))
		for _, entry := range set.Entries {
			lines = append(lines, fmt.Sprintf("set %s has %s", set.SetName, entry.IP))
		}
	}
	return lines
}

// resting is the whole once the kernel is done with what was set up.
func (h *home) resting(ctx context.Context) []string {
	GinkgoHelper()
	h.settled(ctx)
	return h.whole(ctx)
}

// expectWhole waits for the kernel to be done with what was put back.
func (h *home) expectWhole(ctx context.Context, before []string) {
	GinkgoHelper()
	Eventually(func() []string {
		now := h.whole(ctx)
		if slices.Equal(now, before) {
			return nil
		}
		return append(only("gone: ", before, now), only("new: ", now, before)...)
	}).WithContext(ctx).WithTimeout(20 * time.Second).WithPolling(100 * time.Millisecond).Should(BeEmpty())
}
