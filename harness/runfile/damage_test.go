package runfile_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

const pageSize = 4096

var _ = Describe("a damaged run file", func() {
	It("is refused at whatever page it was cut off", func() {
		path, _ := written(12)
		whole := contents(path)
		Expect(len(whole)).To(BeNumerically(">", 8*pageSize))
		for size := 0; size < len(whole); size += pageSize / 2 {
			Expect(os.WriteFile(path, whole[:size], 0o600)).To(Succeed())
			_, err := runfile.Load(context.Background(), path)
			expectRefusal(err, path, fmt.Sprintf("cut to %d bytes", size))
			_, _, err = runfile.Open(context.Background(), path)
			expectRefusal(err, path, fmt.Sprintf("cut to %d bytes", size))
		}
	})

	It("is refused, or harmless, whichever bit flips", Label("norace"), func() {
		path, run := written(6)
		whole := contents(path)
		var refused int
		for _, at := range flips(len(whole), GinkgoRandomSeed()) {
			torn := bytes.Clone(whole)
			torn[at.offset] ^= at.bit
			Expect(os.WriteFile(path, torn, 0o600)).To(Succeed())
			if resumed(path, run, fmt.Sprintf("bit %#x at %d", at.bit, at.offset)) != nil {
				refused++
			}
		}
		Expect(refused).To(BeNumerically(">", 80), "flips that mattered")
	})

	DescribeTable("is refused when rows went missing or changed", func(change string) {
		path, _ := written(5)
		alter(path, change)
		_, _, err := runfile.Open(context.Background(), path)
		Expect(err).To(MatchError(runfile.Damaged))
	},
		Entry("the last trial", "DELETE FROM journal WHERE seq = 7"),
		Entry("one in the middle", "DELETE FROM journal WHERE seq = 4"),
		Entry("the first record", "DELETE FROM journal WHERE seq = 1"),
		Entry("all records", "DELETE FROM journal"),
		Entry("the tip", "DELETE FROM tip"),
		Entry("an answer", `UPDATE journal SET json = replace(json, '"answer":"fail"', '"answer":"pass"') WHERE seq = 3`),
		Entry("the order", "UPDATE journal SET seq = CASE seq WHEN 3 THEN -4 WHEN 4 THEN 3 ELSE seq END; UPDATE journal SET seq = 4 WHERE seq = -4"),
		Entry("a table", "DROP TABLE journal"),
	)

	DescribeTable("is told from other files", func(kind runfile.Kind, prepare func(path string)) {
		path := GinkgoT().TempDir() + "/other.run"
		prepare(path)
		_, err := runfile.Load(context.Background(), path)
		Expect(err).To(MatchError(kind))
		expectRefusal(err, path, "foreign")
		_, _, err = runfile.Open(context.Background(), path)
		Expect(err).To(MatchError(kind))
	},
		Entry("nothing", runfile.Missing, func(string) {}),
		Entry("an empty file", runfile.Foreign, func(path string) { write(path, "") }),
		Entry("text", runfile.Foreign, func(path string) { write(path, "apiVersion: needwant/v1\nkind: World\n") }),
		Entry("noise", runfile.Foreign, func(path string) {
			noise := make([]byte, 3*pageSize)
			rand.New(rand.NewSource(1)).Read(noise)
			write(path, string(noise))
		}),
		Entry("a folder", runfile.Foreign, func(path string) { Expect(os.Mkdir(path, 0o700)).To(Succeed()) }),
		Entry("another database", runfile.Foreign, func(path string) {
			write(path, "")
			alter(path, "CREATE TABLE journal (seq, kind, json, checksum)")
		}),
		Entry("a run file of the future", runfile.TooNew, func(path string) {
			made, _ := written(1)
			Expect(os.Rename(made, path)).To(Succeed())
			alter(path, "PRAGMA user_version = 3")
		}),
	)

	It("is none that an earlier version made: the text of the tables is what it always was", func() {
		path, _ := written(1)
		db, err := sql.Open("sqlite", path)
		Expect(err).NotTo(HaveOccurred())
		defer db.Close()
		var journal, tip string
		Expect(db.QueryRow("SELECT sql FROM sqlite_master WHERE name = 'journal'").Scan(&journal)).To(Succeed())
		Expect(db.QueryRow("SELECT sql FROM sqlite_master WHERE name = 'tip'").Scan(&tip)).To(Succeed())
		Expect(journal).To(Equal(`CREATE TABLE journal (
  seq      INTEGER PRIMARY KEY, -- 1, 2, 3 …
  kind     TEXT NOT NULL,       -- run (always the first), result, end
  json     TEXT NOT NULL,       -- durations in nanoseconds
  checksum BLOB NOT NULL        -- SHA-256 of the previous checksum, kind, a zero byte and json
)`))
		Expect(tip).To(Equal("CREATE TABLE tip (\n  seq      INTEGER NOT NULL,\n  checksum BLOB NOT NULL\n)"))
	})

	It("leaves other programs' files as they were", func() {
		path := GinkgoT().TempDir() + "/other.db"
		write(path, "")
		alter(path, "PRAGMA journal_mode = wal; CREATE TABLE t (x)")
		before := contents(path)
		_, _, err := runfile.Open(context.Background(), path)
		Expect(err).To(MatchError(runfile.Foreign))
		Expect(contents(path)).To(Equal(before))
	})
})

type flip struct {
	offset int
	bit    byte
}

// flips are a bit of each byte of the database header and of the schema table's,
// some in each page's header, and some hundreds all over the file.
func flips(size int, seed int64) []flip {
	random := rand.New(rand.NewSource(seed))
	var all []flip
	for offset := range 200 {
		all = append(all, flip{offset, 1 << random.Intn(8)})
	}
	for page := range size / pageSize {
		for range 6 {
			all = append(all, flip{page*pageSize + random.Intn(16), 1 << random.Intn(8)})
		}
	}
	for range 200 {
		all = append(all, flip{random.Intn(size), 1 << random.Intn(8)})
	}
	return all
}

// resumed opens the file and adds a trial. A file that allows this must have
// held exactly the run, and must hold the trial too afterwards.
func resumed(path string, run harness.Run, how string) error {
	GinkgoHelper()
	file, before, err := runfile.Open(context.Background(), path)
	if err != nil {
		expectRefusal(err, path, how)
		return err
	}
	Expect(before).To(Equal(run), how)
	err = errors.Join(file.Append(result(99)), file.Close())
	if err != nil {
		return err
	}
	after, err := runfile.Load(context.Background(), path)
	Expect(err).NotTo(HaveOccurred(), how)
	Expect(after.Results).To(Equal(append(run.Results[:len(run.Results):len(run.Results)], result(99))), how)
	return nil
}

func expectRefusal(err error, path, how string) {
	GinkgoHelper()
	var known *runfile.Error
	Expect(errors.As(err, &known)).To(BeTrue(), "%s: %v", how, err)
	Expect(known.Path).To(Equal(path))
	Expect(known.Kind.Usage()).To(BeTrue(), "%s: %v", how, err)
	Expect(err).To(MatchError(ContainSubstring(path)), how)
}

func contents(path string) []byte {
	GinkgoHelper()
	text, err := os.ReadFile(filepath.Clean(path))
	Expect(err).NotTo(HaveOccurred())
	return text
}

func write(path, text string) {
	GinkgoHelper()
	Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
}

// alter changes the file behind our back.
func alter(path, statements string) {
	GinkgoHelper()
	db, err := sql.Open("sqlite", path)
	Expect(err).NotTo(HaveOccurred())
	_, err = db.Exec(statements)
	Expect(errors.Join(err, db.Close())).To(Succeed())
}
