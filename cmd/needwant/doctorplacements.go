package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"github.com/needwant/needwant/netns/gateway/guard"
)

// hardware is what the placements need of a machine.
type hardware struct {
	wired   int  // Ethernet interfaces
	wifi    int  // Wi-Fi interfaces
	hostapd bool // is installed
	router  bool // the machine forwards packets
	lent    []loan
}

// loan is an interface that a running needwant has moved into its gateway.
type loan struct {
	link string
	pid  int
	wifi bool
}

// usablePlacements says which placements this machine can use.
func usablePlacements() (finding, error) {
	machine, err := thisHardware()
	if err != nil {
		return finding{}, err
	}
	return ok(machine.placements()), nil
}

// thisHardware is that of this machine.
func thisHardware() (hardware, error) {
	machine, err := interfaces(os.DirFS("/sys/class/net"))
	if err != nil {
		return hardware{}, err
	}
	_, missing := exec.LookPath("hostapd")
	machine.hostapd = missing == nil
	forwarding, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	machine.router = err == nil && strings.TrimSpace(string(forwarding)) == "1"
	journals, _ := guard.Journals(guard.Folder()) // what cannot be read says nothing of a loan
	machine.lent = loans(journals)
	return machine, nil
}

// loans are the interfaces that running programs have borrowed.
func loans(journals []*guard.Journal) (lent []loan) {
	for _, journal := range journals {
		if journal.Link.Name != "" && journal.Alive() {
			lent = append(lent, loan{journal.Link.Name, journal.PID, journal.Link.Radio != nil})
		}
	}
	return lent
}

// interfaces counts a machine's interfaces, by the folder /sys/class/net.
func interfaces(folder fs.FS) (machine hardware, err error) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return machine, err
	}
	has := func(name, file string) bool {
		_, err := fs.Stat(folder, name+"/"+file)
		return err == nil
	}
	for _, entry := range entries {
		name := entry.Name()
		kind, err := fs.ReadFile(folder, name+"/type")
		if errors.Is(err, fs.ErrNotExist) { // it has just gone, or is not an interface
			continue
		}
		if err != nil {
			return machine, err
		}
		const ethernet = "1" // ARPHRD_ETHER, of linux/if_arp.h
		switch {
		case strings.TrimSpace(string(kind)) != ethernet || has(name, "bridge"):
		case isWireless(folder, name):
			machine.wifi++
		case has(name, "device") || strings.HasPrefix(name, "en") || strings.HasPrefix(name, "eth"): // a container's eth0 has no device
			machine.wired++
		}
	}
	return machine, nil
}

// isWireless reports whether an interface is a Wi-Fi, by the folder /sys/class/net.
func isWireless(folder fs.FS, name string) bool {
	for _, mark := range []string{"phy80211", "wireless"} {
		if _, err := fs.Stat(folder, name+"/"+mark); err == nil {
			return true
		}
	}
	return false
}

// placements says which ones can be used, and what the others need.
func (h hardware) placements() string {
	usable, needs := []string{"lab", "dns"}, []string{}
	consider := func(placement string, lacks ...string) {
		for _, lack := range lacks {
			if lack != "" {
				needs = append(needs, placement+" needs "+lack)
				return
			}
		}
		usable = append(usable, placement)
	}
	wired, wifi := h.wired, h.wifi
	for _, l := range h.lent {
		if l.wifi {
			wifi++
		} else {
			wired++
		}
	}
	if wired == 0 {
		needs = append(needs, "onearm, vlan, ap and nic need a wired interface")
	} else {
		consider("onearm")
		consider("vlan")
		consider("ap", unless(wifi > 0, "a Wi-Fi interface"), unless(h.hostapd, "hostapd ('apt-get install hostapd')"))
		consider("nic", unless(wired > 1, "a second wired interface"))
	}
	consider("host", unless(h.router, "a machine that is your router"))
	for _, l := range h.lent {
		needs = append(needs, fmt.Sprintf("another needwant (process %d) has %s now", l.pid, l.link))
	}
	return strings.Join(append([]string{"this machine can use: " + strings.Join(usable, ", ")}, needs...), "; ")
}

// unless is what lacks, unless it is there.
func unless(there bool, lack string) string {
	if there {
		return ""
	}
	return lack
}
