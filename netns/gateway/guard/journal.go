package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

const (
	journalSuffix = ".journal"
	draftSuffix   = ".new" // of a journal that is being written
)

// Journal says what a program has borrowed. It is on disk before anything is
// touched.
type Journal struct {
	Device  string    `json:"device"`  // for which it was borrowed, and locked
	Started time.Time `json:"started"` // by the machine's clock
	PID     int       `json:"pid"`
	Step    string    `json:"step"`              // what was about to be done last
	Link    Link      `json:"link"`              // as it was; without a name where none was borrowed
	Machine *Machine  `json:"machine,omitempty"` // where our rules are in its own tables
	Made    []string  `json:"made"`              // links of our own, to be removed, on the machine or in the namespace

	Left []string `json:"-"` // what HandBack could not put back, in words, and need not try again

	path string
}

// NewJournal begins a journal in a folder, and writes it. The machine is nil
// where its own tables are not touched.
func NewJournal(folder, device string, link Link, machine *Machine) (*Journal, error) {
	j := &Journal{
		Device: device, Started: time.Now(), PID: os.Getpid(), Link: link, Machine: machine,
		path: filepath.Join(folder, fileName(device)+journalSuffix),
	}
	return j, j.write()
}

// Note writes down what is about to be done, and which links that makes.
func (j *Journal) Note(step string, makes ...string) error {
	j.Step = step
	j.Made = append(j.Made, makes...)
	return j.write()
}

// write replaces the file in one go: there is always a whole one.
func (j *Journal) write() error {
	text, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	draft := j.path + draftSuffix
	if err := os.WriteFile(draft, text, 0o600); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	if err := os.Rename(draft, j.path); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	return nil
}

// Alive reports whether the program that borrowed is still running.
func (j *Journal) Alive() bool { return alive(j.PID) }

// Path is where the journal is.
func (j *Journal) Path() string { return j.path }

// Open reads a journal.
func Open(path string) (*Journal, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	j := &Journal{path: path}
	if err := json.Unmarshal(text, j); err != nil {
		return nil, fmt.Errorf("%s is not a journal: %w: look at it, put back by hand what it says, and delete it", path, err)
	}
	return j, nil
}

// Journals reads all that are in a folder.
func Journals(folder string) ([]*Journal, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*"+journalSuffix))
	if err != nil {
		return nil, err
	}
	var all []*Journal
	var errs []error
	for _, path := range paths {
		j, err := Open(path)
		switch {
		case err == nil:
			all = append(all, j)
		case !errors.Is(err, fs.ErrNotExist): // done meanwhile
			errs = append(errs, err)
		}
	}
	return all, errors.Join(errs...)
}

// HandBack puts back what the journal says was borrowed, then removes the
// journal. The gateway's namespace, from which the link comes, is nil where it
// is gone: then the kernel has handed the link back, or will in a moment. With
// dry, nothing is changed. The changes are told in words.
func (j *Journal) HandBack(host, gateway *netns.Namespace, dry bool) (changes []string, err error) {
	changes, err = j.remove(host, gateway, dry)
	if err != nil {
		return changes, err
	}
	if j.Machine != nil {
		back, err := j.Machine.handBack(host, dry)
		changes = append(changes, back...)
		if err != nil {
			return changes, err
		}
	}
	if j.Link.Name != "" {
		back, left, err := j.Link.handBack(host, gateway, dry)
		changes, j.Left = append(changes, back...), left
		if err != nil {
			return changes, err
		}
	}
	if dry {
		return changes, nil
	}
	return changes, errors.Join(removeFile(j.path+draftSuffix), removeFile(j.path))
}

// removeFile removes a file, if it is there.
func removeFile(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// remove takes our own links away at once. The kernel does it too, with the
// namespace, but a moment later, when another program may need their names.
func (j *Journal) remove(host, gateway *netns.Namespace, dry bool) (changes []string, err error) {
	for _, name := range j.Made {
		for _, namespace := range []*netns.Namespace{host, gateway} {
			if namespace == nil {
				continue
			}
			found, err := namespace.Netlink().LinkByName(name)
			if netns.Absent(err) {
				continue
			}
			if err != nil {
				return changes, fmt.Errorf("looking for link %s: %w", name, err)
			}
			changes = append(changes, "remove link "+name)
			if dry {
				continue
			}
			if err := namespace.Netlink().LinkDel(found); err != nil && !errors.Is(err, unix.ENODEV) {
				return changes, fmt.Errorf("removing link %s: %w", name, err)
			}
		}
	}
	return changes, nil
}
