package runfile_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("a run file", func() {
	It("gives back all that was put in, to the last field", func() {
		path, run := written(40)
		Expect(runfile.Load(context.Background(), path)).To(Equal(run))
	})

	It("is one private file, with nothing beside it once it is closed", func() {
		path, _ := written(3)
		Expect(filepath.Glob(filepath.Dir(path) + "/*")).To(Equal([]string{path}))
		info, err := os.Stat(path)
		Expect(err).NotTo(HaveOccurred())
		Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o600)))
	})

	It("belongs to the user who typed sudo, with the files beside it", func() {
		const user, group = 1234, 1235
		folder := GinkgoT().TempDir()
		probe := filepath.Join(folder, "probe")
		Expect(os.WriteFile(probe, nil, 0o600)).To(Succeed())
		if err := os.Chown(probe, user, group); err != nil {
			Skip("only root can give a file away: " + err.Error())
		}
		Expect(os.Remove(probe)).To(Succeed())
		GinkgoT().Setenv("SUDO_UID", strconv.Itoa(user))
		GinkgoT().Setenv("SUDO_GID", strconv.Itoa(group))

		file, err := runfile.Create(filepath.Join(folder, "s50.run"), head())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(file.Close)
		paths, err := filepath.Glob(folder + "/*")
		Expect(err).NotTo(HaveOccurred())
		Expect(paths).NotTo(BeEmpty())
		for _, path := range paths {
			info, err := os.Stat(path)
			Expect(err).NotTo(HaveOccurred())
			owner := info.Sys().(*syscall.Stat_t)
			Expect(owner.Uid).To(BeEquivalentTo(user), path)
			Expect(owner.Gid).To(BeEquivalentTo(group), path)
		}
	})

	DescribeTable("takes any name", func(name string) {
		path := filepath.Join(GinkgoT().TempDir(), name)
		file, err := runfile.Create(path, head())
		Expect(err).NotTo(HaveOccurred())
		Expect(file.Close()).To(Succeed())
		Expect(path).To(BeARegularFile())
		Expect(runfile.Load(context.Background(), path)).To(HaveField("ID", head().ID))
	},
		Entry("with blanks", "my first run"),
		Entry("with the signs of an address", "a?b=c&d#e%20f;g.run"),
		Entry("with quotes", `it's "mine".run`),
		Entry("in other letters", "吸尘器.run"),
	)

	It("is running until it is finished, and as long as its busiest lane was at work", func() {
		path := GinkgoT().TempDir() + "/open.run"
		file, err := runfile.Create(path, head())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(file.Close)
		for lane, duration := range []time.Duration{time.Second, 5 * time.Second, 2 * time.Second} {
			Expect(file.Append(harness.Result{Lane: lane, Duration: duration})).To(Succeed())
		}
		Expect(file.Append(harness.Result{Lane: 1, Duration: time.Minute})).To(Succeed())
		Expect(runfile.Load(context.Background(), path)).To(SatisfyAll(
			HaveField("Status", harness.Running), HaveField("Duration", 65*time.Second), HaveField("Results", HaveLen(4))))
	})

	It("keeps what a person ordered, and is of a later version from then on", func() {
		path := GinkgoT().TempDir() + "/ordered.run"
		file, err := runfile.Create(path, head())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(file.Close)
		version := func() string {
			said, err := exec.Command("sqlite3", path, "PRAGMA user_version").Output()
			Expect(err).NotTo(HaveOccurred())
			return string(said)
		}
		Expect(version()).To(Equal("1\n"))
		at := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
		orders := []harness.Order{{At: at, Do: harness.Allow, Until: at.Add(10 * time.Minute)}, {At: at, Do: harness.Resume},
			{At: at, Do: harness.Keep, Destination: harness.Destination{Protocol: harness.TCP, Port: 443, Name: "api.example"}}}
		for _, order := range orders {
			Expect(file.Order(order)).To(Succeed())
		}
		Expect(file.Append(harness.Result{Abandoned: true, Skipped: true})).To(Succeed())
		Expect(file.Order(harness.Order{Do: harness.Keep})).To(MatchError(ContainSubstring("has no destination")))
		Expect(file.Order(harness.Order{Do: "dance"})).To(MatchError(ContainSubstring("dance")))
		Expect(file.Close()).To(Succeed())
		Expect(version()).To(Equal("2\n"))
		Expect(runfile.Load(context.Background(), path)).To(And(HaveField("Orders", orders), HaveField("Results", HaveExactElements(HaveField("Skipped", true)))))
		again, run, err := runfile.Open(context.Background(), path)
		Expect(err).NotTo(HaveOccurred())
		Expect(again.Close()).To(Succeed())
		Expect(run.Orders).To(Equal(orders))
	})

	It("goes on where it stopped", func() {
		path, run := written(2)
		file, before, err := runfile.Open(context.Background(), path)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(file.Close)
		Expect(before).To(Equal(run))

		Expect(file.Append(result(3))).To(Succeed())
		Expect(runfile.Load(context.Background(), path)).To(SatisfyAll(
			HaveField("Status", harness.Running), HaveField("Why", ""), HaveField("Results", Equal(append(run.Results, result(3))))))

		Expect(file.Finish(harness.OverBudget, "3 trials", time.Hour)).To(Succeed())
		Expect(runfile.Load(context.Background(), path)).To(SatisfyAll(
			HaveField("Status", harness.OverBudget), HaveField("Why", "3 trials"), HaveField("Duration", time.Hour)))
	})

	It("takes nothing more once it is closed", func() {
		file, err := runfile.Create(GinkgoT().TempDir()+"/closed.run", head())
		Expect(err).NotTo(HaveOccurred())
		Expect(file.Close()).To(Succeed())
		Expect(file.Close()).To(Succeed())
		Expect(file.Append(result(1))).To(MatchError(os.ErrClosed))
	})

	It("answers questions in SQL, for any tool", func() {
		path := GinkgoT().TempDir() + "/asked.run"
		file, err := runfile.Create(path, head())
		Expect(err).NotTo(HaveOccurred())
		ntp := harness.Destination{Protocol: "udp", Port: 123, Name: "time.example"}
		Expect(file.Append(harness.Result{Trial: harness.Trial{Number: 1}})).To(Succeed())
		Expect(file.Append(harness.Result{
			Trial: harness.Trial{Number: 2, Block: []harness.Destination{ntp}, Reason: "halve"},
			Held:  1500 * time.Millisecond,
			Outcomes: map[string]harness.Outcome{"hass": {Answer: harness.Fail, Why: "silent",
				Steps: []harness.StepOutcome{{Step: "hass", Answer: harness.Fail, Saw: "unavailable"}}}},
			Seen: harness.Observation{Contacts: []harness.Contact{{Destination: ntp, Attempts: 6}}},
		})).To(Succeed())
		Expect(file.Close()).To(Succeed())

		Expect(ask(path, "SELECT status, model, source FROM run")).To(Equal("running|roborock.vacuum.s5|s50-thread\n"))
		Expect(ask(path, "SELECT trial, blocks, reason, held_s FROM trials")).To(Equal("1|0||0.0\n2|1|halve|1.5\n"))
		Expect(ask(path, "SELECT * FROM blocked")).To(Equal("2|udp/123/time.example\n"))
		Expect(ask(path, "SELECT trial, scenario, answer, why FROM outcomes")).To(Equal("2|hass|fail|silent\n"))
		Expect(ask(path, "SELECT trial, position, saw FROM steps")).To(Equal("2|1|unavailable\n"))
		Expect(ask(path, "SELECT trial, destination, attempts, tries FROM contacts")).To(Equal("2|udp/123/time.example|6|0\n"))
	})
})

// ask runs a query as another program would. Python's own SQLite stands in
// where the sqlite3 program is not installed.
func ask(path, query string) string {
	GinkgoHelper()
	command := exec.Command("sqlite3", path, query)
	if command.Err != nil {
		command = exec.Command("python3", "-c", `import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]):
    print("|".join("" if v is None else str(v) for v in row))`, path, query)
	}
	output, err := command.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(output))
	return string(output)
}
