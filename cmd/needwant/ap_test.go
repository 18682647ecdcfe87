package main_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/radio"
)

// The Wi-Fi of the specs.
const (
	wifiName       = "our things"
	wifiPassphrase = "correct horse battery"
	wifi           = `placement: ap, inside: wlan0, uplink: uplink, ssid: "` + wifiName + `", passphrase: env:WIFI_PASSPHRASE`
)

// newWirelessHome builds a home whose machine has a radio instead of a link to the
// device, and whose device has another, and looks for the Wi-Fi. They are
// those that mac80211_hwsim plays.
func newWirelessHome(ctx context.Context) *home {
	GinkgoHelper()
	own, err := netns.Own()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(own.Close)
	GinkgoT().Setenv("WIFI_PASSPHRASE", wifiPassphrase)
	var given sync.Once
	h := newHomeOf(ctx, slowPlug(), func(ctx context.Context, device *netns.Namespace, _ string) {
		defer GinkgoRecover()
		given.Do(func() { handOn(ctx, own, device, "wlan1") })
		joinWiFi(ctx, device)
	})
	h.in(ctx, "ip link del inside")
	handOn(ctx, own, h.machine, "wlan0")
	h.in(ctx, "ip link set wlan0 up; ip addr add 10.77.0.5/24 brd + dev wlan0; ip route add 10.78.0.0/16 via 10.77.0.1; ip route add default via 10.77.0.1 metric 600; sysctl -qw net.ipv4.conf.wlan0.rp_filter=2")
	return h
}

// handOn moves the radio of a link from one namespace to another, once it is back
// from where an earlier spec had it.
func handOn(ctx context.Context, from, to *netns.Namespace, name string) {
	GinkgoHelper()
	Eventually(func() error {
		link, err := from.Netlink().LinkByName(name)
		if err != nil {
			return err
		}
		found, err := radio.Of(from, link.Attrs().Index)
		if err != nil {
			return err
		}
		return found.Move(from, to)
	}).WithContext(ctx).WithTimeout(20*time.Second).Should(Succeed(), "the radio of %s", name)
}

// joinWiFi is what a device does when it is switched on: it looks for its Wi-Fi
// until there is one, and asks for an address.
func joinWiFi(ctx context.Context, device *netns.Namespace) {
	GinkgoHelper()
	settings := filepath.Join(GinkgoT().TempDir(), "wpa.conf")
	Expect(os.WriteFile(settings, []byte("network={\n ssid=\""+wifiName+"\"\n psk=\""+wifiPassphrase+"\"\n}\n"), 0o600)).To(Succeed())
	text, err := device.Command(ctx, "ip", "link", "set", "wlan1", "address", "7c:49:eb:00:00:01").CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s", text)
	Expect(device.Command(ctx, "wpa_supplicant", "-i", "wlan1", "-c", settings).Start()).To(Succeed())
	join(ctx, device, "wlan1")
}

// hostapds are the processes of that program.
func hostapds() (found []int) {
	names, _ := filepath.Glob("/proc/[0-9]*/comm") // the pattern is well formed
	for _, path := range names {
		if name, err := os.ReadFile(path); err == nil && string(name) == "hostapd\n" {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			Expect(err).NotTo(HaveOccurred())
			found = append(found, pid)
		}
	}
	return found
}

// radio is that of the machine, and what its link is used as.
func (h *home) radio() radio.Radio {
	GinkgoHelper()
	link, err := h.machine.Netlink().LinkByName("wlan0")
	Expect(err).NotTo(HaveOccurred())
	found, err := radio.Of(h.machine, link.Attrs().Index)
	Expect(err).NotTo(HaveOccurred())
	return found
}

// switchRadios switches all radios of the machine off, or on again, as its key for
// that does: by an event of linux/rfkill.h. In sysfs a radio that was moved is not
// to be seen.
func switchRadios(off bool) {
	GinkgoHelper()
	const changeAll, wlan = 3, 1 // RFKILL_OP_CHANGE_ALL, RFKILL_TYPE_WLAN
	event := []byte{0, 0, 0, 0, wlan, changeAll, 0, 0}
	if off {
		event[6] = 1
	}
	Expect(os.WriteFile("/dev/rfkill", event, 0o600)).To(Succeed())
}

// expectUntold expects a passphrase to stand in no list of processes, and in no
// file of the run.
func (h *home) expectUntold(passphrase string) {
	GinkgoHelper()
	for _, pattern := range []string{"/proc/[0-9]*/cmdline", h.runtime + "/*", h.folder + "/*"} {
		paths, err := filepath.Glob(pattern)
		Expect(err).NotTo(HaveOccurred())
		Expect(paths).NotTo(BeEmpty(), pattern)
		for _, path := range paths {
			text, _ := os.ReadFile(path) // the process may have ended
			Expect(string(text)).NotTo(ContainSubstring(passphrase), path)
		}
	}
}

// A machine without radios cannot run these: see package guest.
var _ = Describe("a device in a Wi-Fi of our own", Label("root", "guest", "ap"), func() {
	It("is bisected to its true matrix, and the radio is as it was", func(ctx SpecContext) {
		h := newWirelessHome(ctx)
		before, radio := h.settled(ctx), h.radio()
		run := h.needwant(ctx, "bisect", h.guestSpec(wifi), "--allow-actuation", "--order", "exact", "--wait", "2m")
		Expect(run.Code).To(Equal(0), run.Stderr)
		h.expectAsBefore(ctx, before)
		Expect(h.radio()).To(Equal(radio))
		h.expectClean()
		h.expectTruth("plug.run")
		Expect(run.Stdout + run.Stderr).NotTo(ContainSubstring(wifiPassphrase))

		command, said := h.start(ctx, "verify", "plug.run", "--allow-actuation", "--wait", "2m", "--for", "1h")
		said.until(ctx, "all works with nothing blocked")
		Expect(syscall.Kill(hostapds()[0], syscall.SIGKILL)).To(Succeed())
		Expect(strings.Count(said.text(), "is gone: hostapd has ended")).To(Equal(1), "no fault of the policy")
		Expect(command.Wait()).NotTo(Succeed())
		Expect(command.ProcessState.ExitCode()).To(Equal(3))
		h.expectAsBefore(ctx, before)
	}, SpecTimeout(30*time.Minute))

	It("comes back to where its name is taken, and where its radio is switched off", func(ctx SpecContext) {
		h := newWirelessHome(ctx)
		before, radioBefore := h.settled(ctx), h.radio()
		spec := h.guestSpec(wifi)
		cable, err := h.machine.Netlink().LinkByName("uplink")
		Expect(err).NotTo(HaveOccurred())
		_, err = radio.Of(h.machine, cable.Attrs().Index)
		Expect(err).To(MatchError(radio.ErrNone))

		command, said := h.start(ctx, "gateway", spec, "--wait", "2m", "--verbose")
		said.until(ctx, "add a macvlan interface") // after the Wi-Fi
		h.in(ctx, "ip link add wlan0 type veth peer name other")
		Expect(command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		Expect(said.text()).To(ContainSubstring("another link has taken the name wlan0"))
		Expect(command.Wait()).NotTo(Succeed())
		Expect(command.ProcessState.ExitCode()).To(Equal(3))
		h.in(ctx, "ip link del wlan0")
		Expect(h.needwant(ctx, "restore").Code).To(Equal(0))
		h.expectAsBefore(ctx, before)
		Expect(h.radio()).To(Equal(radioBefore))
		h.expectClean()

		command, said = h.start(ctx, "gateway", spec, "--wait", "2m", "--verbose")
		said.until(ctx, "add a macvlan interface")
		switchRadios(true)
		DeferCleanup(switchRadios, false)
		text := said.text()
		Expect(text).To(And(ContainSubstring("wlan0 stays down: its radio is switched off"), ContainSubstring("the route to 10.78.0.0/16 via 10.77.0.1"), ContainSubstring("is left out: wlan0 is down")))
		Expect(strings.Count(text, "is gone: hostapd has ended")).To(Equal(1), text)
		Expect(command.Wait()).NotTo(Succeed())
		Expect(command.ProcessState.ExitCode()).To(Equal(3))
		h.expectClean()
		switchRadios(false)
		h.in(ctx, "ip link set wlan0 up; ip route add 10.78.0.0/16 via 10.77.0.1; ip route add default via 10.77.0.1 metric 600")
		h.expectAsBefore(ctx, before)
		Expect(h.radio()).To(Equal(radioBefore))
	}, SpecTimeout(30*time.Minute))

	It("leaves the radio as it was when hostapd fails, hostapd dies, and needwant is killed", func(ctx SpecContext) {
		h := newWirelessHome(ctx)
		before, radio := h.settled(ctx), h.radio()
		spec := h.guestSpec(wifi)
		expectBack := func() {
			GinkgoHelper()
			h.expectAsBefore(ctx, before)
			Expect(h.radio()).To(Equal(radio))
			h.expectClean()
			Eventually(hostapds).WithContext(ctx).Should(BeEmpty())
		}

		folder := GinkgoT().TempDir()
		Expect(os.WriteFile(folder+"/hostapd", []byte("#!/bin/sh\necho nl80211: the radio is broken\nexit 1\n"), 0o600)).To(Succeed())
		Expect(os.Chmod(folder+"/hostapd", 0o700)).To(Succeed())
		failed := h.run(ctx, "env", "PATH="+folder+":"+os.Getenv("PATH"), program, "gateway", spec)
		Expect(failed.Code).To(Equal(3), failed.Stderr)
		Expect(failed.Stderr).To(ContainSubstring("nl80211: the radio is broken"))
		expectBack()

		expectGone := func(command *netns.Command, said *speech) {
			GinkgoHelper()
			Expect(hostapds()).To(HaveLen(1))
			Expect(syscall.Kill(hostapds()[0], syscall.SIGKILL)).To(Succeed())
			Expect(said.text()).To(ContainSubstring("the Wi-Fi \"our things\" is gone: hostapd has ended"))
			Expect(command.Wait()).NotTo(Succeed())
			Expect(command.ProcessState.ExitCode()).To(Equal(3))
			expectBack()
		}
		command, said := h.start(ctx, "gateway", spec, "--wait", "2m", "--verbose")
		said.until(ctx, "the device is behind the gateway")
		h.expectUntold(wifiPassphrase)
		expectGone(command, said)

		command, said = h.start(ctx, "bisect", spec, "--allow-actuation", "--wait", "2m")
		said.until(ctx, "control: nothing blocked") // and a block is about to be held
		h.expectUntold(wifiPassphrase)
		expectGone(command, said)
		cut, err := runfile.Load(context.Background(), filepath.Join(h.folder, "plug.run"))
		Expect(err).NotTo(HaveOccurred())
		Expect(cut.Status).To(Equal(harness.Interrupted))
		Expect(cut.Why).To(ContainSubstring("is gone: hostapd has ended"))
		Expect(cut.Results).To(HaveEach(HaveField("Trial.Block", BeEmpty())), "no block is judged by a device that was away")

		command, said = h.start(ctx, "gateway", spec, "--wait", "2m", "--verbose")
		said.until(ctx, "add a macvlan interface") // after the Wi-Fi
		Expect(command.Process.Kill()).To(Succeed())
		_ = command.Wait()
		expectBack()
	}, SpecTimeout(30*time.Minute))
})
