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

// Infos are what a report says of the scenarios: from where each is judged, as the
// spec says. Of one that does nothing but look at entities it also says where their
// Home Assistant is; if the spec does not say from where that is asked, it is from
// there.
func (l List) Infos(around Neighbourhood) (infos []harness.ScenarioInfo) {
	for _, spec := range l {
		info := spec.Info()
		if controller, alone := spec.controller(); alone {
			info.Controller = around.place(controller)
			if spec.From == "" && info.Controller != harness.InDeviceNetwork {
				info.Vantage = info.Controller
			}
		}
		infos = append(infos, info)
	}
	return infos
}

// place is where a controller is: host on this machine, and lan anywhere at home
// but in the device's own network.
func (n Neighbourhood) place(controller netip.Addr) string {
	switch {
	case n.Machine != nil && n.Machine(controller), controller.IsLoopback():
		return "host"
	case n.Device.Contains(controller):
		return harness.InDeviceNetwork
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
