package lab

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// library holds one YAML file for each world that comes with the program.
//
//go:embed worlds/*.yaml
var library embed.FS

// Library lists the worlds that come with the program, by name.
func Library() (worlds []World) {
	for _, name := range worldNames() {
		worlds = append(worlds, named(name))
	}
	return worlds
}

// worldNames are the names of the library's worlds.
func worldNames() (names []string) {
	files, err := fs.Glob(library, pathOf("*"))
	if err != nil {
		panic(err) // it is a part of the program
	}
	for _, path := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".yaml"))
	}
	return names
}

// pathOf is where a world of the library is.
func pathOf(name string) string { return "worlds/" + name + ".yaml" }

// named is a world of the library, whose file has its name.
func named(name string) World {
	text, err := fs.ReadFile(library, pathOf(name))
	if err != nil {
		panic(err)
	}
	world, err := Parse(pathOf(name), text)
	if err != nil {
		panic(err) // a spec reads them all
	}
	return world
}

// Find takes the name of a library world, or the path of a file. What looks
// like a path (it has a slash, or ends in .yaml or .yml) is a path.
func Find(nameOrPath string) (World, error) {
	extension := filepath.Ext(nameOrPath)
	if strings.ContainsRune(nameOrPath, filepath.Separator) || extension == ".yaml" || extension == ".yml" {
		return Load(nameOrPath)
	}
	if slices.Contains(worldNames(), nameOrPath) {
		return named(nameOrPath), nil
	}
	if _, err := os.Stat(nameOrPath); err == nil {
		return Load(nameOrPath)
	}
	return World{}, &Error{
		File:    nameOrPath,
		Message: "neither a world of the library nor a file",
		Remedy:  suggest(nameOrPath, worldNames()),
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
