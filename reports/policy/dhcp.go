package policy

import (
	"errors"
	"strings"
)

// dhcp offers the owner's time server to the device by DHCP, and does nothing else. The lines
// are for dnsmasq; what other servers take is in comments.
func dhcp(d *draft, p Policy) error {
	own, ok := p.ownTime()
	switch {
	case !ok:
		return errors.New("DHCP names time servers over IPv4 alone (option 42): give that address of your time server")
	case !p.offered():
		return errors.New("the run does not prove that a time server named by DHCP is enough for the device: choose a format that leads it there, such as nft")
	}
	d.said = append(d.said, "The device uses it when it has renewed its lease.")
	d.lose("It blocks nothing: other exports do.")
	d.dnsmasqOffer(p)
	tag, mac := p.Device.table(), p.Device.mac()
	d.comment("OpenWrt, in /etc/config/dhcp:")
	for _, line := range []string{"config mac", "\toption mac '" + mac + "'", "\toption networkid '" + tag + "'", "\tlist dhcp_option '42," + own.String() + "'"} {
		d.comment("%s", line)
	}
	d.comment("RouterOS, if the device has a static lease:")
	d.comment(`/ip dhcp-server option add name=%s code=42 value="'%s'"`, tag, own)
	d.comment("/ip dhcp-server lease set [find mac-address=%s] dhcp-option=%s", strings.ToUpper(mac), tag) // as RouterOS shows it
	d.comment("Kea, among the reservations of the subnet:")
	d.comment(`{ "hw-address": "%s", "option-data": [ { "name": "ntp-servers", "data": "%s" } ] }`, mac, own)
	d.comment("ISC dhcpd, in dhcpd.conf:")
	d.comment("host %s { hardware ethernet %s; option ntp-servers %s; }", tag, mac, own)
	return nil
}
