package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/needwant/needwant/internal/yamlfile"
)

// Path is the place of evidence within a catalog:
// model/firmware/region/run.yaml.
func (e Evidence) Path() string {
	return filepath.Join(fileName(e.Model), fileName(e.Firmware), fileName(e.Region), fileName(e.Run)+".yaml")
}

// fileName is a name for a file, a different one for each text. It keeps letters,
// digits and a few signs; every other byte, and a leading dot, is its hexadecimal
// number behind an equals sign.
func fileName(text string) string {
	if text == "" {
		return "="
	}
	var name strings.Builder
	for i := range len(text) {
		b := text[i]
		plain := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("._-", b) >= 0
		if !plain || b == '.' && i == 0 {
			fmt.Fprintf(&name, "=%02X", b)
			continue
		}
		name.WriteByte(b)
	}
	return name.String()
}

// Write keeps evidence below a directory, in place of what the same run said
// before, and returns the file's path.
func (e Evidence) Write(directory string) (string, error) {
	if err := e.Check(); err != nil {
		return "", err
	}
	text, err := marshal(e)
	if err != nil {
		return "", fmt.Errorf("writing evidence: %w", err)
	}
	path := filepath.Join(directory, e.Path())
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, text, 0o644)
}

// FileError says what is wrong with a file of a catalog.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *FileError) Unwrap() error { return e.Err }

// Load reads all evidence below a directory, sorted by its path. The error joins
// a [*FileError] for each bad file.
func Load(directory string) ([]Evidence, error) { return load(directory, directory) }

// OfModel reads the evidence on one model below a directory, like [Load].
func OfModel(directory, model string) ([]Evidence, error) {
	if _, err := os.Stat(directory); err != nil {
		return nil, err
	}
	part := filepath.Join(directory, fileName(model))
	if _, err := os.Stat(part); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return load(directory, part)
}

// load reads the evidence of a part of a catalog.
func load(directory, part string) ([]Evidence, error) {
	var all []Evidence
	var problems []error
	first := map[string]string{} // where each run is
	err := filepath.WalkDir(part, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != part:
			return fs.SkipDir
		case entry.IsDir(), filepath.Ext(path) != ".yaml" && filepath.Ext(path) != ".yml":
			return nil
		case !entry.Type().IsRegular(): // a link to a file elsewhere would be shown in errors
			problems = append(problems, &FileError{path, errors.New("it is not a regular file")})
			return nil
		}
		evidence, err := read(directory, path)
		if err != nil {
			problems = append(problems, &FileError{path, err})
			return nil
		}
		if other, twice := first[evidence.Run]; twice {
			problems = append(problems, &FileError{path, fmt.Errorf("the same run is in %s: remove the one that is wrong", other)})
			return nil
		}
		first[evidence.Run] = path
		all = append(all, evidence)
		return nil
	})
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b Evidence) int { return strings.Compare(a.Path(), b.Path()) })
	return all, nil
}

// largest is the most bytes that a file of evidence may have.
const largest = 1 << 20

func read(directory, path string) (e Evidence, err error) {
	if e, err = Read(path); err != nil {
		return e, err
	}
	if place, _ := filepath.Rel(directory, path); place != e.Path() {
		return e, fmt.Errorf("it belongs at %s", e.Path())
	}
	return e, nil
}

// Read reads one file of evidence, wherever it is.
func Read(path string) (e Evidence, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return e, err
	}
	if info.Size() > largest {
		return e, fmt.Errorf("it is larger than 1 MB: evidence is not")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return e, err
	}
	if err := yamlfile.Bounded(text); err != nil {
		return e, err
	}
	if err := yaml.UnmarshalWithOptions(text, &e, yaml.Strict()); err != nil {
		return e, err
	}
	return e, e.Check()
}
