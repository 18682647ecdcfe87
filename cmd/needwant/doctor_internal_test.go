package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing/fstest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/guard"
	"github.com/needwant/needwant/netns/gateway/placement"
	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("the doctor", func() {
	It("sees a clock that forgot the time, and one that nobody keeps", func() {
		_, err := clock(time.Unix(0, 0), true)
		Expect(err).To(MatchError(ContainSubstring("says 1970-01-01")))
		Expect(clock(earliest.AddDate(1, 0, 0), false)).To(ContainSubstring("timedatectl set-ntp true"))
		Expect(clock(earliest.AddDate(1, 0, 0), true)).To(ContainSubstring("kept by a time server"))
	})

	It("warns of a clock that nobody keeps if a device gets its time", func() {
		time := map[harness.Destination]harness.StandIn{{Protocol: "udp", Port: 123, Name: "time.example"}: harness.TimeServer}
		Expect(unkept(time, false)).To(HavePrefix("warning: the device gets the time of this machine"))
		Expect(unkept(time, true)).To(BeEmpty())
		Expect(unkept(nil, false)).To(BeEmpty())
	})

	It("sees bridges that hand packets to the machine's rules", func() {
		says := func(value string, err error) func(string) ([]byte, error) {
			return func(string) ([]byte, error) { return []byte(value), err }
		}
		Expect(bridged(says("1\n", nil))).To(ContainSubstring("sysctl net.bridge.bridge-nf-call-iptables=0"))
		Expect(bridged(says("0\n", nil))).To(HavePrefix("pass packets without"))
		Expect(bridged(says("", os.ErrNotExist))).To(HavePrefix("pass packets without"))
	})

	It("says whether a Wi-Fi could be opened", func() {
		Expect(wifi(func(string) (string, error) { return "/usr/sbin/hostapd", nil })).To(HavePrefix("hostapd is there"))
		Expect(wifi(func(string) (string, error) { return "", exec.ErrNotFound })).To(ContainSubstring("'apt-get install hostapd'"))
	})

	It("says nothing of bridges that it could not ask for", func() {
		_, err := bridged(func(string) ([]byte, error) { return nil, syscall.EMFILE })
		Expect(err).To(MatchError(syscall.EMFILE))
	})

	It("has three levels, of which only a problem makes the machine unfit", func(ctx SpecContext) {
		says := func(found finding, err error) examination {
			return examination{"blocking", func(context.Context) (finding, error) { return found, err }, "use another kernel"}
		}
		var out bytes.Buffer
		Expect(examineAll(ctx, &out, []examination{says(ok("works"), nil), says(note("works slowly"), nil)})).To(Succeed())
		Expect(out.String()).To(Equal("OK      blocking              works\nnote    blocking              works slowly\n"))
		out.Reset()
		err := examineAll(ctx, &out, []examination{says(finding{}, errors.New("does not work"))})
		unfit, isExit := errors.AsType[*exitError](err)
		Expect(isExit).To(BeTrue())
		Expect(unfit.code).To(Equal(codeUnfit))
		Expect(out.String()).To(Equal("problem blocking              does not work\n                              use another kernel\n"))
	})

	It("has short lines in a file, too", func(ctx SpecContext) {
		var out bytes.Buffer
		long := strings.Repeat("a word and another, ", 30)
		Expect(examineAll(ctx, &out, []examination{{"blocking", func(context.Context) (finding, error) { return ok(long), nil }, ""}})).To(Succeed())
		Expect(strings.Join(strings.Fields(out.String()), " ")).To(Equal("OK blocking " + strings.TrimSpace(long)))
		for line := range strings.Lines(out.String()) {
			Expect(len(line)).To(BeNumerically("<=", 101), line)
		}
	})

	It("lists the interfaces that a running needwant has, and none of one that has died", func() {
		journal := func(pid int, link string) *guard.Journal {
			return &guard.Journal{PID: pid, Link: guard.Link{Name: link}}
		}
		const dead = 1<<22 + 1 // above the highest number of a process
		Expect(loans([]*guard.Journal{journal(os.Getpid(), "eth1"), journal(os.Getpid(), ""), journal(dead, "eth2")})).To(Equal([]loan{{"eth1", os.Getpid(), false}}))
	})

	DescribeTable("says which placements a machine can use", func(h hardware, says string) {
		Expect(h.placements()).To(Equal("this machine can use: " + says))
	},
		Entry("a mini-PC", hardware{wired: 1}, "lab, dns, onearm, vlan; ap needs a Wi-Fi interface; nic needs a second wired interface; host needs a machine that is your router"),
		Entry("a mini-PC with Wi-Fi", hardware{wired: 1, wifi: 1}, "lab, dns, onearm, vlan; ap needs hostapd ('apt-get install hostapd'); nic needs a second wired interface; host needs a machine that is your router"),
		Entry("a Raspberry Pi with an adapter", hardware{wired: 2, wifi: 1, hostapd: true}, "lab, dns, onearm, vlan, ap, nic; host needs a machine that is your router"),
		Entry("a mini-PC whose second interface a run has", hardware{wired: 1, lent: []loan{{"eth1", 4711, false}}}, "lab, dns, onearm, vlan, nic; ap needs a Wi-Fi interface; host needs a machine that is your router; another needwant (process 4711) has eth1 now"),
		Entry("a laptop", hardware{wifi: 1}, "lab, dns; onearm, vlan, ap and nic need a wired interface; host needs a machine that is your router"),
		Entry("a router", hardware{wired: 2, router: true}, "lab, dns, onearm, vlan, nic, host; ap needs a Wi-Fi interface"),
	)

	It("counts the interfaces of a machine", func() {
		folder := fstest.MapFS{}
		for _, path := range []string{"lo", "docker0", "docker0/bridge/x", "enp3s0", "enp3s0/device/x", "usb0", "usb0/device/x", "eth0", "veth12ab", "wlan0", "wlan0/phy80211/x", "wlan0/device/x", "tun0"} {
			name, rest, _ := strings.Cut(path, "/")
			if kind := map[string]string{"lo": "772\n", "tun0": "65534\n"}[name]; rest == "" {
				folder[name+"/type"] = &fstest.MapFile{Data: []byte(cmp.Or(kind, "1\n"))}
				continue
			}
			folder[path] = &fstest.MapFile{}
		}
		folder["bonding_masters"] = &fstest.MapFile{}
		Expect(interfaces(folder)).To(Equal(hardware{wired: 3, wifi: 1}))
	})

	It("gives a busy machine no remedy for its kernel", func(ctx SpecContext) {
		busy := examination{"blocking", func(context.Context) (finding, error) {
			return finding{}, &remediedError{errors.New("too busy"), "run it again"}
		}, "use another kernel"}
		var out bytes.Buffer
		Expect(examineAll(ctx, &out, []examination{busy})).NotTo(Succeed())
		Expect(out.String()).To(And(ContainSubstring("run it again"), Not(ContainSubstring("another kernel"))))
	})

	It("fits the window, and names what it examines meanwhile", func(ctx SpecContext) {
		terminal := &fakeTerminal{columns: 60, rows: 24}
		examinations := []examination{{"bridges", func(context.Context) (finding, error) {
			Eventually(terminal.shown).Should(ContainElement("examining: bridges"))
			return note("packets between the ports of a bridge pass the rules of this machine"), nil
		}, ""}}
		Expect(examineAll(ctx, terminal.screen(), examinations)).To(Succeed())
		Expect(terminal.shown()).To(Equal([]string{
			"note    bridges               packets between the ports of",
			"                              a bridge pass the rules of",
			"                              this machine",
		}))
	})

	It("knows that an ordinary user's network is not the machine's", func() {
		Expect(apart([]byte("         0       1000          1\n"), nil)).To(BeTrue())
		Expect(apart([]byte("         0          0 4294967295\n"), nil)).To(BeFalse())
	})

	DescribeTable("reports of a marked packet what was tried:", func(mark placement.Mark, says, not string) {
		seen := []harness.Contact{{Destination: harness.Destination{Protocol: "tcp", Port: 443, Name: "cloud.example"}}}
		found, err := crossed(seen, mark)
		Expect(err).NotTo(HaveOccurred())
		Expect(found).To(And(ContainSubstring(says), Not(ContainSubstring(not))))
		_, err = crossed(nil, mark)
		Expect(err).To(MatchError(Not(ContainSubstring("did not answer a marked packet"))))
	},
		Entry("it came back", placement.MarkCameBack, "a marked packet from another subnet came back", "did not answer"),
		Entry("it did not", placement.MarkNotBack, "did not answer a marked packet", "came back"),
		Entry("none was sent", placement.MarkNotSent, "crosses the gateway", "marked packet"),
	)

	DescribeTable("says how Home Assistant reaches the device, and what the user has to do for it:", func(controller string, gateway scenarios.Gateway, says string) {
		infos := []harness.ScenarioInfo{{Name: "app"}, {Name: "hass", Controller: controller}}
		Expect(metBy(infos, gateway)).To(ContainSubstring(says))
	},
		Entry("beside a device behind the gateway", harness.InDeviceNetwork, scenarios.Gateway{Placement: "nic"}, "for hass: no packet between the two crosses the gateway, so path stays unknown. Put it on this machine, or in the home network"),
		Entry("beside a device behind the user's router", harness.InDeviceNetwork, scenarios.Gateway{Placement: "host"}, "Put it on this router, or in another network of it"),
		Entry("in the home network, from where there may be no route", "lan", scenarios.Gateway{Placement: "nic"}, "for hass, which needs a route to the device's network"),
		Entry("in the home network, with a port of the gateway", "lan", scenarios.Gateway{Placement: "nic", Forward: []scenarios.Port{"udp/54321"}}, "reaches the device across the gateway, for hass"),
		Entry("in another network of the user's router", "lan", scenarios.Gateway{Placement: "host"}, "reaches the device across the gateway, for hass"),
		Entry("on this machine", "host", scenarios.Gateway{Placement: "nic"}, "reaches the device across the gateway, for hass"),
		Entry("nowhere", "", scenarios.Gateway{Placement: "nic"}, "judges no scenario alone"),
	)

	It("says how ordinary users get to run the lab", func() {
		Expect(ordinary("")).To(HavePrefix("may run the lab"))
		Expect(ordinary("allow them with 'x'")).To(HaveSuffix("restricted; allow them with 'x'"))
	})
})
