package lab

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// library holds one YAML file for each world that comes with the program.
//
//go:embed worlds/*.yaml
var library embed.FS

// Library lists the worlds that come with the program, by name.
func Library() []World {
	entries, err := fs.ReadDir(library, "worlds")
	if err != nil {
		panic(err) // it is a part of the program
	}
	var worlds []World
	for _, entry := range entries {
		text, err := fs.ReadFile(library, "worlds/"+entry.Name())
		if err != nil {
			panic(err)
		}
		world, err := Parse("worlds/"+entry.Name(), text)
		if err != nil {
			panic(err) // a spec reads them all
		}
		worlds = append(worlds, world)
	}
	return worlds
}

// Find takes the name of a library world, or the path of a file. What looks
// like a path (it has a slash, or ends in .yaml or .yml) is a path.
func Find(nameOrPath string) (World, error) {
	extension := filepath.Ext(nameOrPath)
	if strings.ContainsRune(nameOrPath, filepath.Separator) || extension == ".yaml" || extension == ".yml" {
		return Load(nameOrPath)
	}
	var names []string
	for _, world := range Library() {
		if world.Name == nameOrPath {
			return world, nil
		}
		names = append(names, world.Name)
	}
	if _, err := os.Stat(nameOrPath); err == nil {
		return Load(nameOrPath)
	}
	return World{}, &Error{
		File:    nameOrPath,
		Message: "neither a world of the library nor a file",
		Remedy:  suggest(nameOrPath, names),
	}
}

// Load reads a world from a file. Every error is an [*Error].
func Load(path string) (World, error) {
	text, err := format().Read(path)
	if err != nil {
		return World{}, err
	}
	return Parse(path, text)
}
