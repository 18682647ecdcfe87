package scenarios

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/needwant/needwant/internal/yamlfile"
)

// library holds one YAML file for each spec that comes with the program.
//
//go:embed library/*.yaml
var library embed.FS

// Entry is a spec of the library.
type Entry struct {
	Name string // as "roborock-s50"
	File File
}

// Library lists the specs that come with the program, by name.
func Library() (entries []Entry) {
	for _, name := range names() {
		entries = append(entries, Entry{name, named(name)})
	}
	return entries
}

// names are the names of the library's specs.
func names() (names []string) {
	files, err := fs.Glob(library, pathOf("*"))
	if err != nil {
		panic(err) // it is a part of the program
	}
	for _, path := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".yaml"))
	}
	return names
}

// pathOf is where a spec of the library is.
func pathOf(name string) string { return "library/" + name + ".yaml" }

// named is a spec of the library.
func named(name string) File {
	text, err := fs.ReadFile(library, pathOf(name))
	if err != nil {
		panic(err)
	}
	file, err := Parse(pathOf(name), text)
	if err != nil {
		panic(err) // a spec reads them all
	}
	file.folder = "." // where the user stands: the library is in no folder
	return file
}

// Find takes the name of a library spec, or the path of a file. What looks like
// a path (it has a slash, or ends in .yaml or .yml) is a path.
func Find(nameOrPath string) (File, error) {
	extension := filepath.Ext(nameOrPath)
	if strings.ContainsRune(nameOrPath, filepath.Separator) || extension == ".yaml" || extension == ".yml" {
		return Load(nameOrPath)
	}
	if slices.Contains(names(), nameOrPath) {
		return named(nameOrPath), nil
	}
	if _, err := os.Stat(nameOrPath); err == nil {
		return Load(nameOrPath)
	}
	remedy := yamlfile.Suggest(nameOrPath, names())
	if _, err := os.Stat(nameOrPath + ".yaml"); err == nil {
		remedy = fmt.Sprintf("did you mean %q?", nameOrPath+".yaml")
	}
	return File{}, &Error{File: nameOrPath, Message: "no spec of the library has this name, and no file", Remedy: remedy}
}
