package radio_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/radio"
	"github.com/needwant/needwant/netns/netnstest"
)

const passphrase = "correct horse battery"

func things() radio.Network {
	return radio.Network{Link: "wlan0", SSID: `our "things" ☂`, Passphrase: passphrase, Only: net.HardwareAddr{0x7c, 0x49, 0xeb, 0, 0, 1}}
}

// hostapd puts a shell script in the place of the program. What it writes to
// $RECORD can be read back.
func hostapd(script string) (record string) {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	record = filepath.Join(folder, "record")
	Expect(os.WriteFile(folder+"/hostapd", []byte("#!/bin/sh\n"+script), 0o600)).To(Succeed())
	Expect(os.Chmod(folder+"/hostapd", 0o700)).To(Succeed())
	GinkgoT().Setenv("PATH", folder+":"+os.Getenv("PATH"))
	GinkgoT().Setenv("RECORD", record)
	return record
}

func read(path string) string {
	text, _ := os.ReadFile(path) // it may not be there yet
	return string(text)
}

// heard collects what is told.
type heard struct {
	mutex sync.Mutex
	texts []string
}

func (h *heard) tell(text string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.texts = append(h.texts, text)
}

func (h *heard) all() []string {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return append([]string{}, h.texts...)
}

func opened(ctx context.Context, tell func(string)) *radio.AccessPoint {
	GinkgoHelper()
	wifi, err := radio.Open(ctx, netnstest.New(), things(), tell)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(wifi.Close)
	return wifi
}

// stays is a hostapd that opens the Wi-Fi, and goes when it is told to.
const stays = `echo $$ >$RECORD
trap 'echo farewell >>$RECORD; exit 0' TERM
echo 'wlan0: AP-ENABLED'
while :; do sleep 0.05; done`

func quiet(string) {}

// running reports whether a process is there, and not only left to be reaped.
func running(pid string) bool {
	_, state, found := strings.Cut(read("/proc/"+pid+"/stat"), ") ")
	return found && !strings.HasPrefix(state, "Z")
}

var _ = Describe("a Wi-Fi of our own", Label("root"), func() {
	It("is for the device alone, and its passphrase goes by a pipe", func(ctx SpecContext) {
		record := hostapd("(echo \"arguments: $*\"; cat $1 /proc/self/fd/4) >$RECORD.given\n" + stays)
		opened(ctx, quiet)
		Expect(read(record + ".given")).To(Equal(`arguments: /proc/self/fd/3
interface=wlan0
driver=nl80211
logger_syslog=0
ssid2=6f757220227468696e67732220e29882
hw_mode=g
channel=6
macaddr_acl=1
accept_mac_file=/proc/self/fd/4
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=correct horse battery
7c:49:eb:00:00:01
`))
	}, SpecTimeout(20*time.Second))

	It("tells once how the device fares", func(ctx SpecContext) {
		hostapd("echo 'wlan0: AP-ENABLED'; for i in 1 2; do echo 'wlan0: AP-STA-POSSIBLE-PSK-MISMATCH 7c:49:eb:00:00:01'; done; echo 'wlan0: AP-STA-CONNECTED 7c:49:eb:00:00:01'\n" + stays)
		ears := &heard{}
		opened(ctx, ears.tell)
		Eventually(ears.all).WithContext(ctx).Should(HaveExactElements(ContainSubstring("tries another passphrase"), ContainSubstring("has joined the Wi-Fi")))
	}, SpecTimeout(20*time.Second))

	It("says why it could not be opened, without the phrases that hostapd always ends with", func(ctx SpecContext) {
		hostapd(`echo 'Could not set channel for kernel driver' >&2; echo 'wlan0: interface state UNINITIALIZED->DISABLED'; echo 'wlan0: AP-DISABLED'; exit 1`)
		_, err := radio.Open(ctx, netnstest.New(), things(), quiet)
		Expect(err).To(MatchError("hostapd could not open a Wi-Fi on wlan0; its last words: Could not set channel for kernel driver: " +
			"is the radio switched on ('rfkill list')? Is nothing else using it, as wpa_supplicant or another hostapd?"))
	}, SpecTimeout(20*time.Second))

	It("says what to install", func(ctx SpecContext) {
		GinkgoT().Setenv("PATH", GinkgoT().TempDir())
		_, err := radio.Open(ctx, netnstest.New(), things(), quiet)
		Expect(err).To(MatchError(ContainSubstring("hostapd is not installed, and opens the Wi-Fi: install it ('apt-get install hostapd')")))
	}, SpecTimeout(20*time.Second))

	It("is gone when hostapd is, and says so", func(ctx SpecContext) {
		record := hostapd(stays)
		wifi := opened(ctx, quiet)
		Consistently(wifi.Over()).WithTimeout(100 * time.Millisecond).ShouldNot(BeClosed())
		Expect(wifi.Err()).NotTo(HaveOccurred())
		pid, err := strconv.Atoi(strings.TrimSpace(read(record)))
		Expect(err).NotTo(HaveOccurred())
		Expect(syscall.Kill(pid, syscall.SIGKILL)).To(Succeed())
		Eventually(wifi.Over()).WithContext(ctx).Should(BeClosed())
		Expect(wifi.Err()).To(MatchError(ContainSubstring("is gone: hostapd has ended; its last words: wlan0: AP-ENABLED")))
		Expect(wifi.Close()).To(Succeed())
		Expect(wifi.Err()).To(HaveOccurred(), "closing what is gone makes nothing well")
	}, SpecTimeout(20*time.Second))

	It("is gone when its radio is switched off, though hostapd would wait", func(ctx SpecContext) {
		hostapd(strings.Replace(stays, "while", "(sleep 0.2; echo 'wlan0: INTERFACE-DISABLED') &\nwhile", 1))
		wifi := opened(ctx, quiet)
		Eventually(wifi.Over()).WithContext(ctx).Should(BeClosed())
		Expect(wifi.Err()).To(MatchError(ContainSubstring("INTERFACE-DISABLED")))
	}, SpecTimeout(20*time.Second))

	It("is closed by a hostapd that says farewell", func(ctx SpecContext) {
		record := hostapd(stays)
		wifi := opened(ctx, quiet)
		Expect(wifi.Close()).To(Succeed())
		Expect(read(record)).To(HaveSuffix("farewell\n"))
		Expect(wifi.Err()).NotTo(HaveOccurred())
		Expect(wifi.Close()).To(Succeed())
	}, SpecTimeout(20*time.Second))

	It("is closed with the script around hostapd, whichever of them waits for the other", func(ctx SpecContext) {
		record := hostapd("(" + stays + ") &\nwait")
		wifi := opened(ctx, quiet)
		Expect(wifi.Close()).To(Succeed())
		Expect(read(record)).To(HaveSuffix("farewell\n"))
	}, SpecTimeout(20*time.Second))

	It("is closed by force where what the script started does not go", func(ctx SpecContext) {
		record := hostapd("sh -c \"trap '' TERM; echo \\$\\$ >$RECORD; echo 'wlan0: AP-ENABLED'; while :; do sleep 0.05; done\" &\ntrap 'exit 0' TERM\nwait")
		wifi := opened(ctx, quiet)
		stubborn := strings.TrimSpace(read(record))
		Expect(running(stubborn)).To(BeTrue())
		Expect(wifi.Close()).To(Succeed())
		Eventually(func() bool { return running(stubborn) }).WithContext(ctx).Should(BeFalse())
	}, SpecTimeout(20*time.Second))

	DescribeTable("is refused when", func(ctx SpecContext, says string, change func(*radio.Network)) {
		network := things()
		Expect(errors.Join(network.Validate(), radio.ValidatePassphrase(network.Passphrase))).To(Succeed())
		change(&network)
		_, err := radio.Open(ctx, nil, network, quiet)
		Expect(err).To(MatchError(And(ContainSubstring(says), Not(ContainSubstring("secret")))))
	},
		Entry("it has no name", "has 1 to 32 bytes, this one 0", func(n *radio.Network) { n.SSID = "" }, SpecTimeout(20*time.Second)),
		Entry("its name is too long", "has 1 to 32 bytes, this one 33", func(n *radio.Network) { n.SSID = strings.Repeat("☂", 11) }, SpecTimeout(20*time.Second)),
		Entry("its name ends a line", "controls a terminal", func(n *radio.Network) { n.SSID = "things\nwpa=0" }, SpecTimeout(20*time.Second)),
		Entry("its passphrase is short", "8 to 63 characters", func(n *radio.Network) { n.Passphrase = "secret7" }, SpecTimeout(20*time.Second)),
		Entry("its passphrase is long", "8 to 63 characters", func(n *radio.Network) { n.Passphrase = strings.Repeat("secret64", 8) }, SpecTimeout(20*time.Second)),
		Entry("its passphrase ends a line", "8 to 63 characters", func(n *radio.Network) { n.Passphrase = "secret12\nwpa=0" }, SpecTimeout(20*time.Second)),
		Entry("anybody may join", "needs the hardware address of the device", func(n *radio.Network) { n.Only = nil }, SpecTimeout(20*time.Second)),
	)
})
