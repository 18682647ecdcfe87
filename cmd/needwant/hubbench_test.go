package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/needwant/needwant/cmd/internal/hub"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

// What the hub is measured with. A night has more trials, but not more at once.
const (
	benchAgents  = 8
	benchDevices = 25 // of each agent
	benchTrials  = 20 // of each device
)

// fleetBench is a hub, and agents whose devices take no time.
type fleetBench struct {
	*testing.B
	program   string
	directory hub.Directory
	address   string
	files     []*runfile.File
	paths     []string
	sent      int // records of each file
	process   *exec.Cmd
}

// BenchmarkHub measures what a hub does for 200 devices of 8 agents: how many results per second it
// takes in when it is filled from run files; how long it takes to have 5 trials of each device that were made while it was
// not there; and its memory after so many trials of each device: MB-10, MB-35, MB-45 and so on to MB-145.
func BenchmarkHub(b *testing.B) {
	f := &fleetBench{B: b, program: filepath.Join(b.TempDir(), "needwant"), directory: hub.Directory(b.TempDir()), address: "127.0.0.1:0"}
	said, err := exec.Command("go", "build", "-o", f.program, ".").CombinedOutput()
	f.must(err, string(said))
	f.start()
	defer f.stop()
	defer f.connect()()
	f.trials(benchTrials / 2)
	f.wait() // and warm
	half := f.memory()

	f.stop()
	f.trials(benchTrials / 2)
	f.must(os.RemoveAll(f.directory.Runs()))
	f.must(os.RemoveAll(filepath.Join(string(f.directory), "jetstream")))
	f.start()
	rebuilt := f.wait()
	f.ReportMetric(rebuilt.Seconds(), "s-rebuilt")
	f.ReportMetric(float64(len(f.files)*f.sent)/rebuilt.Seconds(), "results/s")

	f.stop()
	const missed = 5
	f.trials(missed)
	f.start()
	f.ReportMetric(f.wait().Seconds(), "s-lag")
	f.ReportMetric(half, "MB-10")
	for range 12 {
		f.trials(benchTrials / 2)
		f.wait()
		f.ReportMetric(f.memory(), fmt.Sprintf("MB-%d", f.sent-1))
	}
	f.ReportMetric(0, "ns/op")
}

func (f *fleetBench) must(err error, more ...string) {
	f.Helper()
	if err != nil {
		f.Fatal(err, more)
	}
}

// start starts the hub, at the address that it had before.
func (f *fleetBench) start() {
	f.process = exec.Command(f.program, "hub", "--dir", string(f.directory), "--listen", f.address)
	f.must(f.process.Start())
	f.until("the hub does not start", func() bool {
		text, _ := os.ReadFile(filepath.Join(string(f.directory), "address"))
		f.address = strings.TrimSpace(string(text))
		return f.address != ""
	})
}

// stop kills the hub.
func (f *fleetBench) stop() {
	_ = f.process.Process.Kill()
	_ = f.process.Wait()
}

// connect connects the agents, each with its devices.
func (f *fleetBench) connect() (end func()) {
	ctx, cancel := context.WithCancel(f.Context())
	var links []*hub.Link
	for a := range benchAgents {
		file := filepath.Join(f.TempDir(), "creds")
		f.must(f.directory.Add(fmt.Sprintf("agent%d", a), file))
		var link *hub.Link
		f.until("the hub does not let an agent in", func() bool {
			var err error
			link, err = hub.Connect(f.address, file, func(string) {})
			return err == nil
		})
		links = append(links, link)
		for d := range benchDevices {
			path := filepath.Join(f.TempDir(), fmt.Sprintf("lamp%d.run", d))
			run, err := runfile.Create(path, harness.Run{
				ID: fmt.Sprintf("RUN%d-%d", a, d), Started: time.Now(), Device: harness.Device{Name: fmt.Sprintf("lamp%d", d)}, Settings: harness.Settings{Order: "exact"},
				Scenarios: []harness.ScenarioInfo{{Name: "app", Title: "Required for app?"}},
			})
			f.must(err)
			f.files, f.paths = append(f.files, run), append(f.paths, filepath.Join(f.directory.Runs(), fmt.Sprintf("agent%d.lamp%d.RUN%d-%d.run", a, d, a, d)))
			go link.Send(ctx, path, fmt.Sprintf("lamp%d", d), nil)
		}
	}
	f.sent = 1
	return func() {
		cancel()
		for _, link := range links {
			link.Close()
		}
		for _, file := range f.files {
			f.must(file.Close())
		}
	}
}

// trials adds trials to each run file, of a device with twelve destinations.
func (f *fleetBench) trials(count int) {
	var contacts []harness.Contact
	for i := range 12 {
		contacts = append(contacts, harness.Contact{
			Destination: harness.Destination{Protocol: harness.TCP, Port: 443, Name: fmt.Sprintf("server%d.maker.example", i)}, Tries: 4, Attempts: 2, Touched: 4,
		})
	}
	for range count {
		for _, file := range f.files {
			f.must(file.Append(harness.Result{
				Trial: harness.Trial{Number: f.sent, Block: []harness.Destination{contacts[f.sent%12].Destination}, Fault: harness.Reject, Regime: harness.Steady},
				Lane:  1, Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}}, Recovered: true, Seen: harness.Observation{Contacts: contacts},
			}))
		}
		f.sent++
	}
}

// wait waits until the hub has everything.
func (f *fleetBench) wait() time.Duration {
	began := time.Now()
	for _, path := range f.paths {
		f.until(path+" has not everything", func() bool {
			records, err := runfile.Records(f.Context(), path, f.sent-1)
			return err == nil && len(records) > 0
		})
	}
	return time.Since(began)
}

// until waits for a condition.
func (f *fleetBench) until(otherwise string, done func() bool) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	late := time.After(10 * time.Minute)
	for !done() {
		select {
		case <-again.C:
		case <-late:
			f.Fatal(otherwise)
		}
	}
}

// memory is what the hub has in memory, in MB.
func (f *fleetBench) memory() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.process.Process.Pid))
	f.must(err)
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	f.must(err)
	return float64(kilobytes) / 1024
}
