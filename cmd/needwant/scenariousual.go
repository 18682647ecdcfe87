package main

import "github.com/needwant/needwant/scenarios"

// usualGateway has the keys that a placement needs, with values that are often
// right.
func usualGateway(placement string) scenarios.Gateway {
	const inside, uplink = "eth1", "eth0"
	switch placement {
	case scenarios.Lab:
		return scenarios.Gateway{Placement: placement, World: usualWorld}
	case scenarios.ByDNS:
		return scenarios.Gateway{Placement: placement}
	case "vlan":
		return scenarios.Gateway{Placement: placement, Inside: uplink, Uplink: uplink, VLAN: 50}
	case "onearm":
		return scenarios.Gateway{Placement: placement, Uplink: uplink}
	case "ap":
		return scenarios.Gateway{Placement: placement, Inside: "wlan0", Uplink: uplink, SSID: "things", Passphrase: "env:WIFI_PASSPHRASE"}
	}
	return scenarios.Gateway{Placement: placement, Inside: inside, Uplink: uplink}
}

// place moves a draft to a placement. A lab has a Home Assistant of its own.
func place(draft *scenarios.Draft, placement string) error {
	if err := scenarios.CheckPlacement(placement); err != nil {
		return err
	}
	draft.Gateway = usualGateway(placement)
	if draft.Lab() && draft.UsesHass() {
		draft.HassURL, draft.Entity = "http://192.168.1.5:8123", "vacuum.device"
	}
	return nil
}
