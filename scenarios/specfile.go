package scenarios

import (
	"path/filepath"
	"reflect"
	"regexp"

	"github.com/needwant/needwant/internal/yamlfile"
)

// Error says what is wrong with a spec file, where, and what to do about it. It
// shows the line, without the secrets in it.
type Error = yamlfile.Error

// Load reads a spec file. Every error is an [*Error].
func Load(path string) (File, error) {
	text, err := format().Read(path)
	if err != nil {
		return File{}, err
	}
	return Parse(path, text)
}

// Parse reads a spec from YAML and fills in what it leaves out. The path need
// not be there; it names the text and the folder that the secrets' paths begin
// in. Every error is an [*Error] that shows the place.
func Parse(path string, text []byte) (File, error) {
	document, err := format().Open(path, text)
	if err != nil {
		return File{}, err
	}
	if document.Kind() == "World" {
		return File{}, document.Locate(yamlfile.FlawAt(keys("kind"), "give it to needwant lab, or write kind: Scenarios", "kind is \"World\": this is a world, and no spec"))
	}
	if err := document.Shape(document.Root, reflect.TypeFor[File](), "the spec"); err != nil {
		return File{}, err
	}
	var file File
	if err := document.Decode(&file); err != nil {
		return File{}, err
	}
	if flaw := file.check(); flaw != nil {
		return File{}, document.Locate(flaw)
	}
	file.fillIn()
	file.path, file.folder, file.text = path, filepath.Dir(path), string(text)
	return file, nil
}

// Wrong is an error about a place of a file that only its user could find, as
// that there is no such world.
func (f File) Wrong(message, remedy string, place ...string) *Error {
	document, err := format().Open(f.path, []byte(f.text))
	if err != nil {
		return &Error{File: f.path, Message: message, Remedy: remedy}
	}
	return document.Locate(yamlfile.FlawAt(place, remedy, "%s", message))
}

// format is what a spec file is like.
func format() yamlfile.Format {
	return yamlfile.Format{
		Noun:     "spec",
		Examples: "needwant scenario list",
		Shapes: map[reflect.Type]yamlfile.Shape{
			reflect.TypeFor[Secret](): secretShape,
			reflect.TypeFor[List]():   listShape,
			reflect.TypeFor[TLS]():    tlsShape,
			reflect.TypeFor[Step]():   stepShape,
		},
		// Tokens of miIO, and those of Home Assistant, wherever they turn up.
		Secret: regexp.MustCompile(`\b[0-9a-fA-F]{32,}\b|eyJ[\w-]{8,}(\.[\w-]+)*`),
	}
}
