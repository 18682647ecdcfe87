package runfile

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
)

//go:embed schema.sql
var schema string

// The marks in the first page, as schema.sql sets them.
const (
	applicationID = 0x6e776e74
	schemaVersion = 2 // 1 has no orders
)

// How long SQLite waits for somebody else's lock, in milliseconds. Readers and
// commits wait for each other as long as it takes to read a run or to write a
// record. A second writer need not wait: the first keeps its lock for hours.
const (
	patience       = 20_000
	writerPatience = 500
)

// The limits of a run file. One of a thousand trials with a hundred destinations
// has a tenth of them. They bound what a file from a stranger can cost.
const (
	mostBytes  = 128 << 20 // of the whole file
	mostRecord = 16 << 20  // bytes of one record
	mostParts  = 20 << 20  // JSON values in all records
)

// mostCached is how many bytes of a file SQLite keeps in memory. Records are written and read
// in their order, so more does not help, and a hub has hundreds of files open.
const mostCached = 128 << 10

// database is one connection to one run file.
type database struct {
	pool *sql.DB
	conn *sql.Conn
	ctx  context.Context // ends what takes long
}

// connect opens an existing file. The file may be one that nobody trusts:
// nothing it defines is run but what [database.read] asks for.
func connect(ctx context.Context, path string) (*database, error) {
	if err := regular(path); err != nil {
		return nil, err
	}
	name, err := dataSource(path)
	if err != nil {
		return nil, err
	}
	pool, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &database{pool, conn, ctx}, nil
}

func regular(path string) error {
	info, err := os.Stat(path)
	if err == nil {
		err = unix.Access(path, unix.R_OK)
	}
	if errors.Is(err, fs.ErrPermission) {
		return problem(Unreadable, "this user may not read it")
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return problem(Foreign, "it is not a file")
	}
	if info.Size() > mostBytes {
		return problem(TooLarge, "%d bytes, and at most %d are read", info.Size(), mostBytes)
	}
	return nil
}

// dataSource names the file for SQLite. mode=rw creates nothing, and falls back
// to reading where the file may not be written; a reader needs it to roll back
// what a killed writer left half done.
func dataSource(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	options := url.Values{"mode": {"rw"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", patience),
		"synchronous(extra)", // a commit also syncs the folder: sqlite.org/pragma.html#pragma_synchronous
		"trusted_schema(off)",
		"cell_size_check(on)",
		"temp_store(memory)",
		fmt.Sprintf("cache_size(%d)", -mostCached>>10), // negative: KiB
	}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}).String(), nil
}

func (d *database) wait(milliseconds int) error {
	return d.exec(fmt.Sprintf("PRAGMA busy_timeout = %d", milliseconds))
}

func (d *database) exec(query string, args ...any) error {
	_, err := d.conn.ExecContext(d.ctx, query, args...)
	return err
}

func (d *database) get(query string, into ...any) error {
	return d.conn.QueryRowContext(d.ctx, query).Scan(into...)
}

func (d *database) close() error {
	return errors.Join(d.conn.Close(), d.pool.Close())
}

// read checks the whole file and rebuilds the run. It also returns the number of JSON values. It must be called within a
// transaction, so that all it sees is of one moment.
func (d *database) read() (run harness.Run, end tip, parts int, err error) {
	if err := d.check(); err != nil {
		return run, end, 0, err
	}
	past, end, err := d.replay()
	if err != nil {
		return run, end, 0, err
	}
	noted, err := d.tip()
	if err != nil {
		return run, end, 0, err
	}
	if !noted.equal(end) {
		return run, end, 0, problem(Damaged, "it has %d records and should have %d", end.seq, noted.seq)
	}
	return past.run, end, past.parts, nil
}

// check reports whether the file is one of ours, and sound as a database.
func (d *database) check() error {
	var application, version int
	if err := d.get("PRAGMA application_id", &application); err != nil {
		return err
	}
	if application != applicationID {
		return problem(Foreign, "it has no mark of needwant, or is empty")
	}
	if err := d.get("PRAGMA user_version", &version); err != nil {
		return err
	}
	if version > schemaVersion {
		return problem(TooNew, "version %d, this one reads up to %d", version, schemaVersion)
	}
	if err := d.checkSchema(); err != nil {
		return err
	}
	var finding string
	if err := d.get("PRAGMA quick_check(1)", &finding); err != nil {
		return err
	}
	if finding != "ok" {
		return problem(Damaged, "%s", finding)
	}
	return nil
}

// checkSchema requires the two tables to be the ones that [Create] makes, so that
// reading them runs nothing that the file defines: a view may never end, and a
// column may be computed. Nothing may happen on its own, either. Other views are
// for people, and are not read.
func (d *database) checkSchema() error {
	rows, err := d.conn.QueryContext(d.ctx, "SELECT type, name, coalesce(sql, '') FROM sqlite_schema")
	if err != nil {
		return err
	}
	defer rows.Close()
	wanted := tables()
	for rows.Next() {
		var kind, name, text string
		if err := rows.Scan(&kind, &name, &text); err != nil {
			return problem(Damaged, "%w", err)
		}
		switch expected, ours := wanted[name]; {
		case ours && (kind != "table" || text != expected):
			return problem(Damaged, "%s is not the table that needwant makes", name)
		case !ours && kind != "view":
			return problem(Damaged, "it has a %s %q, which needwant does not make", kind, name)
		}
		delete(wanted, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(wanted) > 0 {
		return problem(Damaged, "a table is missing")
	}
	return nil
}

// tables are the statements that make the tables, by name, as SQLite keeps them:
// without what follows the last bracket.
func tables() map[string]string {
	found := map[string]string{}
	for _, rest := range strings.Split(schema, "\nCREATE TABLE ")[1:] {
		text, _, _ := strings.Cut(rest, ";\n\n")
		name, _, _ := strings.Cut(text, " ")
		found[name] = "CREATE TABLE " + text
	}
	return found
}

func (d *database) replay() (past replay, end tip, err error) {
	rows, err := d.conn.QueryContext(d.ctx, "SELECT seq, kind, json, checksum FROM journal ORDER BY seq")
	if err != nil {
		return past, end, err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int
		var rec record
		if err := rows.Scan(&seq, &rec.kind, &rec.json, &rec.checksum); err != nil {
			return past, end, problem(Damaged, "%w", err)
		}
		if end, err = end.follow(seq, rec); err != nil {
			return past, end, err
		}
		if err := past.add(rec); err != nil {
			return past, end, err
		}
	}
	if end.seq == 0 && rows.Err() == nil {
		return past, end, problem(Damaged, "its first record is missing")
	}
	return past, end, rows.Err()
}

// tip reads what the file says its last record is.
func (d *database) tip() (noted tip, err error) {
	err = d.get("SELECT seq, checksum FROM tip", &noted.seq, &noted.checksum)
	if errors.Is(err, sql.ErrNoRows) {
		err = problem(Damaged, "it does not say how many records it has")
	}
	return noted, err
}

// append writes the record and the new tip; committing is the caller's.
func (d *database) append(next tip, rec record) error {
	err := d.exec("INSERT INTO journal (seq, kind, json, checksum) VALUES (?, ?, ?, ?)",
		next.seq, rec.kind, string(rec.json), rec.checksum)
	if err != nil {
		return err
	}
	if rec.kind == orderRecord {
		if err := d.exec(fmt.Sprintf("PRAGMA user_version = %d", schemaVersion)); err != nil {
			return err
		}
	}
	return d.exec("UPDATE tip SET seq = ?, checksum = ?", next.seq, next.checksum)
}
