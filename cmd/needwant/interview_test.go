package main_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"
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
	DeferCleanup(screen.Close)
	return typing, screen
}

var _ = Describe("needwant scenario new, on a terminal", func() {
	It("asks, says what is wrong with an answer, and asks again", func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "asked.yaml")
		typing, screen := terminal()
		command := exec.CommandContext(ctx, program, "scenario", "new", path, "--name", "robbie")
		command.Stdin = screen
		stderr, err := command.StderrPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(command.Start()).To(Succeed())
		said := bufio.NewReader(stderr)
		answer := func(asks, text string) {
			GinkgoHelper()
			Expect(until(said, "]: ")).To(ContainSubstring(asks))
			_, err := io.WriteString(typing, text+"\n")
			Expect(err).NotTo(HaveOccurred())
		}
		answer("which spec to begin with", "roborock-s60")
		answer(`did you mean "roborock-s50"?`, "")
		answer("where the gateway stands", "nic")
		answer("link to the device", "eth0")
		answer("link to your home network", "eth1")
		answer("its model", "")
		answer("hardware address", "12:34")
		answer(`"12:34" is not a MAC address: write it as`, "7c:49:eb:00:00:02")
		answer("IP address", "here")
		answer(`"here" is no IP address: write one as`, "192.168.60.7")
		answer("miIO token", "00112233445566778899aabbccddeeff")
		answer("must not be written out: put it into the environment", "env:ROBBIE")
		answer("where your Home Assistant is", "192.168.1.7:8123")
		answer("write it as http://192.168.1.5:8123", "http://192.168.1.7:8123")
		answer("entity there", "vacuum.robbie")
		answer("long-lived access token", "")
		Expect(command.Wait()).To(Succeed())

		text, err := os.ReadFile(path)
		Expect(err).NotTo(HaveOccurred())
		for _, part := range []string{
			`name: "robbie"`, "inside: eth0 ", "uplink: eth1 ", `mac: "7c:49:eb:00:00:02"`, `address: "192.168.60.7"`,
			"miio: env:ROBBIE ", `url: "http://192.168.1.7:8123", entity: vacuum.robbie`, "# a long-lived access token",
		} {
			Expect(string(text)).To(ContainSubstring(part))
		}
		Expect(needwant(ctx, "scenario", "validate", path).Code).To(Equal(0))
	}, SpecTimeout(time.Minute))
})

// until reads up to a mark.
func until(from *bufio.Reader, mark string) string {
	GinkgoHelper()
	var text strings.Builder
	for !strings.HasSuffix(text.String(), mark) {
		next, err := from.ReadByte()
		Expect(err).NotTo(HaveOccurred(), text.String())
		text.WriteByte(next)
	}
	return text.String()
}
