package runfile_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

// forge replaces the records of a run file by others, with checksums that are
// right.
func forge(path string, change func(kind string, record map[string]any)) {
	GinkgoHelper()
	db, err := sql.Open("sqlite", path)
	Expect(err).NotTo(HaveOccurred())
	defer db.Close()
	type row struct {
		seq        int
		kind, text string
	}
	var rows []row
	found, err := db.Query("SELECT seq, kind, json FROM journal ORDER BY seq")
	Expect(err).NotTo(HaveOccurred())
	defer found.Close()
	for found.Next() {
		var r row
		Expect(found.Scan(&r.seq, &r.kind, &r.text)).To(Succeed())
		rows = append(rows, r)
	}
	Expect(found.Err()).NotTo(HaveOccurred())
	var sum []byte
	for _, r := range rows {
		var record map[string]any
		Expect(json.Unmarshal([]byte(r.text), &record)).To(Succeed())
		change(r.kind, record)
		text, err := json.Marshal(record)
		Expect(err).NotTo(HaveOccurred())
		hash := sha256.New()
		hash.Write(sum)
		hash.Write([]byte(r.kind + "\x00"))
		hash.Write(text)
		sum = hash.Sum(nil)
		_, err = db.Exec("UPDATE journal SET json = ?, checksum = ? WHERE seq = ?", string(text), sum, r.seq)
		Expect(err).NotTo(HaveOccurred())
	}
	_, err = db.Exec("UPDATE tip SET checksum = ?", sum)
	Expect(err).NotTo(HaveOccurred())
}

// set changes a value in a record, by its path.
func set(record map[string]any, path string, value any) {
	GinkgoHelper()
	keys := strings.Split(path, ".")
	at := any(record)
	for _, key := range keys[:len(keys)-1] {
		switch inner := at.(type) {
		case map[string]any:
			at = inner[key]
		case []any:
			Expect(inner).NotTo(BeEmpty(), path)
			at = inner[0]
		}
	}
	into, ok := at.(map[string]any)
	Expect(ok).To(BeTrue(), path)
	into[keys[len(keys)-1]] = value
}

const command = "complete\nadd table inet evil\x1b[31m"

var _ = Describe("a run file from a stranger", func() {
	DescribeTable("is refused when its records say what no run says:", func(kind, path string, value any) {
		made, _ := written(6)
		forge(made, func(string, map[string]any) {})
		_, err := runfile.Load(context.Background(), made)
		Expect(err).NotTo(HaveOccurred(), "a forged checksum is not noticed, and need not be")

		changed := false
		forge(made, func(is string, record map[string]any) {
			if is == kind && !changed {
				changed = true
				set(record, path, value)
			}
		})
		_, err = runfile.Load(context.Background(), made)
		expectRefusal(err, made, path)
		Expect(err.Error()).NotTo(ContainSubstring("\n"))
		Expect(err.Error()).NotTo(ContainSubstring("\x1b"))
		_, _, err = runfile.Open(context.Background(), made)
		expectRefusal(err, made, path)
	},
		Entry("a status that is a firewall's command", "end", "status", command),
		Entry("an end before the beginning", "end", "duration", -1),
		Entry("an id of two lines", "run", "id", command),
		Entry("a model that controls a terminal", "run", "device.model", "s5\x1b[2J"),
		Entry("a firmware from right to left", "run", "device.firmware", "\u202e1.0"),
		Entry("a name with C1 characters", "run", "device.name", "s50\u009b31m"),
		Entry("a title of two lines", "run", "scenarios.0.title", command),
		Entry("a scenario without a name", "run", "scenarios.0.name", ""),
		Entry("two scenarios of one name", "run", "scenarios.0.name", "hass"),
		Entry("a vantage that is nowhere", "run", "scenarios.0.vantage", command),
		Entry("an unknown driver", "run", "settings.driver", command),
		Entry("an unknown fault", "run", "settings.faults", []string{command}),
		Entry("a fault twice", "run", "settings.faults", []string{"drop", "drop"}),
		Entry("an unknown regime", "run", "settings.regimes", []string{command}),
		Entry("an order that is no number", "run", "settings.order", command),
		Entry("lanes without end", "run", "settings.lanes", 1_000_000_000),
		Entry("noise beyond all", "run", "settings.max_noise", 1e300),
		Entry("what is kept that cannot be", "run", "settings.kept", []string{command}),
		Entry("a known verdict that is none", "run", "settings.known.columns.0.verdicts", map[string]any{"udp/123/a": command}),
		Entry("a known fault that is none", "run", "settings.known.columns.0.fault", command),
		Entry("a known cut without members", "run", "settings.known.columns.0.cuts", []any{[]any{}}),
		Entry("known cuts without end", "run", "settings.known.columns.0.cuts", slices.Repeat([][]string{{"udp/123/a"}}, 1001)),
		Entry("the name of a known file of two lines", "run", "settings.known.source", command),
		Entry("a controller that is no address", "run", "settings.controllers", []string{command}),
		Entry("a trial's unknown fault", "result", "trial.fault", command),
		Entry("a trial's unknown regime", "result", "trial.regime", command),
		Entry("a reason of two lines", "result", "trial.reason", command),
		Entry("a destination of two lines", "result", "trial.block", []string{"tcp/443/a\nb"}),
		Entry("an outcome of no scenario", "result", "outcomes.other", map[string]any{"answer": "pass"}),
		Entry("an unknown answer", "result", "outcomes.hass.answer", command),
		Entry("an unknown cause", "result", "outcomes.hass.steps.0.cause", command),
		Entry("a step's name of two lines", "result", "outcomes.hass.steps.0.step", command),
		Entry("a contact without a destination", "result", "seen.contacts", []any{map[string]any{}}),
		Entry("a name known in a strange way", "result", "seen.contacts.0.named", command),
		Entry("a name beside it of two lines", "result", "seen.contacts.0.collateral", []string{command}),
		Entry("tries below zero", "result", "seen.contacts.0.tries", -5),
		Entry("a stand-in that is none", "result", "seen.stood_in", []any{map[string]any{"destination": "udp/123/a", "kind": command, "answers": 1}}),
		Entry("a stand-in for what is not blocked", "result", "trial.stand_ins", map[string]any{"udp/123/never.example": "ntp"}),
		Entry("an unknown stand-in of the settings", "run", "settings.stand_ins", []string{command}),
		Entry("a host at home of two lines", "result", "seen.home", []string{command}),
	)

	DescribeTable("is refused when reading it would run what it defines:", func(ctx SpecContext, change string) {
		path, _ := written(2)
		alter(path, change)
		_, err := runfile.Load(context.Background(), path)
		expectRefusal(err, path, change)
		Expect(err).To(MatchError(runfile.Damaged))
		_, _, err = runfile.Open(context.Background(), path)
		Expect(err).To(MatchError(runfile.Damaged))
	},
		Entry("a view without end for the journal", `ALTER TABLE journal RENAME TO old; CREATE VIEW journal AS WITH RECURSIVE n(seq, kind, json, checksum) AS
			(SELECT 1, 'run', '{}', x'' UNION ALL SELECT seq + 1, kind, json, checksum FROM n) SELECT * FROM n`, SpecTimeout(20*time.Second)),
		Entry("a view without end for the tip", `DROP TABLE tip; CREATE VIEW tip AS WITH RECURSIVE n(seq, checksum) AS
			(SELECT 1, x'' UNION ALL SELECT seq + 1, checksum FROM n) SELECT max(seq) AS seq, checksum FROM n`, SpecTimeout(20*time.Second)),
		Entry("a column that is computed", `DROP TABLE tip; CREATE TABLE tip (seq INTEGER NOT NULL, checksum BLOB GENERATED ALWAYS AS (zeroblob(900000000)))`, SpecTimeout(20*time.Second)),
		Entry("a trigger", "CREATE TRIGGER more AFTER INSERT ON journal BEGIN DELETE FROM journal; END", SpecTimeout(20*time.Second)),
		Entry("an index", "CREATE INDEX more ON journal (kind)", SpecTimeout(20*time.Second)),
		Entry("a table of its own", "CREATE TABLE more (x)", SpecTimeout(20*time.Second)),
	)

	It("may have other views, which are for people and are not read", func() {
		path, run := written(2)
		alter(path, "CREATE VIEW more AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT * FROM n")
		Expect(runfile.Load(context.Background(), path)).To(Equal(run))
	})

	It("is refused when it is larger than any run", func() {
		path, _ := written(1)
		Expect(os.Truncate(path, 200<<20)).To(Succeed())
		_, err := runfile.Load(context.Background(), path)
		Expect(err).To(MatchError(runfile.TooLarge))
	})

	It("is refused when a short text would become a large run", Label("norace"), func() {
		path, _ := written(1)
		forge(path, func(kind string, record map[string]any) {
			if kind == "result" {
				set(record, "seen.contacts", make([]struct{}, 7_000_000))
			}
		})
		_, err := runfile.Load(context.Background(), path)
		Expect(err).To(MatchError(runfile.TooLarge))
	})

	It("is not read on when the command ends", func() {
		path, _ := written(3)
		ended, end := context.WithCancel(context.Background())
		end()
		_, err := runfile.Load(ended, path)
		Expect(err).To(MatchError(context.Canceled))
		_, _, err = runfile.Open(ended, path)
		Expect(err).To(MatchError(context.Canceled))
	})
})

var _ = Describe("what could not be read again", func() {
	It("is not written", func() {
		run := head()
		run.Device.Model = command
		_, err := runfile.Create(GinkgoT().TempDir()+"/a.run", run)
		Expect(err).To(MatchError(ContainSubstring("the device's model has the character U+000A")))

		path := GinkgoT().TempDir() + "/b.run"
		file, err := runfile.Create(path, head())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(file.Close)
		bad := result(1)
		bad.Trial.Fault = "explode"
		Expect(file.Append(bad)).To(MatchError(ContainSubstring(`a trial's fault is "explode"`)))
		Expect(file.Append(result(1))).To(Succeed())
		Expect(file.Finish("over\n", "", 0)).To(MatchError(ContainSubstring("the status is")))
		huge := result(2)
		huge.Suspect = strings.Repeat("x", 17<<20)
		Expect(file.Append(huge)).To(MatchError(runfile.TooLarge))
		Expect(file.Append(result(2))).To(Succeed())
		Expect(file.Finish(harness.Complete, "", 0)).To(Succeed())
		Expect(file.Close()).To(Succeed())
		Expect(runfile.Load(context.Background(), path)).To(HaveField("Results", HaveLen(2)), "what was written before and after is there")
	})
})
