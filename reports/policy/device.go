package policy

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/needwant/needwant/reports"
)

// Device says by what a rule knows the device. A run file does not hold its
// addresses: they are its owner's.
type Device struct {
	Name      string // for tables, lists and comments; the run's where it is ""
	Model     string // filled in from the run
	Firmware  string
	MAC       net.HardwareAddr // nil when not known
	Addresses []netip.Addr     // its own, at home
}

// The stand-ins for what nobody said: of the ranges for documentation, RFC 7042
// section 2.1.1 and RFC 5737. Rules with them load, and match nothing.
const (
	placeholderMAC     = "00:00:5e:00:53:01"
	placeholderAddress = "192.0.2.1"
)

// placeholder is what a text has in the place of the device's address; "" if it has none.
func placeholder(text string) string {
	for _, one := range []string{placeholderMAC, placeholderAddress} {
		if strings.Contains(text, one) {
			return one
		}
	}
	return ""
}

// of fills in what the run knows, and makes the texts harmless.
func (d Device) of(run reports.Device) (Device, error) {
	if d.MAC != nil && len(d.MAC) != 6 {
		return d, fmt.Errorf("%s is not an Ethernet address: write it as 7c:49:eb:00:00:01", d.MAC)
	}
	d.Name = short(harmless(cmp.Or(d.Name, run.Name, run.Model, "device")), 60)
	d.Model = short(harmless(run.Model), 60)
	d.Firmware = short(harmless(run.Firmware), 60)
	d.Addresses = slices.Clone(d.Addresses)
	for i, address := range d.Addresses {
		d.Addresses[i] = address.Unmap().WithZone("")
	}
	return d, nil
}

// title is the device in a comment.
func (d Device) title() string {
	return strings.TrimSpace(strings.Join([]string{d.Name, "(" + cmp.Or(d.Model, "model unknown"), d.Firmware}, " ")) + ")"
}

// mac is the hardware address, or the stand-in.
func (d Device) mac() string {
	if d.MAC == nil {
		return placeholderMAC
	}
	return d.MAC.String()
}

// byAddress reports whether rules know the device by its addresses alone.
func (d Device) byAddress() bool { return d.MAC == nil && len(d.Addresses) > 0 }

// only lists the device's addresses of one family.
func (d Device) only(family func(netip.Addr) bool) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(d.Addresses), func(a netip.Addr) bool { return !family(a) })
}

// slug is the name as the programs take one: letters, digits, underscores.
func (d Device) slug() string {
	var out strings.Builder
	for _, r := range strings.ToLower(d.Name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			out.WriteRune(r)
		case out.Len() > 0 && !strings.HasSuffix(out.String(), "_"):
			out.WriteByte('_')
		}
		if out.Len() == 18 { // a chain of iptables has 28 signs at most, and a prefix
			break
		}
	}
	return cmp.Or(strings.Trim(out.String(), "_"), "device")
}

// table is the name of tables, chains and lists of the device.
func (d Device) table() string { return "needwant_" + d.slug() }
