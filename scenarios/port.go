package scenarios

import (
	"fmt"
	"strconv"
	"strings"
)

// Port is a port with its protocol, as "udp/54321".
type Port string

// Split gives the protocol, tcp or udp, and the number, from 1.
func (p Port) Split() (protocol string, number uint16, err error) {
	protocol, text, _ := strings.Cut(string(p), "/")
	value, err := strconv.ParseUint(text, 10, 16)
	if err != nil || value == 0 || (protocol != "tcp" && protocol != "udp") {
		return "", 0, fmt.Errorf("%q is not a port of tcp or udp", string(p))
	}
	return protocol, uint16(value), nil
}
