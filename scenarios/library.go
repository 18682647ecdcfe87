package scenarios

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
func Library() []Entry {
	files, err := fs.Glob(library, "library/*.yaml")
	if err != nil {
		panic(err) // it is a part of the program
	}
	var entries []Entry
	for _, path := range files {
		text, err := fs.ReadFile(library, path)
		if err != nil {
			panic(err)
		}
		file, err := Parse(path, text)
		if err != nil {
			panic(err) // a spec reads them all
		}
		file.folder = "." // where the user stands: the library is in no folder
		entries = append(entries, Entry{strings.TrimSuffix(filepath.Base(path), ".yaml"), file})
	}
	return entries
}

// Find takes the name of a library spec, or the path of a file. What looks like
// a path (it has a slash, or ends in .yaml or .yml) is a path.
func Find(nameOrPath string) (File, error) {
	extension := filepath.Ext(nameOrPath)
	if strings.ContainsRune(nameOrPath, filepath.Separator) || extension == ".yaml" || extension == ".yml" {
		return Load(nameOrPath)
	}
	var names []string
	for _, entry := range Library() {
		if entry.Name == nameOrPath {
			return entry.File, nil
		}
		names = append(names, entry.Name)
	}
	if _, err := os.Stat(nameOrPath); err == nil {
		return Load(nameOrPath)
	}
	remedy := yamlfile.Suggest(nameOrPath, names)
	if _, err := os.Stat(nameOrPath + ".yaml"); err == nil {
		remedy = fmt.Sprintf("did you mean %q?", nameOrPath+".yaml")
	}
	return File{}, &Error{File: nameOrPath, Message: "no spec of the library has this name, and no file", Remedy: remedy}
}
