package main_test

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// BenchmarkLab is the main job as a user starts it: how long, of which almost all
// is waiting for the device, and the most memory that it took at any time.
func BenchmarkLab(b *testing.B) {
	path := filepath.Join(b.TempDir(), "needwant")
	if said, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, said)
	}
	var peak int64
	for b.Loop() {
		command := exec.Command(path, "lab", "--quiet", "--discard")
		if said, err := command.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, said)
		}
		peak = max(peak, command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	}
	b.ReportMetric(float64(peak)/1024, "peak-MB")
}
