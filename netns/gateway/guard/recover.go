package guard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/needwant/needwant/netns"
)

// Folder is where locks and journals are: what systemd made for the service, or
// /run/needwant.
func Folder() string {
	if own := os.Getenv("RUNTIME_DIRECTORY"); own != "" {
		return own
	}
	return "/run/needwant"
}

// Recover puts back what dead programs left in a folder of journals, and tells
// in words what it did, or with dry would do. What a living program has
// borrowed stays, and is told.
func Recover(ctx context.Context, folder string, host *netns.Namespace, dry bool) (told []string, err error) {
	journals, err := Journals(folder)
	errs := []error{err}
	for _, journal := range journals {
		lines, err := recoverOne(ctx, folder, host, journal, dry)
		told = append(told, lines...)
		errs = append(errs, err)
	}
	if !dry {
		removeStale(ctx, folder)
	}
	return told, errors.Join(errs...)
}

func recoverOne(ctx context.Context, folder string, host *netns.Namespace, journal *Journal, dry bool) ([]string, error) {
	lock, err := Take(ctx, folder, journal.Device)
	var held *HeldError
	if errors.As(err, &held) {
		return []string{fmt.Sprintf("%s: in use by process %d, left as it is", journal.Device, held.PID)}, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Release() }() // its file is of no more use
	journal, err = Open(journal.Path())
	if errors.Is(err, os.ErrNotExist) { // its guardian did it meanwhile
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	changes, err := journal.HandBack(host, nil, dry)
	for i, change := range changes {
		changes[i] = journal.Device + ": " + change
	}
	return changes, err
}

// removeStale removes the files of locks that nobody holds, and what a program
// was killed over while it wrote its first journal.
func removeStale(ctx context.Context, folder string) {
	for _, suffix := range []string{lockSuffix, journalSuffix + draftSuffix} {
		paths, _ := filepath.Glob(filepath.Join(folder, "*"+suffix)) // the pattern is well formed
		for _, path := range paths {
			lock, err := Take(ctx, folder, strings.TrimSuffix(filepath.Base(path), suffix))
			if err != nil {
				continue
			}
			if suffix != lockSuffix {
				_ = os.Remove(path)
			}
			_ = lock.Release()
		}
	}
}
