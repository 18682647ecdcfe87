package scenarios

import (
	"bytes"
	_ "embed" // for the head of a draft
	"fmt"
	"net/netip"
	"strings"
	"text/template"

	"github.com/needwant/needwant/internal/yamlfile"
)

//go:embed draft.yaml.tmpl
var draftHead string

// Draft is what a new spec is made of: scenarios of the library, for a device
// and a home of somebody's own. What is left "" is as in the library, or in the
// examples.
type Draft struct {
	From    string // the library's spec
	Device  Device
	Gateway Gateway
	Secrets Secrets
	HassURL string // where their Home Assistant is
	Entity  string // the device there
	Broker  string // of MQTT
	Topic   string // the device's name in MQTT topics
	App     string // package of the vendor's app
	Shows   string // a word that the app shows if all is well
	Tuya    string // the device's ID at Tuya
	Page    string // of the device's own server: a path, or a URL
	Expect  string // what must be true of that page
}

// New begins a draft of a library spec with that spec's own values. An unknown
// name is an [*Error] that suggests another.
func New(from string) (Draft, error) {
	for _, entry := range Library() {
		if entry.Name != from {
			continue
		}
		f := entry.File
		setDefault(&f.Device.Name, from)
		setDefault(&f.Device.Address, netip.AddrFrom4([4]byte{192, 168, 50, 10})) // a lab's library spec has none
		setDefault(&f.Device.MAC, "02:00:00:00:00:01")
		if f.uses("miio") {
			setDefault(&f.Secrets.Miio, "env:DEVICE_TOKEN")
		}
		if f.usesHome() {
			setDefault(&f.Secrets.Hass, "env:HASS_TOKEN")
		}
		d := Draft{From: from, Device: f.Device, Gateway: f.Gateway, Secrets: f.Secrets, HassURL: f.homeURL(), Entity: f.entity()}
		d.Broker, d.Topic = f.mqtt()
		if strings.Contains(f.Text(), exampleApp) {
			d.App, d.Shows = exampleApp, exampleShows
		}
		if strings.Contains(f.Text(), exampleTuya) {
			d.Tuya = exampleTuya
		}
		if strings.Contains(f.Text(), examplePage) {
			d.Page, d.Expect = "/", exampleExpect
		}
		return d, nil
	}
	return Draft{}, &Error{File: from, Message: "no spec of the library has this name", Remedy: yamlfile.Suggest(from, library.Names())}
}

// UsesMiio and UsesHass tell which secrets the scenarios need.
func (d Draft) UsesMiio() bool { return d.library().uses("miio") }

// UsesHass reports whether a Home Assistant is asked.
func (d Draft) UsesHass() bool { return d.library().usesHome() }

// Settings says which keys of the gateway the placement needs besides.
func (d Draft) Settings() []string { return d.Gateway.placement().Needs() }

// Lab reports whether the device is a simulated one.
func (d Draft) Lab() bool { return d.Gateway.Placement == Lab }

// NamesAlone reports whether the placement sees and blocks nothing but names.
func (d Draft) NamesAlone() bool { return d.Gateway.Placement == ByDNS }

// KeepsAddress reports whether the device keeps the address that it has at home.
func (d Draft) KeepsAddress() bool { return d.Gateway.placement().keeps }

func (d Draft) library() File {
	file, _ := Find(d.From) // New has found it
	return file
}

// entity is that of the first hass step.
func (f File) entity() string {
	for _, spec := range f.Scenarios {
		for _, step := range spec.Steps {
			if look, ok := step.Do.(*Hass); ok {
				return look.Entity
			}
		}
	}
	return ""
}

// What the library's specs have in place of the user's own.
const (
	exampleApp    = "com.xiaomi.smarthome"
	exampleShows  = "Robot"
	exampleTuya   = "eb0123456789abcdefghij"
	examplePage   = `"http://192.168.50.10/"`
	exampleExpect = "status == 200"
)

// mqtt is the broker of the first mqtt step, and the device's name in its topics.
func (f File) mqtt() (broker, topic string) {
	for _, spec := range f.Scenarios {
		for _, step := range spec.Steps {
			if ask, ok := step.Do.(*MQTT); ok {
				if parts := strings.Split(ask.Topic, "/"); len(parts) > 1 {
					topic = parts[1]
				}
				return ask.Broker, topic
			}
		}
	}
	return "", ""
}

// Write is the spec with comments. It is a good one: what is wrong with the draft
// is an [*Error] in what was written, under the name.
func (d Draft) Write(name string) ([]byte, error) {
	head, err := template.New("draft").Option("missingkey=error").Parse(draftHead)
	if err != nil {
		return nil, fmt.Errorf("the head of a draft: %w", err)
	}
	var text bytes.Buffer
	if err := head.Execute(&text, d); err != nil {
		return nil, fmt.Errorf("the head of a draft: %w", err)
	}
	written := []byte(aligned(text.String()) + d.scenarios())
	_, err = Parse(name, written)
	return written, err
}

// aligned puts the comments behind tabs below one another.
func aligned(text string) string {
	const column = 38
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if said, comment, has := strings.Cut(line, "\t"); has {
			lines[i] = fmt.Sprintf("%-*s %s", column-1, said, comment)
		}
	}
	return strings.Join(lines, "\n")
}

// scenarios is that part of the library's text, with the addresses replaced.
func (d Draft) scenarios() string {
	file := d.library()
	_, text, _ := strings.Cut(file.Text(), "\nscenarios:\n")
	var pairs []string
	replace := func(before, after string) {
		if before != "" && after != "" {
			pairs = append(pairs, before, after)
		}
	}
	if d.Page != "" {
		replace(examplePage, d.Quoted(d.url()))
		replace("expect: "+exampleExpect, "expect: "+d.Quoted(d.Expect))
	}
	if d.Device.Address.IsValid() && file.Device.Address.IsValid() {
		replace(file.Device.Address.String(), inURL(d.Device.Address))
	}
	if d.Lab() { // everything is some forty times faster there
		pairs = append(pairs, "every: 15s", "every: 400ms", "max_gap_s < 60", "max_gap_s < 2",
			"retry: {attempts: 4, every: 5s}", "timeout: 1s\n    retry: {attempts: 4, every: 200ms}", "every: 5s", "every: 200ms")
	}
	replace(file.homeURL(), d.HassURL)
	replace(file.entity(), d.Entity)
	broker, topic := file.mqtt()
	replace(broker, d.Broker)
	if topic != "" && d.Topic != "" {
		replace("/"+topic+"/", "/"+d.Topic+"/")
	}
	replace(exampleApp, d.App)
	replace(exampleTuya, d.Tuya)
	if d.Shows != "" {
		replace(`"`+exampleShows+`"`, d.Quoted(d.Shows))
	}
	return "scenarios:\n" + strings.NewReplacer(pairs...).Replace(text)
}

// url is that of the device's page.
func (d Draft) url() string {
	if strings.HasPrefix(d.Page, "/") {
		return "http://" + inURL(d.Device.Address) + d.Page
	}
	return d.Page
}

// inURL is an address as it stands before a port.
func inURL(address netip.Addr) string {
	if address.Is6() {
		return "[" + address.String() + "]"
	}
	return address.String()
}

// Quoted is a text as YAML.
func (d Draft) Quoted(text string) string { return fmt.Sprintf("%q", text) }
