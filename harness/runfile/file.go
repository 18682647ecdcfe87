package runfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/sudo"
)

// File is a run file that is being written. Its methods may be called from
// several goroutines, so that lanes can share one.
type File struct {
	path string

	mu     sync.Mutex
	db     *database
	run    harness.Run // before its first trial
	tip    tip         // the last record that was committed
	parts  int         // JSON values in the records of a copy, see [File.Receive]
	locked bool        // a transaction is open and holds SQLite's write lock
}

// Create starts a run file, which must not exist yet; the run's results, status
// and duration are left out, since [File.Append] and [File.Finish] bring them.
// The error is an [*Error]: Exists, NotWritable or NoSpace, as a rule.
func Create(path string, run harness.Run) (*File, error) {
	if err := validRun(run); err != nil {
		return nil, fmt.Errorf("run file %s: %w: correct the spec or the world", path, err)
	}
	run.Orders = nil
	run.Results, run.Status, run.Why, run.Duration = nil, "", "", 0
	first, err := tip{}.next(runRecord, run)
	if err != nil {
		return nil, err
	}
	return create(path, run, first)
}

// create makes the file with its first record, which is that of the run.
func create(path string, run harness.Run, first record) (*File, error) {
	if err := reserve(path); err != nil {
		return nil, wrap(path, err)
	}
	file, err := begin(path, run, first)
	if err != nil {
		return nil, wrap(path, errors.Join(err, os.Remove(path)))
	}
	return file, nil
}

// reserve creates the empty file, so that two who choose the same name at once
// cannot both have it, and nobody else may read it.
func reserve(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return problem(NotWritable, "there is no directory %s", filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	sudo.Give(file) // and SQLite makes the files beside it for the same owner
	return file.Close()
}

func begin(path string, run harness.Run, first record) (*File, error) {
	db, err := connect(context.Background(), path)
	if err != nil {
		return nil, err
	}
	file := &File{path: path, db: db, run: run, parts: parts(first.json)}
	if err := file.lay(first); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return file, nil
}

// lay writes the schema and the run record, all in one transaction: a file
// whose creation was cut short stays empty.
func (f *File) lay(first record) error {
	if err := f.lock(); err != nil {
		return err
	}
	if err := f.db.exec(schema + "INSERT INTO tip VALUES (0, x'')"); err != nil {
		return err
	}
	return f.commit(first)
}

// Open takes up an existing run, and returns what was recorded so far. Status is
// harness.Running if the run was cut short. It gives up when ctx ends; what is written
// afterwards does not depend on ctx. The error is an [*Error]; Damaged means that no
// result of the file is to be trusted.
func Open(ctx context.Context, path string) (*File, harness.Run, error) {
	db, err := connect(ctx, path)
	if err != nil {
		return nil, harness.Run{}, wrap(path, err)
	}
	file := &File{path: path, db: db}
	run, err := file.take()
	if err != nil {
		return nil, harness.Run{}, wrap(path, errors.Join(err, db.close()))
	}
	db.ctx = context.WithoutCancel(ctx)
	return file, run, nil
}

// take replays the run under the write lock: from here on nobody else adds to it.
func (f *File) take() (run harness.Run, err error) {
	if err := f.db.check(); err != nil {
		return run, err
	}
	if err := errors.Join(f.db.wait(writerPatience), f.lock(), f.db.wait(patience)); err != nil {
		return run, err
	}
	run, f.tip, f.parts, err = f.db.read()
	f.run = run
	f.run.Results, f.run.Orders = nil, nil
	return run, err
}

// Append records a trial's result. When it returns nil the trial is on the
// disk. When it fails (NoSpace, say) the file is as it was before, and the same
// result may be appended again.
func (f *File) Append(result harness.Result) error {
	if err := CheckResult(f.run, result); err != nil {
		return fmt.Errorf("run file %s: trial %d cannot be saved: %w", f.path, result.Trial.Number, err)
	}
	return f.add(resultRecord, result)
}

// Order records what a person wants of the run. When it returns nil the order is on the
// disk. Earlier versions of needwant say of a file with orders that it is too new.
func (f *File) Order(order harness.Order) error {
	if err := validOrder(order); err != nil {
		return fmt.Errorf("run file %s: %w", f.path, err)
	}
	return f.add(orderRecord, order)
}

// Finish records how the experiment ended and how long it took in all, also
// counting the time before it was resumed. A finished run can be resumed; it
// is running again from the next [File.Append] on.
func (f *File) Finish(status harness.Status, why string, duration time.Duration) error {
	end := ending{status, why, duration}
	if err := validEnd(end); err != nil {
		return fmt.Errorf("run file %s: %w", f.path, err)
	}
	return f.add(endRecord, end)
}

// Close lets others write. It may be called twice.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.db == nil {
		return nil
	}
	f.unlock()
	err := f.db.close()
	f.db = nil
	return wrap(f.path, err)
}

func (f *File) add(kind string, value any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.db == nil {
		return fmt.Errorf("run file %s: %w", f.path, os.ErrClosed)
	}
	rec, err := f.tip.next(kind, value)
	if err != nil {
		return err
	}
	if err := f.own(); err != nil {
		return wrap(f.path, err)
	}
	return wrap(f.path, f.commit(rec))
}

// own makes sure that the write lock is ours and that nobody has written since
// our last record. A commit gives the lock back for an instant, in which
// another process may have taken it.
func (f *File) own() error {
	if f.locked {
		return nil
	}
	if err := f.lock(); err != nil {
		return err
	}
	noted, err := f.db.tip()
	if err == nil && !noted.equal(f.tip) {
		err = problem(InUse, "another process has written to it")
	}
	if err != nil {
		f.unlock()
	}
	return err
}

// commit writes the record and makes it last, then takes the lock again; if
// that fails, the next [File.own] will tell.
func (f *File) commit(rec record) error {
	next := tip{f.tip.seq + 1, rec.checksum}
	err := f.room(rec)
	if err == nil {
		err = f.db.append(next, rec)
	}
	if err == nil {
		err = f.db.exec("COMMIT")
	}
	if err != nil {
		f.unlock()
		return err
	}
	f.tip, f.locked = next, false
	_ = f.lock()
	return nil
}

// room looks whether the file can be read again with one more record.
func (f *File) room(rec record) error {
	var pages, size int
	if err := errors.Join(f.db.get("PRAGMA page_count", &pages), f.db.get("PRAGMA page_size", &size)); err != nil {
		return err
	}
	const margin = 1 << 20 // for the record that ends the run, and the pages between
	if len(rec.json) > mostRecord || rec.kind != endRecord && pages*size+len(rec.json)+margin > mostBytes {
		return problem(TooLarge, "%d bytes, and one more record has %d", pages*size, len(rec.json))
	}
	return nil
}

// lock opens a transaction with SQLite's write lock, which readers do not feel.
func (f *File) lock() error {
	err := f.db.exec("BEGIN IMMEDIATE")
	f.locked = err == nil
	return err
}

// unlock drops what was not committed. SQLite may have done so by itself, on a
// full disk for instance, and then there is nothing left to roll back.
func (f *File) unlock() {
	if f.locked {
		_ = f.db.exec("ROLLBACK")
	}
	f.locked = false
}
