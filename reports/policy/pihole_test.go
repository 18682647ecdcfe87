package policy_test

import (
	"context"
	"database/sql"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	_ "modernc.org/sqlite" // Pi-hole's database

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports/policy"
)

// gravity is what Pi-hole 6 has in its gravity.db, as far as groups, clients and domains go.
const gravity = `
CREATE TABLE "group" (id INTEGER PRIMARY KEY AUTOINCREMENT, enabled BOOLEAN NOT NULL DEFAULT 1, name TEXT UNIQUE NOT NULL, description TEXT);
INSERT INTO "group" (id, name, description) VALUES (0, 'Default', 'The default group');
CREATE TABLE domainlist (id INTEGER PRIMARY KEY AUTOINCREMENT, type INTEGER NOT NULL DEFAULT 0 CHECK (type IN (0, 1, 2, 3)), domain TEXT NOT NULL, enabled BOOLEAN NOT NULL DEFAULT 1, comment TEXT, UNIQUE(domain, type));
CREATE TABLE domainlist_by_group (domainlist_id INTEGER NOT NULL REFERENCES domainlist (id) ON DELETE CASCADE, group_id INTEGER NOT NULL REFERENCES "group" (id) ON DELETE CASCADE, PRIMARY KEY (domainlist_id, group_id));
CREATE TABLE client (id INTEGER PRIMARY KEY AUTOINCREMENT, ip TEXT NOT NULL UNIQUE, comment TEXT);
CREATE TABLE client_by_group (client_id INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE, group_id INTEGER NOT NULL REFERENCES "group" (id) ON DELETE CASCADE, PRIMARY KEY (client_id, group_id));
CREATE TRIGGER tr_domainlist_add AFTER INSERT ON domainlist BEGIN INSERT INTO domainlist_by_group (domainlist_id, group_id) VALUES (NEW.id, 0); END;
CREATE TRIGGER tr_client_add AFTER INSERT ON client BEGIN INSERT INTO client_by_group (client_id, group_id) VALUES (NEW.id, 0); END;
CREATE TRIGGER tr_domainlist_delete AFTER DELETE ON domainlist BEGIN DELETE FROM domainlist_by_group WHERE domainlist_id = OLD.id; END;
INSERT INTO domainlist (type, domain, comment) VALUES (1, 'mine.example', 'my own');
`

var _ = Describe("the script for Pi-hole", func() {
	// load runs the script's SQL on a database.
	load := func(ctx context.Context, db *sql.DB, p policy.Policy) {
		GinkgoHelper()
		_, rest, found := strings.Cut(export("pihole", p).Text, "<<'SQL'\n")
		Expect(found).To(BeTrue())
		statements, after, found := strings.Cut(rest, "\nSQL\n")
		Expect(found).To(BeTrue())
		Expect(after).To(Equal("pihole reloadlists\n"))
		_, err := db.ExecContext(ctx, statements)
		Expect(err).NotTo(HaveOccurred())
	}
	// domains are those of a type that go for a client.
	domains := func(ctx context.Context, db *sql.DB, client string, kind int) (all []string) {
		GinkgoHelper()
		rows, err := db.QueryContext(ctx, `SELECT DISTINCT domain FROM domainlist d JOIN domainlist_by_group dg ON dg.domainlist_id = d.id
			JOIN client_by_group cg ON cg.group_id = dg.group_id JOIN client c ON c.id = cg.client_id WHERE c.ip = ? AND d.type = ? AND d.enabled ORDER BY domain`, client, kind)
		Expect(err).NotTo(HaveOccurred())
		defer rows.Close()
		for rows.Next() {
			var domain string
			Expect(rows.Scan(&domain)).To(Succeed())
			all = append(all, domain)
		}
		Expect(rows.Err()).NotTo(HaveOccurred())
		return all
	}
	var db *sql.DB
	BeforeEach(func(ctx SpecContext) {
		var err error
		db, err = sql.Open("sqlite", filepath.Join(GinkgoT().TempDir(), "gravity.db"))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(db.Close)
		_, err = db.ExecContext(ctx, gravity+"INSERT INTO client (ip) VALUES ('192.168.50.77');")
		Expect(err).NotTo(HaveOccurred())
	}, NodeTimeout(10*time.Second))

	It("denies names to the device alone, and leaves the user's own as they are", func(ctx SpecContext) {
		p := made(matrix(fan()...), policy.Options{Kind: policy.BlockOptional, Device: at()})
		for range 2 { // it is safe to repeat
			load(ctx, db, p)
			for _, client := range []string{"192.168.50.10", "fd00:50::10", "7C:49:EB:00:00:01"} {
				Expect(domains(ctx, db, client, 1)).To(Equal([]string{"cdn.fan.example", "example.net", "log.fan.example", "mine.example", "never.fan.example", "time.fan.example"}))
			}
			Expect(domains(ctx, db, "192.168.50.77", 1)).To(Equal([]string{"mine.example"}))
		}
	}, SpecTimeout(10*time.Second))

	It("answers the device's names of time servers with its owner's", func(ctx SpecContext) {
		m := matrix(append(fan(), seen{"udp/123/*.fan.example", "203.0.113.9", optional, optional})...)
		for _, r := range m.Rows {
			for column, cell := range r.Cells {
				if r.Destination.ID.Port == 123 && cell.Verdict != optional {
					cell.Replaceable, cell.Ways = []harness.StandIn{harness.TimeServer}, harness.Ways()
					r.Cells[column] = cell
				}
			}
		}
		own := []netip.Addr{netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("fd00::10")}
		p := made(m, policy.Options{Kind: policy.BlockOptional, Device: at(), TimeServers: own})
		for range 2 {
			load(ctx, db, p)
			Expect(domains(ctx, db, "192.168.50.10", 3)).To(ConsistOf(
				`\.fan\.example$;reply=192.168.1.10;reply=fd00::10`, `^time\.fan\.example$;reply=192.168.1.10;reply=fd00::10`))
			Expect(domains(ctx, db, "192.168.50.10", 1)).NotTo(ContainElement("time.fan.example"))
			Expect(domains(ctx, db, "192.168.50.10", 0)).To(Equal([]string{"api.fan.example"}), "which is needed, and below a name that is led")
			Expect(domains(ctx, db, "192.168.50.77", 3)).To(BeEmpty())
		}
	}, SpecTimeout(10*time.Second))

	It("takes away what a later run no longer blocks", func(ctx SpecContext) {
		load(ctx, db, made(matrix(fan()...), policy.Options{Kind: policy.BlockOptional, Device: at()}))
		load(ctx, db, made(matrix(seen{"tcp/443/log.fan.example", "203.0.113.2", optional, optional}), policy.Options{Kind: policy.BlockOptional, Device: at()}))
		Expect(domains(ctx, db, "192.168.50.10", 1)).To(Equal([]string{"log.fan.example", "mine.example"}))
	}, SpecTimeout(10*time.Second))

	It("denies every name below a domain except for what is needed there", func(ctx SpecContext) {
		m := matrix(
			seen{"tcp/443/*.data.fan.example", "203.0.113.2", optional, optional},
			seen{"tcp/443/api.data.fan.example", "203.0.113.3", required, required})
		m.Cuts = nil
		for i := range m.Safe {
			m.Safe[i].Destinations = []harness.Destination{m.Rows[0].Destination.ID}
		}
		load(ctx, db, made(m, policy.Options{Kind: policy.BlockOptional, Device: at()}))
		Expect(domains(ctx, db, "192.168.50.10", 3)).To(Equal([]string{`\.data\.fan\.example$`}))
		Expect(domains(ctx, db, "192.168.50.10", 0)).To(Equal([]string{"api.data.fan.example"}))
	}, SpecTimeout(10*time.Second))
})
