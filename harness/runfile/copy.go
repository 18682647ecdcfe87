package runfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/needwant/needwant/harness"
)

// Record is a record of a run file, to be copied to a file on another machine. The
// checksum covers all records before it, too, so that a copy can only be a beginning of
// the original.
type Record struct {
	Number   int    // 1, 2, 3 …
	Kind     string // run (always the first), result, order, end
	Text     []byte // JSON, byte for byte as it is in the file
	Checksum []byte
}

// mostRead is how many bytes of records [Records] returns at a time, unless the first one
// is larger.
const mostRead = 4 << 20

// Records reads the records that follow a number, also while the file is being written.
// There may be more if it returns any. The error is an [*Error].
func Records(ctx context.Context, path string, after int) ([]Record, error) {
	db, err := connect(ctx, path)
	if err != nil {
		return nil, wrap(path, err)
	}
	records, err := db.records(after)
	return records, wrap(path, errors.Join(err, db.close()))
}

func (d *database) records(after int) (records []Record, err error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	rows, err := d.conn.QueryContext(d.ctx, "SELECT seq, kind, json, checksum FROM journal WHERE seq > ? ORDER BY seq", after)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for size := 0; size < mostRead && rows.Next(); {
		var r Record
		if err := rows.Scan(&r.Number, &r.Kind, &r.Text, &r.Checksum); err != nil {
			return nil, problem(Damaged, "%w", err)
		}
		size += len(r.Text)
		records = append(records, r)
	}
	return records, rows.Err()
}

// Copy starts a run file with the first record of another one. It must not exist yet.
func Copy(path string, first Record) (*File, error) {
	var run harness.Run
	if first.Number != 1 || first.Kind != runRecord {
		return nil, wrap(path, problem(Incomplete, "record %d came first", first.Number))
	}
	if _, err := (tip{}).follow(1, record{first.Kind, first.Text, first.Checksum}); err != nil {
		return nil, wrap(path, err)
	}
	if err := decode(first.Text, &run, func() error { return validRun(run) }); err != nil {
		return nil, wrap(path, err)
	}
	return create(path, run, record{first.Kind, first.Text, first.Checksum})
}

// Receive adds the next record of the file that this one is a copy of. A record that it
// has already changes nothing. It is an error of kind Differs if the record is another one
// than the copy has, and of kind Incomplete if one before it is missing. When it returns nil the
// record is on the disk.
func (f *File) Receive(r Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.db == nil {
		return fmt.Errorf("run file %s: %w", f.path, os.ErrClosed)
	}
	return wrap(f.path, f.receive(r))
}

func (f *File) receive(r Record) error {
	if r.Number < 1 {
		return problem(Damaged, "a record has the number %d", r.Number)
	}
	if r.Number <= f.tip.seq {
		var known []byte
		if err := f.db.get(fmt.Sprintf("SELECT checksum FROM journal WHERE seq = %d", r.Number), &known); err != nil {
			return err
		}
		if !bytes.Equal(known, r.Checksum) {
			return problem(Differs, "its record %d is another one", r.Number)
		}
		return nil
	}
	if r.Number > f.tip.seq+1 {
		return problem(Incomplete, "record %d came after record %d", r.Number, f.tip.seq)
	}
	next := record{r.Kind, r.Text, r.Checksum}
	if !bytes.Equal(r.Checksum, f.tip.sum(r.Kind, r.Text)) {
		return problem(Differs, "record %d does not follow the record before it", r.Number)
	}
	if err := f.fits(next); err != nil {
		return err
	}
	if err := f.own(); err != nil {
		return err
	}
	if err := f.commit(next); err != nil {
		return err
	}
	f.parts += parts(next.json)
	return nil
}

// fits reports whether the file can be read again with this record, as an error.
func (f *File) fits(r record) error {
	if n := f.parts + parts(r.json); n > mostParts {
		return problem(TooLarge, "%d values in all", n)
	}
	past := replay{run: f.run, busy: map[int]time.Duration{}}
	return past.add(r)
}

// Records is how many records it has.
func (f *File) Records() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tip.seq
}
