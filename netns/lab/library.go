package lab

import (
	"embed"

	"github.com/needwant/needwant/internal/yamlfile"
)

// worlds has one YAML file for each world that comes with the program.
//
//go:embed worlds/*.yaml
var worlds embed.FS

var library = yamlfile.Library[World]{Files: worlds, Folder: "worlds", Parse: Parse, Load: Load, Absent: "neither a world of the library nor a file"}

// Library lists the worlds that come with the program, by name.
func Library() (all []World) {
	for _, name := range library.Names() {
		all = append(all, library.Named(name))
	}
	return all
}

// Find takes the name of a library world, or the path of a file. What looks
// like a path (it has a slash, or ends in .yaml or .yml) is a path.
func Find(nameOrPath string) (World, error) { return library.Find(nameOrPath) }
