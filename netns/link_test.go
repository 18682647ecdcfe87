package netns_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
)

var _ = Describe("two namespaces on a cable", Label("root"), func() {
	var left, right *netns.Namespace

	BeforeEach(func() {
		left, right = netnstest.New(), netnstest.New()
		Expect(netns.Veth(
			netns.End{Namespace: left, Name: "l0", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}},
			netns.End{Namespace: right, Name: "r0", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}},
		)).To(Succeed())
		for _, prefix := range []string{"192.0.2.1/24", "2001:db8::1/64"} {
			Expect(left.AddAddress("l0", netip.MustParsePrefix(prefix))).To(Succeed())
		}
		for _, prefix := range []string{"192.0.2.2/24", "2001:db8::2/64"} {
			Expect(right.AddAddress("r0", netip.MustParsePrefix(prefix))).To(Succeed())
		}
	})

	It("have the hardware addresses that were asked for", func() {
		Expect(hardware(left, "l0")).To(Equal("02:00:00:00:00:01"))
		Expect(hardware(right, "r0")).To(Equal("02:00:00:00:00:02"))
		Expect(right.SetMAC("r0", net.HardwareAddr{2, 0, 0, 0, 0, 3})).To(Succeed())
		Expect(hardware(right, "r0")).To(Equal("02:00:00:00:00:03"))
	})

	It("know their own addresses", func() {
		for address, owned := range map[string]bool{"192.0.2.1": true, "2001:db8::1": true, "127.0.0.1": true, "192.0.2.2": false} {
			Expect(left.Owns(netip.MustParseAddr(address))).To(Equal(owned), address)
		}
	})

	DescribeTable("talk TCP", func(ctx SpecContext, address string) {
		serve(ctx, right, net.JoinHostPort(address, "80"))
		Expect(get(ctx, left, net.JoinHostPort(address, "80"))).To(Equal("hello"))
	},
		Entry("over IPv4", "192.0.2.2", SpecTimeout(10*time.Second)),
		Entry("over IPv6", "2001:db8::2", SpecTimeout(10*time.Second)),
	)

	DescribeTable("talk UDP", func(ctx SpecContext, address string) {
		server, err := right.ListenPacket(ctx, "udp", net.JoinHostPort(address, "9"))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)

		client, err := left.Dial(ctx, "udp", net.JoinHostPort(address, "9"))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(client.Close)
		Expect(client.Write([]byte("hello"))).To(Equal(5))

		buffer := make([]byte, 16)
		n, _, err := server.ReadFrom(buffer)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(buffer[:n])).To(Equal("hello"))
	},
		Entry("over IPv4", "192.0.2.2", SpecTimeout(10*time.Second)),
		Entry("over IPv6", "2001:db8::2", SpecTimeout(10*time.Second)),
	)

	DescribeTable("reach any address of an AnyIP prefix", func(ctx SpecContext, prefix, address, via string) {
		Expect(right.AddAnyIP(netip.MustParsePrefix(prefix))).To(Succeed())
		Expect(left.AddRoute(netip.MustParsePrefix(prefix), netip.MustParseAddr(via))).To(Succeed())
		serve(ctx, right, net.JoinHostPort(address, "80"))
		Expect(get(ctx, left, net.JoinHostPort(address, "80"))).To(Equal("hello"))
	},
		Entry("over IPv4", "198.18.0.0/15", "198.19.7.7", "192.0.2.2", SpecTimeout(10*time.Second)),
		Entry("over IPv6", "2001:db8:1::/48", "2001:db8:1::7", "2001:db8::2", SpecTimeout(10*time.Second)),
	)

	It("can be dialled from a chosen address", func(ctx SpecContext) {
		Expect(left.AddAddress("l0", netip.MustParsePrefix("192.0.2.77/24"))).To(Succeed())
		listener, err := right.Listen(ctx, "tcp", "192.0.2.2:80")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(listener.Close)

		client, err := left.DialFrom(netip.MustParseAddr("192.0.2.77"))(ctx, "tcp", "192.0.2.2:80")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(client.Close)
		server, err := listener.Accept()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)
		Expect(server.RemoteAddr().String()).To(HavePrefix("192.0.2.77:"))
	}, SpecTimeout(10*time.Second))

	It("refuse to dial a name", func(ctx SpecContext) {
		_, err := left.Dial(ctx, "tcp", "localhost:80")
		Expect(err).To(MatchError(ContainSubstring("write an IP address")))
	}, SpecTimeout(10*time.Second))

	It("reach each other through a bridge between them", func(ctx SpecContext) {
		middle, third := netnstest.New(), netnstest.New()
		Expect(netns.Veth(netns.End{Namespace: left, Name: "b0"}, netns.End{Namespace: middle, Name: "p0"})).To(Succeed())
		Expect(netns.Veth(netns.End{Namespace: third, Name: "b1"}, netns.End{Namespace: middle, Name: "p1"})).To(Succeed())
		Expect(middle.AddBridge("br0", "p0", "p1")).To(Succeed())
		Expect(left.AddAddress("b0", netip.MustParsePrefix("203.0.113.1/24"))).To(Succeed())
		Expect(third.AddAddress("b1", netip.MustParsePrefix("203.0.113.2/24"))).To(Succeed())

		serve(ctx, third, "203.0.113.2:80")
		Expect(get(ctx, left, "203.0.113.2:80")).To(Equal("hello"))
	}, SpecTimeout(10*time.Second))

	It("name the link that is missing", func() {
		Expect(left.AddAddress("nowhere", netip.MustParsePrefix("192.0.2.9/24"))).
			To(MatchError(ContainSubstring("nowhere")))
	})
})

var _ = Describe("a command in a namespace", Label("root"), func() {
	It("runs inside", func(ctx SpecContext) {
		namespace := netnstest.New()
		inside := ""
		Expect(namespace.Do(func() error { inside = identity(); return nil })).To(Succeed())

		output, err := namespace.Command(ctx, "readlink", "/proc/self/ns/net").Output()
		Expect(err).NotTo(HaveOccurred())
		Expect(string(bytes.TrimSpace(output))).To(Equal(inside))
	}, SpecTimeout(10*time.Second))

	It("outlives the call that started it, and ends with its context", func(ctx SpecContext) {
		life, end := context.WithCancel(ctx)
		command := netnstest.New().Command(life, "cat")
		input, err := command.StdinPipe()
		Expect(err).NotTo(HaveOccurred())
		output, err := command.StdoutPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(command.Start()).To(Succeed())

		Expect(io.WriteString(input, "still here\n")).To(Equal(11))
		echo := make([]byte, 11)
		Expect(io.ReadFull(output, echo)).To(Equal(11))
		Expect(string(echo)).To(Equal("still here\n"))

		end()
		err = command.Wait()
		Expect(err).To(BeAssignableToTypeOf(&exec.ExitError{}))
		Expect(command.ProcessState.Sys().(syscall.WaitStatus).Signal()).To(Equal(syscall.SIGKILL))
	}, SpecTimeout(10*time.Second))

	It("says that a program is missing", func(ctx SpecContext) {
		Expect(netnstest.New().Command(ctx, "no-such-program").Run()).To(MatchError(exec.ErrNotFound))
	}, SpecTimeout(10*time.Second))

	It("frees its thread when it ends", func(ctx SpecContext) {
		namespace := netnstest.New()
		Expect(namespace.Command(ctx, "true").Run()).To(Succeed())
		before := entries("/proc/self/task")
		for range 20 {
			Expect(namespace.Command(ctx, "true").Run()).To(Succeed())
		}
		Eventually(func() int { return entries("/proc/self/task") }).WithContext(ctx).Should(BeNumerically("<=", before+3))
		Eventually(threadNamespaces).WithContext(ctx).Should(HaveLen(1))
	}, SpecTimeout(20*time.Second))
})

func serve(ctx context.Context, namespace *netns.Namespace, address string) {
	GinkgoHelper()
	listener, err := namespace.Listen(ctx, "tcp", address)
	Expect(err).NotTo(HaveOccurred())
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	})}
	go server.Serve(listener)
	DeferCleanup(server.Close)
}

func get(ctx context.Context, namespace *netns.Namespace, address string) string {
	GinkgoHelper()
	transport := &http.Transport{DialContext: namespace.Dial}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address, nil)
	Expect(err).NotTo(HaveOccurred())
	response, err := transport.RoundTrip(request)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return string(body)
}

func hardware(namespace *netns.Namespace, link string) string {
	GinkgoHelper()
	content := []byte{}
	Expect(namespace.Do(func() error {
		found, err := net.InterfaceByName(link)
		if err == nil {
			content = found.HardwareAddr
		}
		return err
	})).To(Succeed())
	return net.HardwareAddr(content).String()
}
