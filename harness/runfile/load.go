package runfile

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
)

// Load reads a run, finished or not, also while another process is writing it.
// Neither the file nor its folder need be writable. It gives up when ctx ends. The
// error is an [*Error].
func Load(ctx context.Context, path string) (harness.Run, error) {
	db, err := connect(ctx, path)
	if err != nil {
		return harness.Run{}, wrap(path, err)
	}
	run, err := load(db)
	if err := errors.Join(err, db.close()); err != nil {
		return harness.Run{}, wrap(path, err)
	}
	return run, nil
}

func load(db *database) (harness.Run, error) {
	if err := db.exec("BEGIN"); err != nil {
		return harness.Run{}, err
	}
	run, _, _, err := db.read()
	db.ctx = context.WithoutCancel(db.ctx)
	return run, errors.Join(err, db.exec("ROLLBACK"))
}

// reserved is the byte of the file on which SQLite holds the lock of a writer
// (RESERVED_BYTE of sqlite.org/src/file/src/os.h). [File] holds it all the time,
// except for an instant after each record.
const reserved = 0x40000001

// Written reports whether a process writes to the run file just now. It takes no
// lock itself. This process must not be the one: it would not see its own lock, and
// would lose it, since closing a file releases all of a process's locks on it (POSIX).
func Written(path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, wrap(path, err)
	}
	defer file.Close()
	lock := unix.Flock_t{Type: unix.F_RDLCK, Start: reserved, Len: 1}
	if err := unix.FcntlFlock(file.Fd(), unix.F_OFD_GETLK, &lock); err != nil {
		return false, wrap(path, fmt.Errorf("asking for its lock: %w", err))
	}
	return lock.Type == unix.F_WRLCK, nil
}
