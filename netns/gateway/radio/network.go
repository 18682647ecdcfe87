package radio

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// Network is a Wi-Fi for one device.
type Network struct {
	Link       string // of the radio that opens it
	SSID       string // its name: 1 to 32 bytes (IEEE 802.11, 9.4.2.2)
	Passphrase string // 8 to 63 characters of ASCII (the same, J.4.1)

	// Only may join. Everybody at home knows the name and the passphrase, where
	// they are those of the home's own Wi-Fi, and would be caught in this one.
	Only net.HardwareAddr
}

// Channel is the one that every Wi-Fi here is on: of 2.4 GHz, which every device
// has, and one that every country allows. So nobody needs to say in which country
// the radio is, which would change it for all of the machine.
const Channel = 6

// Validate refuses what no Wi-Fi can have, except for the passphrase, which is read
// later.
func (n Network) Validate() error {
	hidden := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case n.SSID == "" || len(n.SSID) > 32 || strings.ContainsFunc(n.SSID, hidden):
		return fmt.Errorf("ssid %q: the name of a Wi-Fi has 1 to 32 bytes, this one %d; and none of them controls a terminal", n.SSID, len(n.SSID))
	case n.Only == nil:
		return errors.New("a Wi-Fi needs the hardware address of the device, which alone may join it: write device: {mac: …}")
	}
	return nil
}

// ValidatePassphrase refuses what no Wi-Fi can have. The error does not tell it.
func ValidatePassphrase(text string) error {
	odd := func(r rune) bool { return r < ' ' || r > '~' }
	if len(text) < 8 || len(text) > 63 || strings.ContainsFunc(text, odd) {
		return errors.New("passphrase: that of a Wi-Fi has 8 to 63 characters, of ASCII alone: look what env: or file: leads to")
	}
	return nil
}

// settings are those for hostapd (hostapd.conf). Who may join stands in another
// file.
func (n Network) settings(members string) string {
	return strings.Join([]string{
		"interface=" + n.Link,
		"driver=nl80211",
		"logger_syslog=0", // what it has to say, it says to us
		fmt.Sprintf("ssid2=%x", n.SSID),
		"hw_mode=g",
		fmt.Sprintf("channel=%d", Channel),
		"macaddr_acl=1", // who is not listed may not join
		"accept_mac_file=" + members,
		"wpa=2",
		"wpa_key_mgmt=WPA-PSK",
		"rsn_pairwise=CCMP",
		"wpa_passphrase=" + n.Passphrase,
	}, "\n") + "\n"
}
