package main_test

import (
	"database/sql"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	_ "modernc.org/sqlite" // a run file is one of its databases

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("a run file from a stranger", func() {
	DescribeTable("makes no command do anything but reject it:", func(ctx SpecContext, args ...string) {
		folder := GinkgoT().TempDir()
		path := filepath.Join(folder, "strange.run")
		file, err := runfile.Create(path, harness.Run{ID: "one"})
		Expect(err).NotTo(HaveOccurred())
		Expect(file.Close()).To(Succeed())
		db, err := sql.Open("sqlite", path)
		Expect(err).NotTo(HaveOccurred())
		_, err = db.Exec(`DROP TABLE journal; CREATE VIEW journal AS WITH RECURSIVE n(seq, kind, json, checksum) AS
			(SELECT 1, 'run', '{}', x'' UNION ALL SELECT seq + 1, kind, json, checksum FROM n) SELECT * FROM n`)
		Expect(err).NotTo(HaveOccurred())
		Expect(db.Close()).To(Succeed())

		for i := range args {
			if args[i] == "RUN" {
				args[i] = path
			}
		}
		run := needwant(ctx, args...)
		Expect(run.Code).To(Equal(2), run.Stderr)
		Expect(run.Stdout).To(BeEmpty())
		Expect(run.Stderr).To(ContainSubstring("journal is not the table that needwant makes"))
	},
		Entry("report", "report", "RUN", SpecTimeout(20*time.Second)),
		Entry("report --compare", "report", "--compare", "RUN", "RUN", SpecTimeout(20*time.Second)),
		Entry("export", "export", "RUN", "--format", "nft", "--placeholder", SpecTimeout(20*time.Second)),
		Entry("watch", "watch", "RUN", SpecTimeout(20*time.Second)),
		Entry("catalog add", "catalog", "add", "RUN", SpecTimeout(20*time.Second)),
		Entry("verify", "verify", "RUN", SpecTimeout(20*time.Second)),
		Entry("resume", "resume", "RUN", SpecTimeout(20*time.Second)),
	)
})
