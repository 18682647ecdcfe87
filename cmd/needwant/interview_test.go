package main_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
)

// terminal is a pair of ends: what is written to the first is typed at the second.
func terminal() (typing, screen *os.File) {
	GinkgoHelper()
	typing, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(typing.Close)
	Expect(unix.IoctlSetPointerInt(int(typing.Fd()), unix.TIOCSPTLCK, 0)).To(Succeed())
	number, err := unix.IoctlGetInt(int(typing.Fd()), unix.TIOCGPTN)
	Expect(err).NotTo(HaveOccurred())
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { _ = screen.Close() }) // a spec may have closed it
	return typing, screen
}

// homelab is a machine with two network cards, and a router and a device in its home network.
func homelab(ctx context.Context) *netns.Namespace {
	GinkgoHelper()
	machine := netnstest.New()
	netnstest.Shell(ctx, machine, `
		ip link add eth0 type veth peer name router; ip link add eth1 type veth peer name plug
		ip addr add 192.168.1.9/24 dev eth0; ip link set eth0 up; ip link set router up; ip route add default via 192.168.1.1
		ip neigh add 192.168.1.1 lladdr 02:00:00:00:00:aa dev eth0; ip neigh add 192.168.1.33 lladdr 7c:49:eb:00:00:02 dev eth0`)
	return machine
}

var _ = Describe("needwant scenario new, on a terminal", Label("root"), func() {
	It("shows what there is, asks, says what is wrong with an answer, and asks again", func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "asked.yaml")
		typing, screen := terminal()
		command := homelab(ctx).Command(ctx, program, "scenario", "new", path, "--name", "robbie")
		command.Stdin = screen
		var ending strings.Builder
		command.Stdout = &ending
		stderr, err := command.StderrPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(command.Start()).To(Succeed())
		said := bufio.NewReader(stderr)
		answer := func(asks, text string) string {
			GinkgoHelper()
			heard := until(said, "]: ", "its MAC address: ")
			Expect(heard).To(ContainSubstring(asks))
			_, err := io.WriteString(typing, text+"\n")
			Expect(err).NotTo(HaveOccurred())
			return heard
		}
		answer("any-device       Any device; a person says whether it works.", "roborock-s60")
		answer(`did you mean "roborock-s50"?`, "")
		answer("onearm  the device stays where it is", "nic")
		answer("eth0       up, 192.168.1.9/24, fe80", "eth7")
		answer("this machine has no interface eth7. If that will change, answer the same again", "eth7")
		listed := answer("interface to your home network, e.g. eth0 [eth0]", "")
		Expect(listed).NotTo(ContainSubstring("192.168.1.9/24"), "the interfaces are listed once")
		answer("its model", "")
		answer("or the device's IP address):\n    1  7c:49:eb:00:00:02  192.168.1.33 on eth0, Xiaomi\n", "") // and not the router
		answer("there is no default here: type an answer", "12:34")
		answer(`"12:34" is not a MAC address: write it as`, "192.168.1.44")
		answer("192.168.1.44 did not answer in this machine's networks", "192.168.1.33")
		answer("a new address, in a network that your home does not use", "here")
		answer(`"here" is not an IP address: write one as`, "192.168.1.77")
		answer("192.168.1.77 is in the network of eth0, and behind the gateway the device needs a network of its own", "192.168.60.7")
		answer("miIO token", "00112233445566778899aabbccddeeff")
		answer("must not be written out: put it into the environment", "env:ROBBIE")
		answer("where your Home Assistant is", "192.168.1.7:8123")
		answer("write it as http://192.168.1.5:8123", "http://192.168.1.7:8123")
		answer("entity there", "vacuum.robbie")
		answer("long-lived access token", "")
		Expect(command.Wait()).To(Succeed())
		Expect(ending.String()).To(ContainSubstring("next:  export ROBBIE='...'\n       export HASS_TOKEN='...'\n       sudo -E needwant doctor " + path))

		text, err := os.ReadFile(path)
		Expect(err).NotTo(HaveOccurred())
		for _, part := range []string{
			`name: "robbie"`, "inside: eth7 ", "uplink: eth0 ", `mac: "7c:49:eb:00:00:02"`, `address: "192.168.60.7"`,
			"miio: env:ROBBIE ", `url: "http://192.168.1.7:8123", entity: vacuum.robbie`, "# a long-lived access token",
		} {
			Expect(string(text)).To(ContainSubstring(part))
		}
		Expect(needwant(ctx, "scenario", "validate", path).Code).To(Equal(0))
	}, SpecTimeout(time.Minute))
})

var _ = Describe("needwant scenario new, of a device without a model", Label("root"), func() {
	It("offers another interface than the one that is taken, and lets the model be left out", func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "tv.yaml")
		typing, screen := terminal()
		command := homelab(ctx).Command(ctx, program, "scenario", "new", path, "--like", "any-device", "--placement", "nic", "--mac", "7c:49:eb:00:00:02")
		command.Stdin = screen
		stderr, err := command.StderrPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(command.Start()).To(Succeed())
		said := bufio.NewReader(stderr)
		for _, one := range [][2]string{
			{"the interface to the device, e.g. eth1 [", "eth0"},
			{"the interface to your home network, e.g. eth0: ", "eth0"},
			{"inside and uplink are both eth0", "eth1"},
			{"what you call the device [", ""},
			{"its model, e.g. roborock.vacuum.s5 [none]", ""},
			{"its IP address", ""},
		} {
			Expect(until(said, "]: ", "e.g. eth0: ")).To(ContainSubstring(one[0]))
			_, err := io.WriteString(typing, one[1]+"\n")
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(command.Wait()).To(Succeed())
		text, err := os.ReadFile(path)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).To(And(ContainSubstring("inside: eth0 "), ContainSubstring("uplink: eth1 "), Not(ContainSubstring("model:"))))
	}, SpecTimeout(time.Minute))
})

var _ = Describe("needwant scenario new, on a terminal that is closed", Label("root"), func() {
	DescribeTable("ends, writes nothing, and says how to go on with the answers:", func(ctx SpecContext, last string, code int) {
		path := filepath.Join(GinkgoT().TempDir(), "half.yaml")
		typing, screen := terminal()
		command := homelab(ctx).Command(ctx, program, "scenario", "new", path)
		command.Stdin = screen
		stderr, err := command.StderrPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(command.Start()).To(Succeed())
		heard := bufio.NewReader(stderr)
		for _, typed := range []string{"tv\n", "nic\n", last} {
			until(heard, "]: ")
			if typed == "" {
				Expect(command.Process.Signal(os.Interrupt)).To(Succeed()) // as Ctrl-C does
				break
			}
			_, err := io.WriteString(typing, typed)
			Expect(err).NotTo(HaveOccurred())
		}
		rest, err := io.ReadAll(heard)
		Expect(err).NotTo(HaveOccurred())
		Expect(command.Wait()).To(MatchError(fmt.Sprintf("exit status %d", code)))
		Expect(string(rest)).To(ContainSubstring("Nothing was written. To continue with the answers so far: needwant scenario new " + path + " --like tv --placement nic\n"))
		Expect(path).NotTo(BeAnExistingFile())
	},
		Entry("at the end of the input", "\x04", 2, SpecTimeout(time.Minute)),
		Entry("after Ctrl-C", "", 130, SpecTimeout(time.Minute)),
	)
})

var _ = Describe("needwant scenario new, on a machine without a second interface", Label("root"), func() {
	DescribeTable("says what is missing, and ends after too many answers that cannot be used:", func(ctx SpecContext, typed, last string, flags ...string) {
		machine := netnstest.New()
		Expect(netns.Veth(netns.End{Namespace: machine, Name: "eth0"}, netns.End{Namespace: netnstest.New(), Name: "eth0"})).To(Succeed())
		path := filepath.Join(GinkgoT().TempDir(), "none.yaml")
		typing, screen := terminal()
		command := machine.Command(ctx, program, append([]string{"scenario", "new", path}, flags...)...)
		command.Stdin = screen
		_, err := io.WriteString(typing, strings.Repeat(typed+"\n", 20))
		Expect(err).NotTo(HaveOccurred())
		said, err := command.CombinedOutput()
		Expect(err).To(MatchError("exit status 2"), string(said))
		Expect(strings.Join(strings.Fields(string(said)), " ")).To(And(ContainSubstring("10 answers could not be used. The last one: "+last), ContainSubstring("Nothing was written.")))
		if typed != "here" { // then the placement is known
			Expect(string(said)).To(ContainSubstring("placement host needs two interfaces, one to the device and one to the home"))
		}
		Expect(path).NotTo(BeAnExistingFile())
	},
		Entry("for the interface to the device", "", "there is no default here", "--like", "tv", "--placement", "host", SpecTimeout(time.Minute)),
		Entry("for the second one", "eth0", "inside and uplink are both eth0", "--like", "tv", "--placement", "host", SpecTimeout(time.Minute)),
		Entry("for a placement", "here", `unknown placement "here"`, "--like", "tv", SpecTimeout(time.Minute)),
	)
})

var _ = Describe("needwant scenario new, with a token that is written out", Label("root"), func() {
	It("does not repeat the token when it says how to go on", func(ctx SpecContext) {
		const token = "00112233445566778899aabbccddeeff"
		path := filepath.Join(GinkgoT().TempDir(), "token.yaml")
		typing, screen := terminal()
		command := homelab(ctx).Command(ctx, program, "scenario", "new", path, "--like", "miio", "--placement", "nic", "--inside", "eth1", "--uplink", "eth0",
			"--name", "plug", "--model", "a.plug.v1", "--mac", "7c:49:eb:00:00:02", "--address", "192.168.60.7", "--miio-token", token)
		command.Stdin = screen
		_, err := io.WriteString(typing, strings.Repeat("\n", 8)+"\x04")
		Expect(err).NotTo(HaveOccurred())
		said, err := command.CombinedOutput()
		Expect(err).To(MatchError("exit status 2"))
		Expect(string(said)).To(And(ContainSubstring("--address 192.168.60.7"), ContainSubstring("must not be written out"), Not(ContainSubstring(token))))
	}, SpecTimeout(time.Minute))
})

// until reads up to one of some marks.
func until(from *bufio.Reader, marks ...string) string {
	GinkgoHelper()
	var text strings.Builder
	for !slices.ContainsFunc(marks, func(mark string) bool { return strings.HasSuffix(text.String(), mark) }) {
		next, err := from.ReadByte()
		Expect(err).NotTo(HaveOccurred(), text.String())
		text.WriteByte(next)
	}
	return text.String()
}
