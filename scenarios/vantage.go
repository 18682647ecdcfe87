package scenarios

import (
	"net/netip"
	"net/url"

	"github.com/needwant/needwant/harness"
)

// Neighbourhood tells where an address is, as seen from the device.
type Neighbourhood struct {
	Device  netip.Prefix                  // its network
	Machine func(address netip.Addr) bool // whether this machine has the address
}

// Infos are what a report says of the scenarios. One that does nothing but look at
// entities is judged from where its Home Assistant stands, wherever that is asked
// from: gateway where it is in the device's own network, host on this machine, and
// lan anywhere else at home.
func (l List) Infos(around Neighbourhood) (infos []harness.ScenarioInfo) {
	for _, spec := range l {
		info := spec.Info()
		if controller, alone := spec.controller(); alone {
			info.Vantage = around.vantage(controller)
		}
		infos = append(infos, info)
	}
	return infos
}

func (n Neighbourhood) vantage(controller netip.Addr) string {
	switch {
	case n.Machine != nil && n.Machine(controller), controller.IsLoopback():
		return "host"
	case n.Device.Contains(controller):
		return "gateway"
	}
	return "lan"
}

// controller is the address of the one Home Assistant that judges. It is not
// alone where other steps judge too, or where the address has to be looked up.
func (s Spec) controller() (address netip.Addr, alone bool) {
	for _, step := range s.Steps {
		switch do := step.Do.(type) {
		case *Hass:
			where, err := url.Parse(do.URL)
			if err != nil {
				return address, false
			}
			found, err := netip.ParseAddr(where.Hostname())
			if where.Hostname() == "localhost" {
				found, err = netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
			}
			if err != nil || address.IsValid() && address != found {
				return address, false
			}
			address = found
		case *Wait, *Prompt, *Power:
		default:
			return address, false
		}
	}
	return address, address.IsValid()
}
