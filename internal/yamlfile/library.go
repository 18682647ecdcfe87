package yamlfile

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Library is the files of one kind that come with the program.
type Library[T any] struct {
	Files  fs.FS // with one file for each name: Folder/NAME.yaml
	Folder string
	Parse  func(path string, text []byte) (T, error)
	Load   func(path string) (T, error) // reads a file of the user's
	Absent string                       // what is said of a name that is neither in the library nor a file
}

// Names are the names of the library, in order.
func (l Library[T]) Names() (names []string) {
	files, err := fs.Glob(l.Files, l.pathOf("*"))
	if err != nil {
		panic(err) // it is a part of the program
	}
	for _, file := range files {
		names = append(names, strings.TrimSuffix(path.Base(file), ".yaml"))
	}
	return names
}

func (l Library[T]) pathOf(name string) string { return l.Folder + "/" + name + ".yaml" }

// Named is what the library has by a name that is in it.
func (l Library[T]) Named(name string) T {
	text, err := fs.ReadFile(l.Files, l.pathOf(name))
	if err != nil {
		panic(err)
	}
	found, err := l.Parse(l.pathOf(name), text)
	if err != nil {
		panic(err) // a spec reads them all
	}
	return found
}

// Find takes a name of the library, or the path of a file. What looks like a path (it
// has a slash, or ends in .yaml or .yml) is a path.
func (l Library[T]) Find(nameOrPath string) (found T, err error) {
	extension := filepath.Ext(nameOrPath)
	if strings.ContainsRune(nameOrPath, filepath.Separator) || extension == ".yaml" || extension == ".yml" {
		return l.Load(nameOrPath)
	}
	names := l.Names()
	if slices.Contains(names, nameOrPath) {
		return l.Named(nameOrPath), nil
	}
	if exists(nameOrPath) {
		return l.Load(nameOrPath)
	}
	remedy := Suggest(nameOrPath, names)
	if file := nameOrPath + ".yaml"; exists(file) {
		remedy = Suggest(file, []string{file})
	}
	return found, &Error{File: nameOrPath, Message: l.Absent, Remedy: remedy}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
