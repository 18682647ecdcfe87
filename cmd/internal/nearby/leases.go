package nearby

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
)

// leaseFiles are where the DHCP servers of homes keep their leases in the form of dnsmasq:
// dnsmasq itself, Pi-hole and OpenWrt.
var leaseFiles = []string{"/var/lib/misc/dnsmasq.leases", "/etc/pihole/dhcp.leases", "/tmp/dhcp.leases"}

const longestLeases = 1 << 20 // bytes of one file

// Lease is a device that got its address from this machine.
type Lease struct {
	MAC     net.HardwareAddr
	Address netip.Addr // IPv4
	Name    string     // as the device called itself; "" if it did not
}

// Leases lists the devices to which this machine gave an address by DHCP, in the order of
// the files. If it does not, there are none.
func Leases() []Lease { return leasesIn(leaseFiles) }

func leasesIn(paths []string) (all []Lease) {
	for _, path := range paths {
		if file, err := openRegular(path); err == nil {
			all = append(all, readLeases(file)...)
			_ = file.Close() // it was read
		}
	}
	return all[:min(len(all), mostDevices)]
}

// openRegular opens a file that anyone may have put there: never a pipe, on which an open
// or a read would wait, and no symbolic link.
func openRegular(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// readLeases reads lines of a time, a MAC address, an IP address, a name or *, and an
// identifier. Others are left out.
func readLeases(in io.Reader) (all []Lease) {
	for lines := bufio.NewScanner(io.LimitReader(in, longestLeases)); lines.Scan() && len(all) < mostDevices; {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 {
			continue
		}
		mac, wrong := net.ParseMAC(fields[1])
		address, err := netip.ParseAddr(fields[2])
		if wrong != nil || err != nil || !address.Is4() {
			continue
		}
		all = append(all, Lease{mac, address, limited(name{text: strings.TrimPrefix(fields[3], "*")}).text})
	}
	return all
}
