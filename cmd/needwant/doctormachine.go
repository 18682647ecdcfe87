package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// machineExaminations look at what may surprise on this machine. Only a clock
// that is far off is a problem. Everything else is at most a note, with its remedy, and
// the placements that cannot work with it say so themselves.
func machineExaminations() []examination {
	return []examination{
		{"ordinary users", func(context.Context) (finding, error) { return ordinary(netns.Restriction()), nil }, ""},
		{"other programs' rules", ofTheMachine(foreign), ""},
		{"bridges", ofTheMachine(func() (finding, error) { return bridged(os.ReadFile) }), ""},
		{"Wi-Fi", func(context.Context) (finding, error) { return wifi(exec.LookPath), nil }, ""},
		{"clock", func(context.Context) (finding, error) {
			kept, err := synchronised()
			if err != nil {
				return finding{}, err
			}
			return clock(time.Now(), kept)
		},
			"set it: 'sudo timedatectl set-ntp true', or 'sudo date --set …'"},
	}
}

// ofTheMachine looks at the machine's own network, if this runs in it.
func ofTheMachine(look func() (finding, error)) func(context.Context) (finding, error) {
	return func(context.Context) (finding, error) {
		elsewhere, err := apart(os.ReadFile("/proc/self/uid_map"))
		if err != nil {
			return finding{}, err
		}
		if elsewhere {
			return note("not checked, since needwant does not run as root: sudo needwant doctor checks it"), nil
		}
		return look()
	}
}

// ordinary says whether the lab needs root here.
func ordinary(restriction string) finding {
	if restriction == "" {
		return ok("may run the lab: the kernel does not restrict user namespaces")
	}
	return note("cannot run the lab: user namespaces are restricted; " + restriction)
}

// foreign says what else decides on this machine's packets. It matters to
// placement host alone, which works among them.
func foreign() (finding, error) {
	machine, err := netns.Own()
	if err != nil {
		return finding{}, err
	}
	defer machine.Close()
	legacy, err := chains.Legacy(machine)
	if err != nil {
		return finding{}, err
	}
	offloaded, err := chains.FlowTables(machine)
	if err != nil {
		return finding{}, err
	}
	var found []string
	if len(legacy) > 0 {
		found = append(found, fmt.Sprintf("rules of the legacy iptables in %s: placement host needs them moved ('iptables-legacy-save | iptables-nft-restore -n')", strings.Join(legacy, ", ")))
	}
	if len(offloaded) > 0 {
		found = append(found, fmt.Sprintf("flow offload by %s: placement host needs it off ('nft delete flowtable %s')", strings.Join(offloaded, ", "), offloaded[0]))
	}
	if len(found) == 0 {
		return ok("none of the legacy iptables, and no flow offload"), nil
	}
	return note(strings.Join(found, "; ")), nil
}

// bridged says whether what a bridge passes on meets the machine's rules.
func bridged(read func(path string) ([]byte, error)) (finding, error) {
	value, err := read("/proc/sys/net/bridge/bridge-nf-call-iptables")
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // it is there if br_netfilter is
		return finding{}, err
	}
	if err != nil || strings.TrimSpace(string(value)) == "0" {
		return ok("pass packets without the machine's rules"), nil
	}
	return note("hand packets to the machine's rules (br_netfilter): if the uplink is a bridge, other programs' rules may stop the device's packets; " +
		"'sudo sysctl net.bridge.bridge-nf-call-iptables=0' ends that, unless something here needs it"), nil
}

// wifi says whether placement ap could open one. Whether a radio can be an access
// point is looked at with a spec, which names it.
func wifi(find func(program string) (string, error)) finding {
	if _, err := find("hostapd"); err != nil {
		return note("hostapd is not installed: placement ap needs it ('apt-get install hostapd')")
	}
	return ok("hostapd is there, which placement ap needs")
}

// earliest is a time before which this program was not there.
var earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// clock refuses one that certificates would be refused with.
func clock(now time.Time, synchronised bool) (finding, error) {
	said := now.UTC().Format("2006-01-02 15:04 UTC")
	if now.Before(earliest) {
		return finding{}, fmt.Errorf("says %s, and so every certificate is refused", said)
	}
	if !synchronised {
		return note(said + ", not kept by a time server: 'sudo timedatectl set-ntp true' changes that; it matters only to the stand-in for time servers"), nil
	}
	return ok(said + ", kept by a time server"), nil
}

// synchronised asks the kernel whether a time server keeps its clock.
func synchronised() (bool, error) {
	var state unix.Timex
	_, err := unix.Adjtimex(&state) // to read it needs no rights
	return state.Status&unix.STA_UNSYNC == 0, err
}

// apart reports whether this runs in namespaces of its own, as for an ordinary
// user: then nothing can be said about the machine's own network.
func apart(uidMap []byte, err error) (bool, error) {
	fields := strings.Fields(string(uidMap))
	return len(fields) > 1 && fields[1] != "0", err
}
