package lab

import (
	"net/netip"
	"reflect"

	"github.com/needwant/needwant/internal/yamlfile"
)

// Load reads a world from a file. Every error is an [*Error].
func Load(path string) (World, error) {
	text, err := format().Read(path)
	if err != nil {
		return World{}, err
	}
	return Parse(path, text)
}

// Parse reads a world from YAML and fills in what it leaves out. Every error is
// an [*Error] that names file and shows the place.
func Parse(file string, text []byte) (World, error) {
	document, err := format().Open(file, text)
	if err != nil {
		return World{}, err
	}
	if document.Kind() == "Scenarios" {
		return World{}, document.Locate(flawAt(keys("kind"), "give it to needwant check or bisect, or write kind: World", "kind is \"Scenarios\": this is a spec, and no world"))
	}
	if err := document.Shape(document.Root, reflect.TypeFor[World](), "the world"); err != nil {
		return World{}, err
	}
	world := World{Tempo: usualTempo()} // so that a zero in the text stays one, and is refused
	if err := document.Decode(&world); err != nil {
		return World{}, err
	}
	world.fillIn()
	if flaw := world.check(); flaw != nil {
		return World{}, document.Locate(flaw)
	}
	world.text = string(text)
	return world, nil
}

// MarshalYAML writes the resolver by a pointer: the encoder would take every
// address for an empty struct, and leave it out.
func (d Device) MarshalYAML() (any, error) {
	written := struct {
		Model    string      `yaml:"model"`
		Firmware string      `yaml:"firmware,omitempty"`
		Token    string      `yaml:"token,omitempty"`
		Resolver *netip.Addr `yaml:"resolver,omitempty"`
		AsksTime bool        `yaml:"time_by_dhcp,omitempty"`
		OwnOnly  bool        `yaml:"own_subnet,omitempty"`
	}{Model: d.Model, Firmware: d.Firmware, Token: d.Token, AsksTime: d.AsksTime, OwnOnly: d.OwnOnly}
	if d.Resolver.IsValid() {
		written.Resolver = &d.Resolver
	}
	return written, nil
}

// format is what a file of a world is like.
func format() yamlfile.Format {
	return yamlfile.Format{
		Noun:     "world",
		Examples: "needwant world list",
		Keys:     map[reflect.Type]string{reflect.TypeFor[Functions](): "function"},
	}
}

// suggest says which of the known words was probably meant, or lists them all.
func suggest(word string, known []string) string { return yamlfile.Suggest(word, known) }
