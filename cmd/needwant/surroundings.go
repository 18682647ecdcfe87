package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/needwant/needwant/cmd/internal/nearby"
	"github.com/needwant/needwant/scenarios"
)

// surroundings are what can be seen of this machine and its home network.
type surroundings struct {
	hardware   hardware
	links      []networkLink
	neighbours func() []neighbour // waits until the search for them is over
}

// networkLink is an interface of this machine.
type networkLink struct {
	name      string
	up        bool
	addresses []string // with prefix lengths
	usual     bool     // the usual route leaves by it
	wifi      bool
}

// neighbour is a host of the home network.
type neighbour struct {
	address netip.Addr
	mac     net.HardwareAddr
	link    string // "" if it is not known
	name    string // as it calls itself; "" if it does not
}

// searching is how long a home network is searched for devices.
const searching = 2 * time.Second

// lookAround looks at this machine, and begins to search its networks for devices. What
// cannot be read is left out.
func lookAround(ctx context.Context) surroundings {
	var s surroundings
	s.hardware, _ = thisHardware()
	route, _ := os.ReadFile("/proc/net/route")
	usual, router := usualRoute(string(route))
	found := make(chan []nearby.Device, 1)
	go func() {
		bounded, stop := context.WithTimeout(ctx, searching)
		defer stop()
		devices, _ := nearby.Find(bounded)
		found <- devices
	}()
	s.neighbours = sync.OnceValue(func() []neighbour {
		devices := <-found
		arp, _ := os.ReadFile("/proc/net/arp") // has those that were found
		return slices.DeleteFunc(neighbours(string(arp), nearby.Leases(), devices), func(n neighbour) bool { return n.address == router })
	})
	all, _ := net.Interfaces()
	for _, one := range all {
		if one.Flags&net.FlagLoopback != 0 {
			continue
		}
		l := networkLink{name: one.Name, up: one.Flags&net.FlagUp != 0, usual: one.Name == usual, wifi: isWireless(os.DirFS("/sys/class/net"), one.Name)}
		addresses, _ := one.Addrs()
		for _, address := range addresses {
			l.addresses = append(l.addresses, address.String())
		}
		s.links = append(s.links, l)
	}
	return s
}

// usualRoute is the interface of the default route in /proc/net/route, and the router
// that it leads to; nothing if there is none.
func usualRoute(table string) (link string, router netip.Addr) {
	for lines := bufio.NewScanner(strings.NewReader(table)); lines.Scan(); {
		const destination, gateway, mask = 1, 2, 7 // columns
		fields := strings.Fields(lines.Text())
		if len(fields) <= mask || fields[destination] != "00000000" || fields[mask] != "00000000" {
			continue
		}
		if number, err := strconv.ParseUint(fields[gateway], 16, 32); err == nil && number != 0 {
			router = netip.AddrFrom4([4]byte(binary.NativeEndian.AppendUint32(nil, uint32(number))))
		}
		return fields[0], router
	}
	return "", netip.Addr{}
}

// mostNeighbours limits the devices that a person can choose from.
const mostNeighbours = 64

// neighbours are the hosts in /proc/net/arp, and those with a lease from this machine, with
// their names if they told any.
func neighbours(arp string, leases []nearby.Lease, devices []nearby.Device) (all []neighbour) {
	all = readNeighbours(arp)
	for _, lease := range leases {
		same := func(n neighbour) bool { return n.address == lease.Address }
		if i := slices.IndexFunc(all, same); i >= 0 {
			all[i].name = lease.Name
		} else if len(all) < mostNeighbours {
			all = append(all, neighbour{lease.Address, lease.MAC, "", lease.Name})
		}
	}
	for _, device := range devices {
		for i := range all {
			if all[i].address == device.Address {
				all[i].name = cmp.Or(device.Name, all[i].name)
			}
		}
	}
	slices.SortFunc(all, func(a, b neighbour) int { return a.address.Compare(b.address) })
	return all
}

// readNeighbours reads /proc/net/arp, as far as a person can choose from it.
func readNeighbours(table string) (all []neighbour) {
	for found := range eachNeighbour(table) {
		if all = append(all, found); len(all) == mostNeighbours {
			break
		}
	}
	return all
}

// neighbourAt returns the MAC address of a host in /proc/net/arp; nil if it is not there.
func neighbourAt(table string, address netip.Addr) net.HardwareAddr {
	for found := range eachNeighbour(table) {
		if found.address == address.Unmap() {
			return found.mac
		}
	}
	return nil
}

// macOf returns the MAC address of a host in a network of this machine, which is contacted
// for that; nil if it does not answer.
func macOf(address netip.Addr) net.HardwareAddr {
	const discard, patience, look = 9, time.Second, 50 * time.Millisecond
	socket, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(address, discard)))
	if err != nil {
		return nil
	}
	defer socket.Close()
	_, _ = socket.Write(nil) // makes the kernel ask for the MAC address
	for began := time.Now(); time.Since(began) < patience; <-time.After(look) {
		table, _ := os.ReadFile("/proc/net/arp")
		if mac := neighbourAt(string(table), address); mac != nil {
			return mac
		}
	}
	return nil
}

// eachNeighbour yields the entries of /proc/net/arp that have a MAC address.
func eachNeighbour(table string) iter.Seq[neighbour] {
	return func(yield func(neighbour) bool) {
		for line := range strings.Lines(table) {
			fields := strings.Fields(line)
			if len(fields) < 6 {
				continue
			}
			address, err := netip.ParseAddr(fields[0])
			mac, wrong := net.ParseMAC(fields[3])
			if err != nil || wrong != nil || slices.Max(mac) == 0 {
				continue
			}
			if !yield(neighbour{address: address, mac: mac, link: fields[5]}) {
				return
			}
		}
	}
}

// String describes it for a choice.
func (n neighbour) String() string {
	text := fmt.Sprintf("%s  %s", n.mac, n.address)
	if n.link != "" {
		text += " on " + n.link
	}
	for _, more := range []string{nearby.Vendor(n.mac), n.name} {
		if more != "" {
			text += ", " + more
		}
	}
	return text
}

// placements describes each one in a line, and says which of them this machine can use.
func (s surroundings) placements() []string {
	var lines []string
	for _, p := range scenarios.AllPlacements() {
		lines = append(lines, fmt.Sprintf("%-7s %s", p.Name, p.Where))
	}
	return append(lines, s.hardware.placements())
}

// recommended is the placement that asks the least of what this machine has.
func (s surroundings) recommended() string {
	switch {
	case s.hardware.wired > 1:
		return "nic"
	case s.hardware.wired == 1:
		return "onearm"
	}
	return scenarios.Lab
}

// lacks reports whether a placement needs two interfaces, and this machine does not have them.
func (s surroundings) lacks(placement string) bool {
	found, err := scenarios.PlacementOf(placement)
	usual := found.Usual
	return err == nil && usual.Inside != "" && usual.Inside != usual.Uplink && len(s.links)+len(s.hardware.lent) < 2
}

// interfaces describes those of this machine.
func (s surroundings) interfaces() []string {
	var lines []string
	for _, l := range s.links {
		words := []string{"down"}
		if l.up {
			words[0] = "up"
		}
		words = append(words, l.addresses...)
		if l.usual {
			words = append(words, "the way to the internet")
		}
		lines = append(lines, fmt.Sprintf("%-10s %s", l.name, strings.Join(words, ", ")))
	}
	return lines
}

func (s surroundings) has(link string) bool {
	return slices.ContainsFunc(s.links, func(l networkLink) bool { return l.name == link })
}

// uplink is the interface to the home network, which is not the one to the device except
// in a VLAN: that of the usual route, or the only one that is left; "" if none can be told.
func (s surroundings) uplink(gateway scenarios.Gateway) string {
	free := func(l networkLink) bool { return gateway.VLAN != 0 || l.name != gateway.Inside }
	return cmp.Or(s.first(func(l networkLink) bool { return l.usual && free(l) }), s.only(free))
}

// inside is an interface that may be meant for the device: that of the home network for a
// VLAN, a Wi-Fi for an access point, else one that has no address yet, or the only one that is
// left; "" if none can be told.
func (s surroundings) inside(gateway scenarios.Gateway) string {
	switch {
	case gateway.VLAN != 0:
		return s.first(func(l networkLink) bool { return l.usual })
	case gateway.Placement == "ap":
		return s.first(func(l networkLink) bool { return l.wifi && !l.usual })
	case gateway.Placement == "host":
		return s.first(func(l networkLink) bool { return !l.usual && len(l.addresses) > 0 })
	}
	free := func(l networkLink) bool { return !l.usual && !l.wifi }
	return cmp.Or(s.first(func(l networkLink) bool { return free(l) && len(l.addresses) == 0 }), s.only(free))
}

// first is the first interface that fits; "" if none does.
func (s surroundings) first(fits func(networkLink) bool) string {
	if i := slices.IndexFunc(s.links, fits); i >= 0 {
		return s.links[i].name
	}
	return ""
}

// only is the one interface that fits; "" if none does, or several do.
func (s surroundings) only(fits func(networkLink) bool) string {
	others := slices.DeleteFunc(slices.Clone(s.links), func(l networkLink) bool { return !fits(l) })
	if len(others) != 1 {
		return ""
	}
	return others[0].name
}

// devices lists the hosts of the home network, by number.
func (s surroundings) devices() []string {
	found := s.neighbours()
	if len(found) == 0 {
		return []string{"it is on the device's box, in its app, or in the list of your router. Or type the device's IP address: needwant looks it up"}
	}
	lines := []string{"it is on the device's box, in its app, in the list of your router, or one of these (type the number, or the device's IP address):"}
	for i, n := range found {
		lines = append(lines, fmt.Sprintf("%3d  %s", i+1, n))
	}
	return lines
}

// templateLines are the specs of the library, one a line.
func templateLines() []string {
	var lines []string
	for _, entry := range scenarios.Library() {
		lines = append(lines, fmt.Sprintf("%-16s %s", entry.Name, entry.File.About))
	}
	return lines
}
