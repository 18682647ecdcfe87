package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/needwant/needwant/internal/sudo"
)

// replaceFile makes a file of what write writes, in place of one that is there. There is
// never half of one.
func replaceFile(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".needwant-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	sudo.Give(file)
	if err := errors.Join(write(file), file.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, errors.Join(err, os.Remove(file.Name())))
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("writing %s: %w", path, errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}
