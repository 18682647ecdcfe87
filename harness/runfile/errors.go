package runfile

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Kind sorts what can be wrong with a run file. It is an error itself, so that
// errors.Is(err, runfile.InUse) asks for one kind.
type Kind string

const (
	Missing     Kind = "does not exist"
	Exists      Kind = "exists already"
	Foreign     Kind = "is not a run file"
	TooNew      Kind = "was written by a newer needwant"
	Damaged     Kind = "is damaged"
	InUse       Kind = "is in use"
	NotWritable Kind = "cannot be written"
	NoSpace     Kind = "cannot grow: no space left"
	Unreadable  Kind = "cannot be read"
	TooLarge    Kind = "is too large"
	Differs     Kind = "is not a copy of the other one" // see [File.Receive]
	Incomplete  Kind = "lacks an earlier record"        // the same
)

func (k Kind) Error() string { return string(k) }

// remedy says what to do about it.
func (k Kind) remedy(path string) string {
	switch k {
	case Missing:
		return "check the name"
	case Exists:
		return "choose another name"
	case Foreign:
		return "choose a file that needwant lab or needwant bisect wrote with --out"
	case TooNew:
		return "update needwant"
	case Damaged:
		return "take a sound copy, or run the experiment again; it is not resumed, since wrong results would give wrong verdicts"
	case TooLarge:
		return "begin another run, with a budget or with fewer destinations (block.only)"
	case Differs:
		return "nothing was changed: keep both files, and find out where the other one comes from"
	case Incomplete:
		return "send the records from the first one on"
	case InUse:
		return "wait for the experiment that writes to it, or stop that one first; reports can be made meanwhile"
	case NotWritable:
		return "check its directory, and the rights on both"
	case NoSpace:
		return "free some space; every trial before this one is safe. Then needwant resume " + path + " continues the run"
	}
	return "check the disk and the rights on the file"
}

// Usage reports whether the wrong file was given (exit code 2), rather than the
// machine being unfit to keep it (exit code 3).
func (k Kind) Usage() bool {
	return k != NotWritable && k != NoSpace && k != Unreadable
}

// Error says which run file is at fault, how, and what to do.
type Error struct {
	Path string
	Kind Kind
	Err  error // the detail; may be nil
}

func (e *Error) Error() string {
	problem := string(e.Kind)
	if e.detailed() {
		detail := e.Err
		if file, ok := errors.AsType[*fs.PathError](detail); ok { // the path is named already
			detail = file.Err
		}
		problem += fmt.Sprintf(" (%v)", detail)
	}
	return fmt.Sprintf("run file %s %s: %s", e.Path, problem, e.Kind.remedy(e.Path))
}

// detailed reports whether the detail adds anything. What SQLite says does so only of a file that
// is damaged or cannot be read.
func (e *Error) detailed() bool {
	switch e.Kind {
	case Missing, Exists:
		return false
	case Damaged, Unreadable:
		return e.Err != nil
	}
	var own *sqlite.Error
	return e.Err != nil && !errors.As(e.Err, &own)
}

// Unwrap gives the kind and the detail to errors.Is and errors.As.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

// problem is a finding of our own; [wrap] adds the path.
func problem(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// wrap turns any failure into an [*Error] with the path in it.
func wrap(path string, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return &Error{path, known.Kind, known.Err}
	}
	return &Error{path, kindOf(err), err}
}

func kindOf(err error) Kind {
	var sqliteErr *sqlite.Error
	if errors.As(err, &sqliteErr) {
		return kindOfCode(sqliteErr.Code())
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return Exists
	case errors.Is(err, fs.ErrNotExist):
		return Missing
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return NotWritable
	case errors.Is(err, syscall.ENOSPC):
		return NoSpace
	}
	return Unreadable
}

// kindOfCode reads an SQLite result code; its low byte is the primary one
// (sqlite.org/rescode.html). SQLITE_ERROR and SQLITE_SCHEMA arise only where
// the schema is not the one that [Create] wrote.
func kindOfCode(code int) Kind {
	switch code & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return InUse
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return NotWritable
	case sqlite3.SQLITE_FULL:
		return NoSpace
	case sqlite3.SQLITE_NOTADB:
		return Foreign
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA,
		sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG:
		return Damaged
	}
	return Unreadable
}
