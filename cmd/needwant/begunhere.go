package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/needwant/needwant/harness"
)

// The runs that were begun by this user on this machine are remembered in the
// user's state directory, each as an empty file that is named by what the run would
// carry out. Only this user can write there, so that a run file from elsewhere is
// not among them, whatever it says.

// mostRemembered is how many runs are remembered; the oldest go first.
const mostRemembered = 1000

// remember notes that a run was begun here.
func remember(run harness.Run) error {
	directory, err := stateDirectory()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	if err := forget(directory); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(directory, fingerprint(run)), nil, 0o600)
}

// rememberOrTell notes that a run was begun here, or tells out that it could not be.
func rememberOrTell(out io.Writer, run harness.Run) {
	if err := remember(run); err != nil {
		fmt.Fprintf(out, "this run could not be remembered, so that resume will need --trust-run: %v\n", err)
	}
}

// remembered reports whether a run was begun here, with this very text.
func remembered(run harness.Run) bool {
	directory, err := stateDirectory()
	return err == nil && ours(directory) && ours(filepath.Join(directory, fingerprint(run)))
}

// ours reports whether a file belongs to this user, and no other may write to it.
func ours(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&(fs.ModeSymlink|0o022) != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// fingerprint identifies what a run carries out: its spec, and the place from where the
// paths in it begin.
func fingerprint(run harness.Run) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", run.ID, run.Settings.Source, run.Settings.Text))
	return hex.EncodeToString(sum[:])
}

// stateDirectory is where the runs are remembered.
func stateDirectory() (string, error) { return stateOf("runs") }

// stateOf is where this user's needwant keeps one kind of thing.
func stateOf(kind string) (string, error) {
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "needwant", kind), nil
	}
	if os.Geteuid() == 0 && ours("/var/lib") { // root, whatever sudo makes of HOME
		return filepath.Join("/var/lib/needwant", kind), nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "state", "needwant", kind), err
}

// forget removes the oldest.
func forget(directory string) error {
	entries, err := os.ReadDir(directory)
	if err != nil || len(entries) < mostRemembered {
		return err
	}
	age := func(entry fs.DirEntry) int64 {
		info, err := entry.Info()
		if err != nil {
			return 0
		}
		return info.ModTime().UnixNano()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return int(min(1, max(-1, age(a)-age(b)))) })
	for _, entry := range entries[:len(entries)-mostRemembered+1] {
		if err := os.Remove(filepath.Join(directory, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}
