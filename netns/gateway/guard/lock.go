package guard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const lockSuffix = ".lock"

// Lock keeps things for one program. The kernel drops it when the program and
// its guardian are gone.
type Lock struct{ files []*os.File }

// Names are what a lock is for.
type Names struct {
	Alone  []string // for one program
	Shared []string // for any number of programs, as long as none has them alone
}

// Conflict returns a name that not both can have at the same time; "" if there is none.
func (n Names) Conflict(other Names) string {
	for _, name := range slices.Concat(n.Alone, n.Shared) {
		if slices.Contains(other.Alone, name) || slices.Contains(n.Alone, name) && slices.Contains(other.Shared, name) {
			return name
		}
	}
	return ""
}

// HeldError says that another program has what was to be locked.
type HeldError struct {
	Name string
	PID  int // 0 where it is not known
}

func (e *HeldError) Error() string {
	who := "another needwant"
	if e.PID != 0 {
		who += fmt.Sprintf(" (process %d)", e.PID)
	}
	return fmt.Sprintf("%s already runs on %s: stop it, or wait until it is done", who, e.Name)
}

// patience is how long a dead program's guardian may take to put things back.
const patience = 10 * time.Second

// Take locks all the names for this program alone, or none. What a program holds
// that is alive is a [*HeldError] at once; what a dead one's guardian still holds
// is waited for.
func Take(ctx context.Context, folder string, names ...string) (*Lock, error) {
	return TakeAll(ctx, folder, Names{Alone: names})
}

// TakeAll is [Take] for names of which some may be shared.
func TakeAll(ctx context.Context, folder string, names Names) (*Lock, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for locks and journals: %w", err)
	}
	how := map[string]int{}
	for _, name := range names.Shared {
		how[name] = unix.LOCK_SH
	}
	for _, name := range names.Alone {
		how[name] = unix.LOCK_EX
	}
	lock := &Lock{}
	for _, name := range slices.Sorted(maps.Keys(how)) {
		file, err := takeOne(ctx, folder, name, how[name])
		if err != nil {
			_ = lock.Release() // the error before is the one to tell
			return nil, err
		}
		lock.files = append(lock.files, file)
	}
	return lock, nil
}

func takeOne(ctx context.Context, folder, name string, how int) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		file, err := tryOne(folder, name, how)
		var held *HeldError
		if !errors.As(err, &held) || held.PID == 0 || alive(held.PID) {
			return file, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-look.C:
		}
	}
}

func tryOne(folder, name string, how int) (*os.File, error) {
	path := filepath.Join(folder, fileName(name)+lockSuffix)
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("locking %s: %w", name, err)
		}
		err = unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
		if err != nil {
			pid := holder(file)
			_ = file.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, &HeldError{Name: name, PID: pid}
			}
			return nil, fmt.Errorf("locking %s: %w", name, err)
		}
		now, err := current(file, path)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", name, err), file.Close())
		}
		if !now { // its holder removed it just now
			_ = file.Close()
			continue
		}
		if err := sign(file); err != nil {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", name, err), file.Close())
		}
		return file, nil
	}
}

// current reports whether the path still leads to the file.
func current(file *os.File, path string) (bool, error) {
	opened, err := file.Stat()
	if err != nil {
		return false, err
	}
	found, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(opened, found), err
}

func sign(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	return err
}

// holder is who signed a lock; 0 where nobody did yet.
func holder(file *os.File) int {
	text := make([]byte, 16)
	n, _ := file.ReadAt(text, 0) // what could not be read is nobody
	pid, _ := strconv.Atoi(string(text[:n]))
	return pid
}

func alive(pid int) bool { return !errors.Is(unix.Kill(pid, 0), unix.ESRCH) }

// Release gives the lock up and removes its files, unless another program has
// them, too.
func (l *Lock) Release() error {
	var errs []error
	for _, file := range l.files {
		errs = append(errs, discard(int(file.Fd()), file.Name()), file.Close())
	}
	l.files = nil
	return errors.Join(errs...)
}

// discard removes the file of a lock that only this descriptor holds.
func discard(fd int, path string) error {
	err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) { // shared
		return nil
	}
	if err != nil {
		return err
	}
	return os.Remove(path)
}

// fileName is a name without what a path cannot hold.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\ :`, r) {
			return '-'
		}
		return r
	}, name)
}
