package main_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

var _ = Describe("SIGKILL", Label("root"), func() {
	DescribeTable("leaves no process, namespace, interface, rule or set", func(ctx SpecContext, times int) {
		before := host()
		random := rand.New(rand.NewPCG(1, uint64(GinkgoRandomSeed())))
		for i := range times {
			marker := fmt.Sprintf("NEEDWANT_KILL_SPEC=%d-%d", os.Getpid(), i)
			command := exec.CommandContext(ctx, program, "lab", "one-of-each", "--quiet", "--lanes", "2", "--discard")
			command.Env = append(os.Environ(), marker)
			Expect(command.Start()).To(Succeed())
			if i > 0 { // once, too early for anything
				Eventually(func() map[string]uint64 { return namespacesOf(marked(marker)) }).
					WithContext(ctx).WithTimeout(20 * time.Second).ShouldNot(BeEmpty())
				pause(ctx, time.Duration(random.IntN(1500))*time.Millisecond)
			}
			namespaces := namespacesOf(marked(marker))
			Expect(command.Process.Kill()).To(Succeed())
			_ = command.Wait()
			Eventually(func() []string { return marked(marker) }).WithContext(ctx).WithTimeout(2*time.Second).
				Should(BeEmpty(), "processes")
			Eventually(func() []string { return holders(namespaces) }).WithContext(ctx).WithTimeout(2*time.Second).
				Should(BeEmpty(), "who keeps a namespace alive")
		}
		Expect(host()).To(Equal(before))
	},
		Entry("6 times", 6, SpecTimeout(time.Minute)),
		Entry("20 times", Label("whole"), 20, SpecTimeout(3*time.Minute)),
	)
})

// pause is a moment drawn at random, not a wait for something.
func pause(ctx SpecContext, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// marked lists the processes that have a marker in their environment.
func marked(marker string) []string {
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	var processes []string
	for _, path := range environments {
		environment, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(environment), marker) {
			processes = append(processes, filepath.Dir(path))
		}
	}
	return processes
}

// namespacesOf are the network namespaces that processes hold open: the cookie of
// each by its link below /proc.
func namespacesOf(processes []string) map[string]uint64 {
	own, _ := os.Readlink("/proc/self/ns/net")
	namespaces := map[string]uint64{}
	for _, process := range processes {
		descriptors, _ := filepath.Glob(process + "/fd/*")
		for _, descriptor := range descriptors {
			target, err := os.Readlink(descriptor)
			if err != nil || !strings.HasPrefix(target, "net:[") || target == own {
				continue
			}
			if cookie, err := cookieOf(descriptor); err == nil {
				namespaces[target] = cookie
			}
		}
	}
	return namespaces
}

// cookieOf tells one namespace from all that there ever were: the kernel gives
// the number in its link to the next one as soon as it is gone, and other specs
// make some meanwhile.
func cookieOf(path string) (cookie uint64, err error) {
	opened, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	namespace, err := netns.Adopt(opened)
	if err != nil {
		return 0, err
	}
	defer func() { _ = namespace.Close() }()
	err = namespace.Do(func() error {
		socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(socket) }()
		cookie, err = unix.GetsockoptUint64(socket, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
		return err
	})
	return cookie, err
}

// holders lists what still refers to any of the namespaces: a thread in it, an
// open file, or a mount.
func holders(namespaces map[string]uint64) []string {
	var found []string
	for _, pattern := range []string{"/proc/[0-9]*/task/*/ns/net", "/proc/[0-9]*/fd/*"} {
		links, _ := filepath.Glob(pattern)
		for _, link := range links {
			target, _ := os.Readlink(link)
			was, watched := namespaces[target]
			if !watched {
				continue
			}
			if cookie, err := cookieOf(link); err == nil && cookie == was {
				found = append(found, link+" -> "+target)
			}
		}
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for namespace := range namespaces {
		if strings.Contains(string(mounts), namespace) {
			found = append(found, "a mount of "+namespace)
		}
	}
	return found
}

// host is what could be left behind outside of the namespaces: the names of
// links, the rules, and the sets.
func host() string {
	GinkgoHelper()
	interfaces, err := net.Interfaces()
	Expect(err).NotTo(HaveOccurred())
	var state strings.Builder
	for _, link := range interfaces {
		fmt.Fprintln(&state, link.Name)
	}
	for _, command := range []string{"iptables-save", "ip6tables-save"} {
		rules, err := exec.Command(command).Output()
		Expect(err).NotTo(HaveOccurred())
		for _, line := range strings.Split(string(rules), "\n") {
			if strings.HasPrefix(line, "-A") || strings.HasPrefix(line, ":") && strings.Contains(line, " - ") {
				fmt.Fprintln(&state, line)
			}
		}
	}
	return state.String()
}
