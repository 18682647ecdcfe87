package runfile_test

import (
	"context"
	"crypto/sha256"
	"math/rand"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

// recordsOf are all records of a file.
func recordsOf(path string) (all []runfile.Record) {
	GinkgoHelper()
	for {
		some, err := runfile.Records(context.Background(), path, len(all))
		Expect(err).NotTo(HaveOccurred())
		if len(some) == 0 {
			return all
		}
		all = append(all, some...)
	}
}

var _ = Describe("a copy of a run file", func() {
	var (
		original string
		run      harness.Run
		records  []runfile.Record
		path     string
	)

	BeforeEach(func() {
		original, run = written(20)
		records = recordsOf(original)
		Expect(records).To(HaveLen(22)) // the run, its trials, its end
		path = filepath.Join(GinkgoT().TempDir(), "copy.run")
	})

	begun := func() *runfile.File {
		GinkgoHelper()
		file, err := runfile.Copy(path, records[0])
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { _ = file.Close() })
		return file
	}

	It("has every record once, in order, however often and in whatever order they come", func() {
		file, random := begun(), rand.New(rand.NewSource(GinkgoRandomSeed()))
		for file.Records() < len(records) {
			next := random.Intn(len(records))
			before := file.Records()
			err := file.Receive(records[next])
			switch {
			case next > before:
				Expect(err).To(MatchError(runfile.Incomplete))
				Expect(file.Records()).To(Equal(before))
			case next == before:
				Expect(err).NotTo(HaveOccurred())
				Expect(file.Records()).To(Equal(before + 1))
			default:
				Expect(err).NotTo(HaveOccurred())
				Expect(file.Records()).To(Equal(before))
			}
		}
		Expect(runfile.Load(context.Background(), path)).To(Equal(run))
		Expect(file.Close()).To(Succeed())
		Expect(recordsOf(path)).To(Equal(records))
	})

	It("is continued after it was closed", func() {
		file := begun()
		for _, r := range records[1:10] {
			Expect(file.Receive(r)).To(Succeed())
		}
		Expect(file.Close()).To(Succeed())
		file, _, err := runfile.Open(context.Background(), path)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(file.Close)
		for _, r := range records {
			Expect(file.Receive(r)).To(Succeed())
		}
		Expect(runfile.Load(context.Background(), path)).To(Equal(run))
	})

	It("rejects a record that differs from one it has, does not follow, or that no run can have", func() {
		file := begun()
		Expect(file.Receive(records[1])).To(Succeed())
		before := recordsOf(path)

		other, _ := written(3)
		Expect(file.Receive(recordsOf(other)[4])).To(MatchError(runfile.Incomplete))
		changed := records[1]
		changed.Checksum = records[2].Checksum
		Expect(file.Receive(changed)).To(MatchError(runfile.Differs))
		changed = records[2]
		changed.Text = append([]byte{}, changed.Text...)
		changed.Text[len(changed.Text)-2] ^= 1
		Expect(file.Receive(changed)).To(MatchError(runfile.Differs))
		Expect(file.Receive(forged(before[1], "result", `{"trial":{"number":-3}}`))).To(MatchError(runfile.Damaged))
		Expect(file.Receive(forged(before[1], "run", string(records[0].Text)))).To(MatchError(runfile.Damaged))
		Expect(file.Receive(forged(before[1], "song", `{}`))).To(MatchError(runfile.Damaged))
		Expect(file.Receive(runfile.Record{Number: -1})).To(MatchError(runfile.Damaged))

		Expect(recordsOf(path)).To(Equal(before))
		Expect(file.Receive(records[2])).To(Succeed())
	})

	It("begins with the first record, and is not made of another one", func() {
		_, err := runfile.Copy(path, records[1])
		Expect(err).To(MatchError(runfile.Incomplete))
		changed := records[0]
		changed.Checksum = records[1].Checksum
		_, err = runfile.Copy(path, changed)
		Expect(err).To(MatchError(runfile.Damaged))
		_, err = runfile.Copy(path, forged(runfile.Record{}, "run", `{"device":{"name":"a\nb"}}`))
		Expect(err).To(MatchError(runfile.Damaged))
		Expect(path).NotTo(BeAnExistingFile())
	})
})

// forged is a record with the right checksum that follows another one.
func forged(after runfile.Record, kind, text string) runfile.Record {
	sum := sha256.Sum256([]byte(string(after.Checksum) + kind + "\x00" + text))
	return runfile.Record{Number: after.Number + 1, Kind: kind, Text: []byte(text), Checksum: sum[:]}
}
