package yamlfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// maxText is the size of the largest file that is read, in bytes. A world of a
// thousand destinations takes about 150 kB.
const maxText = 1 << 20

// Read returns a file's text, and refuses what is no file or too long.
func (f Format) Read(path string) ([]byte, error) {
	text, err := f.readText(path)
	if err != nil {
		remedy := fmt.Sprintf("give the path of a YAML file, or a name that '%s' shows", f.Examples)
		if errors.Is(err, fs.ErrPermission) {
			remedy = "check the rights on the file, or run it with sudo"
		}
		return nil, &Error{File: path, Message: fmt.Sprintf("the %s cannot be read: %v", f.Noun, cause(err)), Remedy: remedy}
	}
	return text, nil
}

// readText reads no more than it takes to see that a file is too long.
func (f Format) readText(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	if info.Size() > maxText {
		return nil, fmt.Errorf("it has %d bytes, and a %s at most %d", info.Size(), f.Noun, maxText)
	}
	return os.ReadFile(path)
}

// cause leaves out the path, which the message begins with.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
