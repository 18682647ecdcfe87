package scenarios_test

// The heads of specs; what follows is on the line that each says.
const (
	// head begins a spec on a lab; scenarios come on line 4.
	head = "apiVersion: needwant/v1\nkind: Scenarios\ngateway: {placement: lab, world: s50-thread}\n"

	// labHead begins a scenario; its keys come on line 6.
	labHead = head + "scenarios:\n  one:\n"

	// nicHead begins a scenario of a real device; its keys come on line 8.
	nicHead = "apiVersion: needwant/v1\nkind: Scenarios\ndevice: {mac: \"7c:49:eb:00:00:01\", address: 192.168.50.10}\n" +
		"gateway: {placement: nic, inside: eth1, uplink: eth0}\nsecrets: {miio: env:TOKEN, hass: env:HASS}\nscenarios:\n  one:\n"
)
