package seen

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"

	"modernc.org/sqlite"
)

func isSQLite(head []byte) bool { return bytes.HasPrefix(head, []byte("SQLite format 3\x00")) }

// Only tables are queried, and none of the views: a view of a file from a stranger
// could compute without end.
const (
	// piholePTR is the number of PTR among FTL's types of queries
	// (docs.pi-hole.net/database/query-database).
	piholePTR = 6

	piholeQueries = `SELECT q.timestamp, c.ip, d.domain FROM query_storage q
		JOIN client_by_id c ON c.id = q.client JOIN domain_by_id d ON d.id = q.domain WHERE q.type <> ?`
	piholeOld     = `SELECT timestamp, client, domain FROM queries WHERE type <> ?` // before version 5.9
	piholeDevices = `SELECT a.ip, n.hwaddr, coalesce(a.name, '') FROM network_addresses a JOIN network n ON n.id = a.network_id`
)

func readPihole(in *input, t *Table) error {
	if in.file == nil || in.packed {
		return errors.New("a database must be a file of its own: unpack it, or save it, then import that")
	}
	path, err := filepath.Abs(in.file.Name())
	if err != nil {
		return err
	}
	options := url.Values{"mode": {"ro"}, "_pragma": {"query_only(on)", "trusted_schema(off)", "cell_size_check(on)", "busy_timeout(5000)"}}
	pool, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}).String())
	if err != nil {
		return err
	}
	defer pool.Close()
	conn, err := pool.Conn(in.ctx)
	if err != nil {
		return in.fail(-1, fmt.Errorf("%w: if Pi-hole is running, copy the file first: sqlite3 FILE \".backup COPY\"", err))
	}
	defer conn.Close()
	const lengthLimit, longest = 0, 1 << 20 // SQLITE_LIMIT_LENGTH: bytes of one value
	if _, err := sqlite.Limit(conn, lengthLimit, longest); err != nil {
		return err
	}
	return in.pihole(conn, t)
}

func (in *input) pihole(conn *sql.Conn, t *Table) error {
	tables, err := in.tables(conn)
	if err != nil {
		return in.fail(-1, fmt.Errorf("it is damaged: %w", err))
	}
	if tables["network"] && tables["network_addresses"] {
		err = in.rows(conn, piholeDevices, nil, func(ip, mac, name string) {
			if address, err := netip.ParseAddr(ip); err == nil {
				t.Identify(address, canonicalMAC(mac), name)
			}
		})
		if err != nil {
			return err
		}
	}
	query := piholeOld
	switch {
	case tables["query_storage"] && tables["client_by_id"] && tables["domain_by_id"]:
		query = piholeQueries
	case !tables["queries"]:
		return in.fail(-1, errors.New("it is not Pi-hole's database: it has no queries. The file is /etc/pihole/pihole-FTL.db"))
	}
	return in.rows(conn, query, []any{piholePTR}, func(at, ip, name string) {
		address, err := netip.ParseAddr(ip)
		if err != nil {
			in.source.Skipped++
			return
		}
		in.source.Records++
		t.Query(csvTime(at), address, name, 1)
	})
}

// tables are the names of the tables, without views and virtual tables.
func (in *input) tables(conn *sql.Conn) (map[string]bool, error) {
	rows, err := conn.QueryContext(in.ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' LIMIT 1000")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	tables := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		tables[name] = true
	}
	return tables, rows.Err()
}

// rows reads the three texts of each row of a query.
func (in *input) rows(conn *sql.Conn, query string, arguments []any, take func(a, b, c string)) error {
	rows, err := conn.QueryContext(in.ctx, query, arguments...)
	if err != nil {
		return in.fail(-1, fmt.Errorf("it is damaged: %w", err))
	}
	defer rows.Close()
	number := 0
	for rows.Next() {
		var a, b, c sql.NullString
		if err := rows.Scan(&a, &b, &c); err != nil {
			return in.fail(-1, fmt.Errorf("it is damaged after row %d: %w", number, err))
		}
		number++
		take(a.String, b.String, c.String)
	}
	if err := rows.Err(); err != nil {
		return in.fail(-1, fmt.Errorf("it is damaged after row %d: %w", number, err))
	}
	return nil
}
