package netns_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"runtime"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
)

var _ = Describe("a namespace", Label("root"), func() {
	It("has a loopback link that is up, and none of the host's", func() {
		var links []net.Interface
		Expect(netnstest.New().Do(func() (err error) {
			links, err = net.Interfaces()
			return err
		})).To(Succeed())

		Expect(links).To(HaveLen(1))
		Expect(links[0].Name).To(Equal("lo"))
		Expect(links[0].Flags & net.FlagUp).NotTo(BeZero())
	})

	It("runs functions inside, and leaves the caller outside", func() {
		outside := identity()
		inside := ""

		Expect(netnstest.New().Do(func() error {
			inside = identity()
			return nil
		})).To(Succeed())

		Expect(inside).NotTo(Equal(outside))
		Expect(identity()).To(Equal(outside))
	})

	It("returns the function's own error", func() {
		sentinel := errors.New("the function's own")
		Expect(netnstest.New().Do(func() error { return sentinel })).To(BeIdenticalTo(sentinel))
	})

	It("hands a panic of the function to the caller", func() {
		namespace := netnstest.New()
		Expect(func() { _ = namespace.Do(func() error { panic("inside") }) }).To(PanicWith("inside"))
		Expect(namespace.Do(func() error { return nil })).To(Succeed())
	})

	It("refuses to run anything once it is closed", func() {
		namespace, err := netns.New()
		Expect(err).NotTo(HaveOccurred())
		Expect(namespace.Close()).To(Succeed())

		Expect(namespace.Do(func() error { return nil })).To(MatchError(os.ErrClosed))
	})

	DescribeTable("starts with predictable parameters", func(key, want string) {
		value := ""
		Expect(netnstest.New().Do(func() error {
			content, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(key, ".", "/"))
			value = strings.TrimSpace(string(content))
			if errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(key, "net.bridge.") {
				value = want // without the module there is nothing to go wrong
				return nil
			}
			return err
		})).To(Succeed())
		Expect(value).To(Equal(want))
	},
		Entry(nil, "net.bridge.bridge-nf-call-iptables", "0"),
		Entry(nil, "net.bridge.bridge-nf-call-ip6tables", "0"),
		Entry(nil, "net.ipv6.conf.default.disable_ipv6", "0"),
		Entry(nil, "net.ipv6.conf.default.accept_dad", "0"),
	)

	It("sets a kernel parameter of its own alone", func() {
		first, second := netnstest.New(), netnstest.New()
		Expect(first.Sysctl("net.ipv4.ip_forward", "1")).To(Succeed())
		Expect(second.Sysctl("net.ipv4.ip_forward", "0")).To(Succeed())

		Expect(parameter(first, "net/ipv4/ip_forward")).To(Equal("1"))
		Expect(parameter(second, "net/ipv4/ip_forward")).To(Equal("0"))
	})

	It("says which kernel parameter is unknown", func() {
		Expect(netnstest.New().Sysctl("net.ipv4.no_such_key", "1")).To(And(
			MatchError(fs.ErrNotExist), MatchError(ContainSubstring("net.ipv4.no_such_key"))))
	})

	It("leaves no namespace, descriptor or thread behind", func() {
		cycle := func() {
			namespace, err := netns.New()
			Expect(err).NotTo(HaveOccurred())
			Expect(namespace.Do(func() error { return nil })).To(Succeed())
			Expect(namespace.Close()).To(Succeed())
		}
		cycle()
		descriptors, threads := entries("/proc/self/fd"), entries("/proc/self/task")
		for range 100 {
			cycle()
		}
		runtime.GC()

		Expect(entries("/proc/self/fd")).To(BeNumerically("<=", descriptors))
		Expect(entries("/proc/self/task")).To(BeNumerically("<=", threads+3), "the runtime may add a few of its own")
		Expect(threadNamespaces()).To(HaveLen(1), "every thread is back home")
	})
})

// identity names the namespace of the thread that asks.
func identity() string {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	name, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return err.Error()
	}
	return name
}

func parameter(namespace *netns.Namespace, path string) (value string) {
	GinkgoHelper()
	Expect(namespace.Do(func() error {
		content, err := os.ReadFile("/proc/sys/" + path)
		value = strings.TrimSpace(string(content))
		return err
	})).To(Succeed())
	return value
}

func entries(directory string) int {
	GinkgoHelper()
	list, err := os.ReadDir(directory)
	Expect(err).NotTo(HaveOccurred())
	return len(list)
}

// threadNamespaces are the namespaces that this process's threads are in. A
// thread that ended meanwhile is in none.
func threadNamespaces() map[string]bool {
	GinkgoHelper()
	threads, err := os.ReadDir("/proc/self/task")
	Expect(err).NotTo(HaveOccurred())
	found := map[string]bool{}
	for _, thread := range threads {
		name, err := os.Readlink("/proc/self/task/" + thread.Name() + "/ns/net")
		if err == nil {
			found[name] = true
		}
	}
	return found
}
