package main

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/scenarios"
)

// question is one thing that a new spec needs to know: a flag, and what a person is
// asked if the flag is not given.
type question struct {
	flag  string
	asks  string // what is asked
	usual func(d *scenarios.Draft) string
	set   func(d *scenarios.Draft, answer string) error
	// wanted reports whether the draft, as far as it is known, needs it; nil: always.
	wanted func(d *scenarios.Draft) bool
	// about is what a person is told before the question; nil: nothing.
	about func(d *scenarios.Draft, s surroundings) []string
	// offer is the answer that a person gives by Enter, or "" if there is none and the
	// question must be answered; nil: the usual one.
	offer func(d *scenarios.Draft, s surroundings) string
	// alone answers if neither a flag nor a person does; nil: as the example has it.
	alone func(d *scenarios.Draft) error
	// means is the answer that a person means by what was typed; nil: just that.
	means func(typed string, s surroundings) (string, error)
	// optional: without a usual answer, Enter leaves it out.
	optional bool
	// unsuited says why an answer does not suit this machine, as one that names what it does not have; nil: any does.
	unsuited func(d *scenarios.Draft, answer string, s surroundings) string
}

// questions are in the order in which they are asked.
func questions() []question {
	return slices.Concat(aboutGateway(), aboutDevice(), aboutScenarios())
}

// asks is a question whose answer is a text of the draft.
func asks(flag, text string, field func(d *scenarios.Draft) *string, wanted func(*scenarios.Draft) bool) question {
	return question{
		flag: flag, asks: text, wanted: wanted,
		usual: func(d *scenarios.Draft) string { return *field(d) },
		set:   func(d *scenarios.Draft, answer string) error { *field(d) = answer; return nil },
	}
}

func realDevice(d *scenarios.Draft) bool { return !d.Lab() }

// needs returns a function that reports whether the draft's placement needs a setting.
func needs(setting string) func(*scenarios.Draft) bool {
	return func(d *scenarios.Draft) bool { return slices.Contains(d.Settings(), setting) }
}

// uses returns a function that reports whether the draft's scenarios use a value.
func uses(field func(*scenarios.Draft) *string) func(*scenarios.Draft) bool {
	return func(d *scenarios.Draft) bool { return *field(d) != "" }
}

func aboutGateway() []question {
	return []question{
		{
			flag: "placement", asks: "how the device is connected: " + strings.Join(scenarios.Placements(), ", "),
			usual: func(d *scenarios.Draft) string { return d.Gateway.Placement },
			set:   place,
			about: func(_ *scenarios.Draft, s surroundings) []string { return s.placements() },
			offer: func(_ *scenarios.Draft, s surroundings) string { return s.recommended() },
			unsuited: func(_ *scenarios.Draft, answer string, s surroundings) string {
				if s.lacks(answer) {
					return fmt.Sprintf("placement %s needs two interfaces, one to the device and one to the home network", answer)
				}
				return ""
			},
		},
		{
			flag: "world", asks: "the simulated device, of 'needwant world list'",
			usual: func(d *scenarios.Draft) string { return d.Gateway.World },
			set: func(d *scenarios.Draft, answer string) error {
				d.Gateway.World = answer
				_, err := lab.Find(answer)
				return err
			},
			wanted: needs("world"),
		},
		link(asks("inside", "the interface to the device, e.g. eth1", func(d *scenarios.Draft) *string { return &d.Gateway.Inside }, needs("inside")), surroundings.inside, func(_ *scenarios.Draft, s surroundings) []string { return s.interfaces() }),
		link(asks("uplink", "the interface to your home network, e.g. eth0", func(d *scenarios.Draft) *string { return &d.Gateway.Uplink }, needs("uplink")), surroundings.uplink, func(d *scenarios.Draft, s surroundings) []string {
			if needs("inside")(d) { // then they were listed just now
				return nil
			}
			return s.interfaces()
		}),
		{
			flag: "vlan", asks: "the number of the device's VLAN",
			usual: func(d *scenarios.Draft) string { return strconv.Itoa(d.Gateway.VLAN) },
			set: func(d *scenarios.Draft, answer string) (err error) {
				if d.Gateway.VLAN, err = strconv.Atoi(answer); err != nil {
					return fmt.Errorf("%q is not a number: write one from 1 to 4094", answer)
				}
				return nil
			},
			wanted: needs("vlan"),
		},
		asks("ssid", "the name of the Wi-Fi", func(d *scenarios.Draft) *string { return &d.Gateway.SSID }, needs("ssid")),
		asks("passphrase", "where its passphrase is, env:NAME or file:PATH", func(d *scenarios.Draft) *string { return (*string)(&d.Gateway.Passphrase) }, needs("passphrase")),
	}
}

func aboutDevice() []question {
	return []question{
		asks("name", "what you call the device", func(d *scenarios.Draft) *string { return &d.Device.Name }, realDevice),
		optional(asks("model", "its model, e.g. roborock.vacuum.s5", func(d *scenarios.Draft) *string { return &d.Device.Model }, realDevice)),
		hardwareAddress(asks("mac", "its MAC address", func(d *scenarios.Draft) *string { return &d.Device.MAC }, realDevice)),
		{
			flag: "address", asks: "its IP address",
			usual: func(d *scenarios.Draft) string { return d.Device.Address.String() },
			set: func(d *scenarios.Draft, answer string) (err error) {
				if d.Device.Address, err = netip.ParseAddr(answer); err != nil {
					return fmt.Errorf("%q is not an IP address: write one as 192.168.50.10", answer)
				}
				return nil
			},
			wanted: realDevice, about: whichAddress, offer: usualAddress, unsuited: atHomeAlready,
		},
	}
}

func aboutScenarios() []question {
	broker := func(d *scenarios.Draft) *string { return &d.Broker }
	topic := func(d *scenarios.Draft) *string { return &d.Topic }
	app := func(d *scenarios.Draft) *string { return &d.App }
	shows := func(d *scenarios.Draft) *string { return &d.Shows }
	page := asks("page", "a page that the device itself serves: its path, e.g. /status, or its URL", func(d *scenarios.Draft) *string { return &d.Page },
		uses(func(d *scenarios.Draft) *string { return &d.Page }))
	page.set = setPage
	hass := func(d *scenarios.Draft) bool { return d.UsesHass() }
	return []question{
		page,
		asks("expect", "what is true of that page if all is well, e.g. status == 200 && json.on == true", func(d *scenarios.Draft) *string { return &d.Expect },
			uses(func(d *scenarios.Draft) *string { return &d.Page })),
		asks("broker", "where the MQTT broker is, e.g. 192.168.1.5:1883", broker, uses(broker)),
		asks("topic", "the device's name in MQTT topics", topic, uses(topic)),
		asks("app", "the app's package on the phone, as 'adb shell pm list packages' shows it", app, uses(app)),
		asks("shows", "a word that the app shows if all is well", shows, uses(shows)),
		asks("tuya-id", "its device ID, as 'python3 -m tinytuya wizard' shows it", func(d *scenarios.Draft) *string { return &d.Tuya },
			uses(func(d *scenarios.Draft) *string { return &d.Tuya })),
		asks("miio-token", "where its miIO token is, env:NAME or file:PATH", func(d *scenarios.Draft) *string { return (*string)(&d.Secrets.Miio) },
			func(d *scenarios.Draft) bool { return realDevice(d) && d.UsesMiio() }),
		asks("hass-url", "where your Home Assistant is, e.g. http://192.168.1.5:8123", func(d *scenarios.Draft) *string { return &d.HassURL }, hass),
		asks("entity", "the device's entity there, e.g. vacuum.s50", func(d *scenarios.Draft) *string { return &d.Entity }, hass),
		asks("hass-token", "where its long-lived access token is, env:NAME or file:PATH", func(d *scenarios.Draft) *string { return (*string)(&d.Secrets.Hass) },
			func(d *scenarios.Draft) bool { return realDevice(d) && hass(d) }),
	}
}

// setPage takes a path, or a URL. Its host is a name, or the address that the device has then.
func setPage(d *scenarios.Draft, answer string) error {
	if strings.HasPrefix(answer, "/") {
		d.Page = answer
		return nil
	}
	page, err := url.Parse(answer)
	if err != nil || page.Host == "" {
		return fmt.Errorf("%q is not a page: write its path, e.g. /status, or a URL, e.g. https://%s:8443/status", answer, d.Device.Address)
	}
	if host, err := netip.ParseAddr(page.Hostname()); err == nil && host != d.Device.Address {
		return fmt.Errorf("the device has the address %s in the experiment: write the path alone, e.g. %s", d.Device.Address, page.RequestURI())
	}
	d.Page = answer
	return nil
}

// place moves a draft to a placement. A lab has a Home Assistant of its own.
func place(draft *scenarios.Draft, placement string) error {
	found, err := scenarios.PlacementOf(placement)
	if err != nil {
		return err
	}
	draft.Gateway = found.Usual
	if draft.Lab() && draft.UsesHass() {
		draft.HassURL, draft.Entity = "http://192.168.1.5:8123", "vacuum.device"
	}
	return nil
}

// optional makes a question one that need not be answered.
func optional(q question) question {
	q.optional = true
	return q
}

// link makes a question one for an interface of this machine.
func link(q question, offer func(surroundings, scenarios.Gateway) string, about func(*scenarios.Draft, surroundings) []string) question {
	q.about = about
	q.offer = func(d *scenarios.Draft, s surroundings) string { return offer(s, d.Gateway) }
	q.unsuited = func(_ *scenarios.Draft, answer string, s surroundings) string {
		if s.has(answer) {
			return ""
		}
		return fmt.Sprintf("this machine has no interface %s", answer)
	}
	return q
}

// hardwareAddress makes a question one for a device of the home network. There is no
// usual answer: another device's address would be waited for without end.
func hardwareAddress(q question) question {
	q.about = func(_ *scenarios.Draft, s surroundings) []string { return s.devices() }
	q.offer = func(*scenarios.Draft, surroundings) string { return "" }
	q.alone = func(d *scenarios.Draft) error {
		d.Device.MAC = ""
		if p, err := scenarios.PlacementOf(d.Gateway.Placement); err == nil && p.NeedsMAC() {
			return fmt.Errorf("placement %s needs the device's MAC address: its label has it, or your router's list of devices", d.Gateway.Placement)
		}
		return nil
	}
	q.means = func(typed string, s surroundings) (string, error) {
		found := s.neighbours()
		if n, err := strconv.Atoi(typed); err == nil && n >= 1 && n <= len(found) {
			return found[n-1].mac.String(), nil
		}
		address, err := netip.ParseAddr(typed)
		if err != nil {
			return typed, nil
		}
		mac := macOf(address)
		if mac == nil {
			return "", fmt.Errorf("%s did not answer in this machine's networks. Is the device switched on? Is this its address now?", address)
		}
		return mac.String(), nil
	}
	return q
}

// usualAddress is the one that the device has at home, if it keeps that and was found
// there; otherwise the example's.
func usualAddress(d *scenarios.Draft, s surroundings) string {
	if d.KeepsAddress() && d.Device.MAC != "" {
		for _, n := range s.neighbours() {
			if n.mac.String() == d.Device.MAC {
				return n.address.String()
			}
		}
	}
	return d.Device.Address.String()
}

// whichAddress says whether the device keeps its address.
func whichAddress(d *scenarios.Draft, _ surroundings) []string {
	if d.KeepsAddress() {
		return []string{"the address that the device has in your home network now"}
	}
	return []string{"a new address, in a network that your home does not use: the device gets it from the gateway"}
}

// atHomeAlready says that a new address is in the home network, which the gateway would refuse. What
// else this machine is in does not matter: the interface to the device may have the address of its router.
func atHomeAlready(d *scenarios.Draft, _ string, s surroundings) string {
	if d.KeepsAddress() {
		return ""
	}
	for _, l := range s.links {
		if l.name != d.Gateway.Uplink {
			continue
		}
		for _, text := range l.addresses {
			if home, err := netip.ParsePrefix(text); err == nil && home.Contains(d.Device.Address) {
				return fmt.Sprintf("%s is in the network of %s, and behind the gateway the device needs a network of its own", d.Device.Address, l.name)
			}
		}
	}
	return ""
}

// doubt says what is wrong with an answer that the draft has now. After the first of two
// interfaces, the second is still to come.
func (q question) doubt(draft scenarios.Draft) error {
	if q.flag == "inside" {
		return nil
	}
	_, err := draft.Write("the answer")
	if wrong, ok := errors.AsType[*scenarios.Error](err); ok {
		return fmt.Errorf("%s: %s", wrong.Message, wrong.Remedy)
	}
	return err
}

// take sets what was answered; nothing where the answer is empty.
func (q question) take(draft *scenarios.Draft, answer string) error {
	if answer == "" {
		return nil
	}
	return q.set(draft, answer)
}
