package scenarios

import (
	"embed"

	"github.com/needwant/needwant/internal/yamlfile"
)

// specs has one YAML file for each spec that comes with the program.
//
//go:embed library/*.yaml
var specs embed.FS

var library = yamlfile.Library[File]{
	Files: specs, Folder: "library", Load: Load, Absent: "no spec of the library has this name, and no file",
	Parse: func(path string, text []byte) (File, error) {
		file, err := Parse(path, text)
		file.folder = "." // where the user stands: the library is in no folder
		return file, err
	},
}

// Entry is a spec of the library.
type Entry struct {
	Name string // as "roborock-s50"
	File File
}

// Library lists the specs that come with the program, by name.
func Library() (entries []Entry) {
	for _, name := range library.Names() {
		entries = append(entries, Entry{name, library.Named(name)})
	}
	return entries
}

// Find takes the name of a library spec, or the path of a file. What looks like
// a path (it has a slash, or ends in .yaml or .yml) is a path.
func Find(nameOrPath string) (File, error) { return library.Find(nameOrPath) }
