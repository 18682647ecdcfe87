package netns_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
)

var _ = Describe("a program that an ordinary user started", Label("root"), func() {
	It("is root of namespaces of its own", func(ctx SpecContext) {
		Expect(string(outputOf(ctx, "identify"))).To(Equal("uid 0, links lo\n"))
	}, SpecTimeout(20*time.Second))

	It("makes namespaces, cables and firewall rules", func(ctx SpecContext) {
		Expect(string(outputOf(ctx, "network"))).To(Equal("hello\n"))
	}, SpecTimeout(20*time.Second))

	It("hands its exit code on", func(ctx SpecContext) {
		program := asUser(ctx, "seven")
		err := program.Run()
		var exit *exec.ExitError
		Expect(errors.As(err, &exit)).To(BeTrue(), "%v", err)
		Expect(exit.ExitCode()).To(Equal(7))
	}, SpecTimeout(20*time.Second))

	It("tells by its exit code which signal killed it", func(ctx SpecContext) {
		var exit *exec.ExitError
		Expect(errors.As(asUser(ctx, "suicide").Run(), &exit)).To(BeTrue())
		Expect(exit.ExitCode()).To(Equal(128 + int(syscall.SIGKILL)))
	}, SpecTimeout(20*time.Second))

	DescribeTable("gets the signals that were sent to it", func(ctx SpecContext, sent syscall.Signal) {
		program := asUser(ctx, "catch")
		output := started(program)
		Expect(output.ReadString('\n')).To(HavePrefix("pid "))
		Expect(program.Process.Signal(sent)).To(Succeed())

		Expect(output.ReadString('\n')).To(Equal("caught " + sent.String() + "\n"))
		Expect(io.Copy(io.Discard, output)).To(BeZero(), "it is told once")
		Expect(program.Wait()).To(Succeed())
	},
		Entry("interrupt", syscall.SIGINT, SpecTimeout(20*time.Second)),
		Entry("terminate", syscall.SIGTERM, SpecTimeout(20*time.Second)),
		Entry("hang up", syscall.SIGHUP, SpecTimeout(20*time.Second)),
	)

	It("leaves nothing behind when it is killed", func(ctx SpecContext) {
		program := asUser(ctx, "catch")
		output := started(program)
		line, err := output.ReadString('\n')
		Expect(err).NotTo(HaveOccurred())
		child := strings.TrimSpace(strings.TrimPrefix(line, "pid "))
		Expect("/proc/" + child).To(BeADirectory())

		Expect(program.Process.Kill()).To(Succeed())
		Expect(program.Wait()).NotTo(Succeed())
		Eventually("/proc/" + child).WithContext(ctx).ShouldNot(BeADirectory())
	}, SpecTimeout(20*time.Second))

	It("is told what forbids user namespaces, with the remedy", func(ctx SpecContext) {
		program := asUser(ctx, "identify")
		program.Env = append(program.Env, "NEEDWANT_INSIDE_USER_NAMESPACE=1") // as if the kernel had given no rights in it
		var complaint bytes.Buffer
		program.Stderr = &complaint
		var exit *exec.ExitError
		Expect(errors.As(program.Run(), &exit)).To(BeTrue())
		Expect(exit.ExitCode()).To(Equal(3))
		Expect(complaint.String()).To(And(ContainSubstring("user namespaces are restricted here"), ContainSubstring("sudo")))
	}, SpecTimeout(20*time.Second))
})

const probeVariable = "NEEDWANT_TEST_PROBE"

// probes are what the binary does as the other user, by the value of probeVariable.
var probes = map[string]func() int{
	"identify": func() int {
		fmt.Printf("uid %d, links %s\n", os.Geteuid(), strings.Join(linkNames(), " "))
		return 0
	},
	"network": func() int {
		if err := buildNetwork(); err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println("hello")
		return 0
	},
	"seven": func() int { return 7 },
	"suicide": func() int {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	},
	"catch": func() int {
		signals := make(chan os.Signal, 16)
		signal.Notify(signals)
		fmt.Printf("pid %d\n", os.Getpid())
		for s := range signals {
			if s != syscall.SIGURG { // the Go runtime's own
				fmt.Printf("caught %s\n", s)
				return 0
			}
		}
		return 1
	},
}

func linkNames() (names []string) {
	links, _ := filepath.Glob("/proc/sys/net/ipv4/conf/*")
	for _, link := range links {
		if name := filepath.Base(link); name != "all" && name != "default" {
			names = append(names, name)
		}
	}
	return names
}

func buildNetwork() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	left, err := netns.New()
	if err != nil {
		return err
	}
	right, err := netns.New()
	if err != nil {
		return err
	}
	err = errors.Join(
		netns.Veth(netns.End{Namespace: left, Name: "l0"}, netns.End{Namespace: right, Name: "r0"}),
		left.AddAddress("l0", netip.MustParsePrefix("192.0.2.1/24")),
		right.AddAddress("r0", netip.MustParsePrefix("192.0.2.2/24")),
		right.Sysctl("net.ipv4.ip_forward", "1"),
		right.Command(ctx, "iptables", "-w", "5", "-t", "nat", "-A", "POSTROUTING", "-j", "MASQUERADE").Run(),
		right.Command(ctx, "ip6tables", "-w", "5", "-A", "FORWARD", "-j", "NFLOG").Run(),
		os.WriteFile("/run/lock-file", nil, 0o600),
	)
	if err != nil {
		return err
	}
	listener, err := right.Listen(ctx, "tcp", "192.0.2.2:80")
	if err != nil {
		return err
	}
	defer listener.Close()
	connection, err := left.Dial(ctx, "tcp", "192.0.2.2:80")
	if err != nil {
		return err
	}
	return connection.Close()
}

// asUser prepares this binary to run a probe as a user without any privileges,
// from a copy that this user can read.
func asUser(ctx context.Context, probe string) *exec.Cmd {
	GinkgoHelper()
	home := GinkgoT().TempDir()
	for directory := home; directory != os.TempDir() && directory != "/"; directory = filepath.Dir(directory) {
		Expect(os.Chmod(directory, 0o755)).To(Succeed())
	}
	binary := filepath.Join(home, "program")
	Expect(copyFile(binary)).To(Succeed())
	program := exec.CommandContext(ctx, binary)
	program.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + home, "GORACE=atexit_sleep_ms=0", probeVariable + "=" + probe}
	program.Stderr = GinkgoWriter
	program.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: !mapped(65534)},
		Pdeathsig:  syscall.SIGKILL,
	}
	if !mapped(65534) { // this suite is in a user namespace itself, where there is but one user
		program.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		program.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 65534, HostID: 0, Size: 1}}
		program.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 65534, HostID: 0, Size: 1}}
	}
	return program
}

func copyFile(to string) error {
	content, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}

// mapped reports whether this user namespace has the user.
func mapped(user int) bool {
	ranges, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(ranges)) {
		fields := strings.Fields(line)
		first, _ := strconv.Atoi(fields[0])
		size, _ := strconv.Atoi(fields[2])
		if first <= user && user-first < size {
			return true
		}
	}
	return false
}

func outputOf(ctx context.Context, probe string) []byte {
	GinkgoHelper()
	output, err := asUser(ctx, probe).Output()
	Expect(err).NotTo(HaveOccurred(), "%s", output)
	return output
}

func started(program *exec.Cmd) *bufio.Reader {
	GinkgoHelper()
	output, err := program.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(program.Start()).To(Succeed())
	return bufio.NewReader(output)
}
