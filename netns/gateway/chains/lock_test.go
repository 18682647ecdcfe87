package chains_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/netnstest"
)

// The nft backend takes no lock. The legacy one has one for the whole machine;
// each of these specs has its own.
var _ = Describe("chains whose lock another program holds", Label("root"), func() {
	legacy, err := exec.LookPath("xtables-legacy-multi")
	if err != nil {
		return
	}

	var tables *chains.Tables
	var lock *os.File

	chain := chains.Chain{Table: "filter", Name: "NEEDWANT", Hooks: []chains.Hook{chains.On("FORWARD")}, Rules: []chains.Rule{chains.Rulef("-j DROP")}}

	BeforeEach(func() {
		programs := GinkgoT().TempDir()
		for _, name := range []string{"iptables", "ip6tables", "iptables-restore", "ip6tables-restore"} {
			Expect(os.Symlink(legacy, filepath.Join(programs, name))).To(Succeed())
		}
		GinkgoT().Setenv("PATH", programs)
		path := filepath.Join(GinkgoT().TempDir(), "xtables.lock")
		GinkgoT().Setenv("XTABLES_LOCKFILE", path)
		namespace := netnstest.New()
		tables, err = chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		Expect(tables.Install(chains.IPv4, []chains.Chain{chain})).To(Succeed())

		lock, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { _ = lock.Close() })
		Expect(unix.Flock(int(lock.Fd()), unix.LOCK_EX)).To(Succeed())
	})

	// within waits for an answer while the lock is held, for a minute if it has to.
	within := func(ctx SpecContext, act func() error) error {
		GinkgoHelper()
		answer := make(chan error, 1)
		go func() { answer <- act() }()
		var err error
		Eventually(answer).WithContext(ctx).WithTimeout(10 * time.Second).Should(Receive(&err))
		return err
	}

	It("give an error within ten seconds while the lock is held, and are intact when it is free", func(ctx SpecContext) {
		err := within(ctx, func() error { return tables.Append(chains.IPv4, "filter", "NEEDWANT", chains.Rulef("-p udp -j DROP")) })
		Expect(err).To(MatchError(ContainSubstring("another program holds the lock of iptables")))
		Expect(unix.Flock(int(lock.Fd()), unix.LOCK_UN)).To(Succeed())
		Expect(tables.Check()).To(BeEmpty())
	}, SpecTimeout(time.Minute))

	It("are not reported as missing while the lock is held", func(ctx SpecContext) {
		err := within(ctx, func() error {
			lines, err := tables.List(chains.IPv4, "filter", "NEEDWANT")
			Expect(lines).To(BeEmpty())
			return err
		})
		Expect(err).To(HaveOccurred())
		err = within(ctx, func() error { problem, err := tables.Check(); Expect(problem).To(BeEmpty()); return err })
		Expect(err).To(MatchError(ContainSubstring("another program holds the lock of iptables")))
	}, SpecTimeout(time.Minute))

	It("are not taken for gone when a rule is to be removed", func(ctx SpecContext) {
		err := within(ctx, func() error { return tables.Delete(chains.IPv4, "filter", "NEEDWANT", chain.Rules[0]) })
		Expect(err).To(HaveOccurred())
		Expect(unix.Flock(int(lock.Fd()), unix.LOCK_UN)).To(Succeed())
		Expect(tables.List(chains.IPv4, "filter", "NEEDWANT")).To(HaveLen(1))
	}, SpecTimeout(time.Minute))
})
