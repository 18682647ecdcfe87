package scenarios

// NativeApp is what a vendor's app does at home: one read and one action over
// miIO, both of which must succeed.
func NativeApp() Spec {
	return Spec{
		Name:   "native_app",
		Title:  "Required for Native App?",
		From:   "gateway",
		Checks: "one read (get_status) and one action (find_me) over the miIO local protocol",
		Steps: []Step{
			{Do: &Miio{Method: "get_status"}, Expect: "result[0].state >= 0"},
			{Do: &Miio{Method: "find_me", Params: []string{""}}, Expect: `result[0] == "ok"`},
		},
	}
}

// HomeAssistant has a Home Assistant at url poll the device, and then looks
// whether it finds the entity available.
func HomeAssistant(url, entity string) Spec {
	return Spec{
		Name:   "hass",
		Title:  "Required for HASS?",
		From:   "lan",
		Checks: "the state of the entity in Home Assistant, after a poll",
		Steps:  []Step{{Do: &Hass{URL: url, Entity: entity, Refresh: true}, Expect: `state != "unavailable"`}},
	}
}

// Remote is a command that a phone gives through the vendor's cloud: a POST to
// url, which succeeds with status 200 once the device has obeyed.
func Remote(url string) Spec {
	return Spec{
		Name:   "remote",
		Title:  "Required from afar?",
		From:   "host",
		Checks: "a command from the phone through the vendor's cloud",
		Steps:  []Step{{Do: &HTTP{Method: "POST", URL: url}, Expect: "status == 200"}},
	}
}
