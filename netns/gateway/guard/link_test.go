package guard_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/guard"
	"github.com/needwant/needwant/netns/netnstest"
)

// unanswerable is a name that the kernel gives no answer for, neither that there
// is such a link nor that there is not.
var unanswerable = strings.Repeat("x", 200)

var _ = Describe("a link that was borrowed", Label("root"), func() {
	var machine, elsewhere *netns.Namespace
	var folder string

	BeforeEach(func(ctx SpecContext) {
		machine, elsewhere, folder = netnstest.New(), netnstest.New(), GinkgoT().TempDir()
		Expect(netns.Veth(netns.End{Namespace: machine, Name: "eth1"}, netns.End{Namespace: netnstest.New(), Name: "far"})).To(Succeed())
		for _, line := range []string{
			"addr add 192.168.50.1/24 brd + dev eth1 label eth1:a",
			"addr add 192.168.50.2/24 dev eth1",
			"addr add 10.9.0.1/30 dev eth1 valid_lft 3000 preferred_lft 2000 noprefixroute",
			"addr add fd00:50::1/64 dev eth1 nodad",
			"addr add fd00:50::2/64 dev eth1 nodad preferred_lft 0",
			"route add 10.1.0.0/16 via 192.168.50.77 dev eth1 metric 77 mtu 1300",
			"route add 10.2.0.0/16 dev eth1 table 100 proto static",
			"route add 10.3.0.0/16 via 10.200.0.1 dev eth1 onlink",
			"-6 route add 2001:db8::/32 via fd00:50::99 dev eth1 metric 5",
		} {
			netnstest.Shell(ctx, machine, "ip "+line)
		}
		Expect(machine.Sysctl("net.ipv4.conf.eth1.rp_filter", "2")).To(Succeed())
		Expect(machine.Sysctl("net.ipv6.conf.eth1.accept_ra", "0")).To(Succeed())
	}, NodeTimeout(20*time.Second))

	borrow := func() *guard.Journal {
		GinkgoHelper()
		link, err := guard.Note(machine, "eth1")
		Expect(err).NotTo(HaveOccurred())
		journal, err := guard.NewJournal(folder, "the device", link, nil)
		Expect(err).NotTo(HaveOccurred())
		found, err := machine.Netlink().LinkByName("eth1")
		Expect(err).NotTo(HaveOccurred())
		Expect(machine.Netlink().LinkSetNsFd(found, elsewhere.FD())).To(Succeed())
		return journal
	}

	It("comes back with all that it had", func(ctx SpecContext) {
		before := settled(ctx, machine)
		journal := borrow()
		Expect(state(ctx, machine)).NotTo(ContainSubstring("eth1"))

		journal, err := guard.Open(journal.Path()) // as another process would
		Expect(err).NotTo(HaveOccurred())
		Expect(journal.HandBack(machine, elsewhere, false)).To(ContainElements("move eth1 back", "set eth1 up"))
		Eventually(func() []string { return changed(before, state(ctx, machine)) }).WithContext(ctx).WithTimeout(8 * time.Second).Should(BeEmpty())
		Expect(journal.Path()).NotTo(BeAnExistingFile())
	}, SpecTimeout(30*time.Second))

	It("comes back down where it was down", func(ctx SpecContext) {
		Expect(machine.SetDown("eth1")).To(Succeed())
		before := settled(ctx, machine)
		Expect(borrow().HandBack(machine, elsewhere, false)).NotTo(ContainElement("set eth1 up"))
		Eventually(func() []string { return changed(before, state(ctx, machine)) }).WithContext(ctx).WithTimeout(8 * time.Second).Should(BeEmpty())
	}, SpecTimeout(30*time.Second))

	It("is handed back once: a second time there is nothing to do", func(ctx SpecContext) {
		settled(ctx, machine)
		journal := borrow()
		Expect(journal.HandBack(machine, elsewhere, false)).NotTo(BeEmpty())
		Expect(journal.HandBack(machine, elsewhere, false)).To(BeEmpty())
	}, SpecTimeout(30*time.Second))

	It("is not handed back by a program that cannot find out what is there: its journal stays", func(ctx SpecContext) {
		journal := borrow()
		Expect(journal.Note("a step", unanswerable)).To(Succeed())
		_, err := journal.HandBack(machine, elsewhere, false)
		Expect(err).To(MatchError(ContainSubstring("looking for link")))
		Expect(journal.Path()).To(BeAnExistingFile())
	}, SpecTimeout(30*time.Second))

	It("stays where it is when nothing is to be changed", func(ctx SpecContext) {
		journal := borrow()
		Expect(journal.HandBack(machine, elsewhere, true)).To(Equal([]string{"move eth1 back"}))
		Expect(netnstest.Shell(ctx, elsewhere, "ip -br link")).To(ContainSubstring("eth1"))
		Expect(journal.Path()).To(BeAnExistingFile())
	}, SpecTimeout(30*time.Second))

	It("is recovered by any process that finds the journal", func(ctx SpecContext) {
		before := settled(ctx, machine)
		borrow()
		found, err := elsewhere.Netlink().LinkByName("eth1")
		Expect(err).NotTo(HaveOccurred())
		Expect(elsewhere.Netlink().LinkSetNsFd(found, machine.FD())).To(Succeed()) // as the kernel does with a real one

		told, err := guard.Recover(ctx, folder, machine, true)
		Expect(err).NotTo(HaveOccurred())
		Expect(told).To(ContainElement("the device: set eth1 up"))
		Expect(guard.Recover(ctx, folder, machine, false)).NotTo(BeEmpty())
		Eventually(func() []string { return changed(before, state(ctx, machine)) }).WithContext(ctx).WithTimeout(8 * time.Second).Should(BeEmpty())
		Expect(guard.Recover(ctx, folder, machine, false)).To(BeEmpty())
	}, SpecTimeout(30*time.Second))

	It("leaves no draft of a journal behind", func(ctx SpecContext) {
		draft := filepath.Join(folder, "the-device.journal.new")
		Expect(os.WriteFile(draft, []byte("{"), 0o600)).To(Succeed()) // killed in the midst of it
		Expect(guard.Recover(ctx, folder, machine, false)).To(BeEmpty())
		Expect(os.ReadDir(folder)).To(BeEmpty())

		journal := borrow()
		Expect(os.WriteFile(draft, []byte("{"), 0o600)).To(Succeed())
		Expect(journal.HandBack(machine, elsewhere, false)).NotTo(BeEmpty())
		Expect(os.ReadDir(folder)).To(BeEmpty())
	}, SpecTimeout(30*time.Second))

	It("is not taken for another that has its name now", func(ctx SpecContext) {
		before := settled(ctx, machine)
		journal := borrow()
		netnstest.Shell(ctx, machine, "ip link add eth1 type veth peer name other")
		foreign := settled(ctx, machine)
		_, err := journal.HandBack(machine, nil, false)
		Expect(err).To(MatchError(ContainSubstring("link eth1 is gone")))
		_, err = journal.HandBack(machine, elsewhere, false)
		Expect(err).To(MatchError(ContainSubstring("another link has taken the name eth1: give that one another")))
		Expect(changed(foreign, settled(ctx, machine))).To(BeEmpty())

		netnstest.Shell(ctx, machine, "ip link del eth1")
		Expect(journal.HandBack(machine, elsewhere, false)).To(ContainElements("move eth1 back", "set eth1 up"))
		Eventually(func() []string { return changed(before, state(ctx, machine)) }).WithContext(ctx).WithTimeout(8 * time.Second).Should(BeEmpty())
	}, SpecTimeout(30*time.Second))

	It("that is nowhere is told", func(ctx SpecContext) {
		journal := borrow()
		_, err := journal.HandBack(machine, nil, false)
		Expect(err).To(MatchError(ContainSubstring("link eth1 is gone")))
		Expect(journal.Path()).To(BeAnExistingFile())
	}, SpecTimeout(30*time.Second))
})

// state is all that ip and /proc/sys say of a namespace, without what counts
// seconds, and the queue of a link that is down, which it gets again when it is
// set up.
func state(ctx context.Context, namespace *netns.Namespace) string {
	GinkgoHelper()
	return netnstest.Shell(ctx, namespace, `
		ip addr | sed -E 's/(valid_lft|preferred_lft) [1-9][0-9]*sec/\1 some/g; s/qdisc [a-z]+ state DOWN/state DOWN/'
		ip route show table all; ip -6 route show table all
		grep -rs '' /proc/sys/net | grep -v -e nf_conntrack_count -e nf_conntrack_max -e netfilter/nf_log`)
}

// settled is the state once the kernel has done with what was set up.
func settled(ctx context.Context, namespace *netns.Namespace) string {
	GinkgoHelper()
	last := ""
	Eventually(func() bool {
		now := state(ctx, namespace)
		same := now == last && !strings.Contains(now, "tentative")
		last = now
		return same
	}).WithContext(ctx).WithPolling(200 * time.Millisecond).Should(BeTrue())
	return last
}

// changed lists the lines that only one of two states has.
func changed(before, after string) (lines []string) {
	old, now := strings.Split(before, "\n"), strings.Split(after, "\n")
	for _, line := range old {
		if !slices.Contains(now, line) {
			lines = append(lines, "gone: "+line)
		}
	}
	for _, line := range now {
		if !slices.Contains(old, line) {
			lines = append(lines, "new: "+line)
		}
	}
	if len(lines) == 0 && before != after {
		return []string{"the lines are in another order"}
	}
	return lines
}
