package runfile_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

// The test binary runs itself again to be killed, filled up or shut out. These
// variables tell it which part to play.
const (
	childPart = "RUNFILE_TEST_CHILD"
	childPath = "RUNFILE_TEST_PATH"
)

func child(part, path string) int {
	switch part {
	case "append": // until killed; says each number once it is on the disk
		return appendForever(path)
	case "fill": // a file system of 64 KiB of its own
		if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=64k"); err != nil {
			fmt.Println("mount:", err)
			return 1
		}
		return fill(path + "/full.run")
	case "read":
		run, err := runfile.Load(context.Background(), path)
		fmt.Println(len(run.Results), err)
		return 0
	}
	return 2
}

func appendForever(path string) int {
	file, run, err := runfile.Open(context.Background(), path)
	for n := len(run.Results) + 1; err == nil; n++ {
		if err = file.Append(result(n)); err == nil {
			fmt.Println(n)
		}
	}
	fmt.Println(err)
	return 1
}

// fill appends until the disk is full, frees a little, and goes on.
func fill(path string) int {
	file, err := runfile.Create(path, head())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	ballast := filepath.Join(filepath.Dir(path), "ballast")
	err = os.WriteFile(ballast, make([]byte, 12<<10), 0o600)
	var done int
	for err == nil {
		if err = file.Append(result(done + 1)); err == nil {
			done++
		}
	}
	full := errors.Is(err, runfile.NoSpace)
	fmt.Println("full:", full, err)
	kept, err := runfile.Load(context.Background(), path)
	fmt.Println("kept:", done > 0 && len(kept.Results) == done, err)
	fmt.Println("again:", errors.Join(os.Remove(ballast), file.Append(result(done+1)), file.Close()))
	kept, err = runfile.Load(context.Background(), path)
	fmt.Println("kept:", len(kept.Results) == done+1, err)
	return 0
}

// play prepares the test binary for a part.
func play(part, path string) *exec.Cmd {
	command := exec.Command("/proc/self/exe")
	command.Env = append(os.Environ(), childPart+"="+part, childPath+"="+path)
	command.Stderr = GinkgoWriter
	return command
}

var _ = Describe("a run file under attack", func() {
	It("keeps every committed trial when the program is killed at any moment", func(ctx SpecContext) {
		path := GinkgoT().TempDir() + "/killed.run"
		file, err := runfile.Create(path, head())
		Expect(err).NotTo(HaveOccurred())
		Expect(file.Close()).To(Succeed())
		random := rand.New(rand.NewSource(GinkgoRandomSeed()))
		for range 12 {
			said := killAfter(path, 1+random.Intn(4), time.Duration(random.Intn(4000))*time.Microsecond)
			run, err := runfile.Load(context.Background(), path)
			Expect(err).NotTo(HaveOccurred())
			Expect(len(run.Results)).To(BeElementOf(said, said+1), "at most the trial that was never reported is there besides")
			for i, got := range run.Results {
				Expect(got).To(Equal(result(i + 1)))
			}
		}
		file, _, err = runfile.Open(context.Background(), path)
		Expect(err).NotTo(HaveOccurred())
		Expect(file.Finish(harness.Complete, "", time.Second)).To(Succeed())
		Expect(file.Close()).To(Succeed())
		Expect(filepath.Glob(path + "*")).To(Equal([]string{path}))
	}, SpecTimeout(2*time.Minute))

	It("takes back what a power cut left half written", func() {
		path, run := written(8)
		cut := halfWritten(path)
		Expect(contents(cut)).NotTo(Equal(contents(path)), "the cut hit the file itself")
		Expect(runfile.Load(context.Background(), cut)).To(Equal(run))

		cut = halfWritten(path)
		file, before, err := runfile.Open(context.Background(), cut)
		Expect(err).NotTo(HaveOccurred())
		Expect(before).To(Equal(run))
		Expect(file.Append(result(9))).To(Succeed())
		Expect(file.Close()).To(Succeed())
		Expect(runfile.Load(context.Background(), cut)).To(HaveField("Results", HaveLen(9)))
		Expect(filepath.Glob(cut + "*")).To(Equal([]string{cut}))
	})

	It("says so when the disk is full, keeps what it has, and goes on once there is room", Label("root"), func(ctx SpecContext) {
		command := play("fill", GinkgoT().TempDir())
		command.SysProcAttr = ownMounts()
		output, err := command.Output()
		Expect(err).NotTo(HaveOccurred(), string(output))
		Expect(string(output)).To(MatchRegexp(
			`^full: true run file .*/full.run cannot grow: no space left: free some space.*
kept: true <nil>
again: <nil>
kept: true <nil>
$`))
	}, SpecTimeout(time.Minute))

	It("can be read where nothing may be written", func(ctx SpecContext) {
		path, _ := written(3)
		Expect(os.Chmod(path, 0o444)).To(Succeed())
		Expect(os.Chmod(filepath.Dir(path), 0o555)).To(Succeed())
		DeferCleanup(os.Chmod, filepath.Dir(path), os.FileMode(0o755))
		command := play("read", path)
		if os.Geteuid() == 0 { // who may write anywhere, but not under another number in a user namespace
			command.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags:  syscall.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{ContainerID: 65534, HostID: 0, Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: 65534, HostID: 0, Size: 1}},
			}
		}
		Expect(command.Output()).To(BeEquivalentTo("3 <nil>\n"))
	}, SpecTimeout(time.Minute))

	It("is never overwritten", func() {
		path, run := written(1)
		_, err := runfile.Create(path, head())
		Expect(err).To(MatchError(runfile.Exists))
		Expect(err).To(MatchError(ContainSubstring("choose another name")))
		Expect(runfile.Load(context.Background(), path)).To(Equal(run))
	})

	It("needs a folder", func() {
		_, err := runfile.Create(GinkgoT().TempDir()+"/none/a.run", head())
		Expect(err).To(MatchError(runfile.NotWritable))
	})

	It("has one writer", func() {
		path, run := written(1)
		first, _, err := runfile.Open(context.Background(), path)
		Expect(err).NotTo(HaveOccurred())
		_, _, err = runfile.Open(context.Background(), path)
		Expect(err).To(MatchError(runfile.InUse))

		Expect(first.Append(result(2))).To(Succeed())
		Expect(runfile.Load(context.Background(), path)).To(HaveField("Results", Equal(append(run.Results, result(2)))))
		_, _, err = runfile.Open(context.Background(), path)
		Expect(err).To(MatchError(runfile.InUse))

		Expect(first.Close()).To(Succeed())
		second, _, err := runfile.Open(context.Background(), path)
		Expect(err).NotTo(HaveOccurred())
		Expect(second.Close()).To(Succeed())
	})

	It("lets one of many have it", func() {
		path, _ := written(1)
		var starters sync.WaitGroup
		outcomes := make(chan error, 20)
		won := make(chan *runfile.File, 20)
		for range cap(outcomes) {
			starters.Go(func() {
				file, _, err := runfile.Open(context.Background(), path)
				outcomes <- err
				won <- file
			})
		}
		starters.Wait()
		close(outcomes)
		close(won)
		var winners int
		for err := range outcomes {
			if err == nil {
				winners++
				continue
			}
			Expect(err).To(MatchError(runfile.InUse))
		}
		for file := range won {
			if file != nil {
				Expect(file.Close()).To(Succeed())
			}
		}
		Expect(winners).To(Equal(1))
	})

	It("takes results from several lanes at once, while others read", func() {
		path := GinkgoT().TempDir() + "/lanes.run"
		file, err := runfile.Create(path, head())
		Expect(err).NotTo(HaveOccurred())
		var lanes sync.WaitGroup
		failures := make(chan error, 40)
		for lane := range 4 {
			lanes.Go(func() {
				for n := range 5 {
					failures <- file.Append(harness.Result{Lane: lane, Trial: harness.Trial{Number: lane*5 + n + 1}})
					_, err := runfile.Load(context.Background(), path)
					failures <- err
				}
			})
		}
		lanes.Wait()
		close(failures)
		for err := range failures {
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(file.Close()).To(Succeed())
		Expect(runfile.Load(context.Background(), path)).To(HaveField("Results", HaveLen(20)))
	})
})

// ownMounts lets a child mount what it likes, unseen by others.
func ownMounts() *syscall.SysProcAttr {
	if os.Geteuid() == 0 {
		return &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	}
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
}

// halfWritten copies the file and its journal from the midst of a transaction
// that is too big for SQLite's cache, as they would lie on the disk after a
// power cut. The file itself is left as it was.
func halfWritten(path string) string {
	GinkgoHelper()
	db, err := sql.Open("sqlite", path)
	Expect(err).NotTo(HaveOccurred())
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec("PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE journal SET json = upper(json), checksum = x'00'")
	Expect(err).NotTo(HaveOccurred())
	cut := GinkgoT().TempDir() + "/cut.run"
	write(cut, string(contents(path)))
	write(cut+"-journal", string(contents(path+"-journal")))
	_, err = db.Exec("ROLLBACK")
	Expect(err).NotTo(HaveOccurred())
	return cut
}

// killAfter lets a child append n trials and kills it a moment later. It
// returns the last number that the child said was on the disk.
func killAfter(path string, n int, moment time.Duration) (last int) {
	GinkgoHelper()
	command := play("append", path)
	output, err := command.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(command.Start()).To(Succeed())
	lines := bufio.NewScanner(output)
	for range n {
		Expect(lines.Scan()).To(BeTrue())
		last, err = strconv.Atoi(lines.Text())
		Expect(err).NotTo(HaveOccurred(), lines.Text())
	}
	time.AfterFunc(moment, func() { _ = command.Process.Kill() })
	for lines.Scan() {
		last, err = strconv.Atoi(lines.Text())
		Expect(err).NotTo(HaveOccurred(), lines.Text())
	}
	Expect(command.Wait()).NotTo(Succeed())
	return last
}
