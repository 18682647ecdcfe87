package nearby

import (
	_ "embed" // for the vendors
	"encoding/hex"
	"net"
	"strings"
	"sync"
)

//go:embed vendors.txt
var vendorLines string

// vendors has the makers by the first three bytes of their MAC addresses, in hexadecimal.
var vendors = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(vendorLines) {
		if name, prefixes, is := strings.Cut(line, ": "); is && !strings.HasPrefix(line, "#") {
			for _, prefix := range strings.Fields(prefixes) {
				all[prefix] = name
			}
		}
	}
	return all
})

// Vendor is the maker of a device or of its radio, by its MAC address; "" if it is not one of
// those that are often found in homes.
func Vendor(mac net.HardwareAddr) string {
	if len(mac) < 3 {
		return ""
	}
	return vendors()[hex.EncodeToString(mac[:3])]
}
