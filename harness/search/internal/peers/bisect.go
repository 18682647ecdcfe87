package peers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/needwant/needwant/harness/search"
)

// Bisect drives golang.org/x/tools/cmd/bisect. A change is a destination,
// enabling it is blocking it, and the target is this program, started again
// with the arguments that [Device] reads.
type Bisect struct {
	program string // path of bisect
	target  string // path of this program
	scratch string
}

// BuildBisect builds the program of the version in go.mod.
func BuildBisect(ctx context.Context, scratch string) (Bisect, error) {
	target, err := os.Executable()
	if err != nil {
		return Bisect{}, fmt.Errorf("finding this program: %w", err)
	}
	b := Bisect{filepath.Join(scratch, "bisect"), target, scratch}
	build := exec.CommandContext(ctx, "go", "build", "-o", b.program, "golang.org/x/tools/cmd/bisect")
	if out, err := build.CombinedOutput(); err != nil {
		return Bisect{}, fmt.Errorf("building bisect: %w: %s", err, bytes.TrimSpace(out))
	}
	return b, nil
}

// Explain is the cuts that bisect finds, and how often it ran the device. The
// first of its runs, with nothing blocked, is its own control, and counted.
func (b Bisect) Explain(ctx context.Context, n int, cuts []search.Set) (found []search.Set, trials int, err error) {
	tally := filepath.Join(b.scratch, "tally")
	if err := os.WriteFile(tally, nil, 0o600); err != nil {
		return nil, 0, fmt.Errorf("counting the trials of bisect: %w", err)
	}
	args := append([]string{"-count=1", b.target, deviceVerb, tally, "PATTERN", strconv.Itoa(n)}, written(cuts)...)
	command := exec.CommandContext(ctx, b.program, args...)
	var report, log bytes.Buffer
	command.Stdout, command.Stderr = &report, &log
	if err := command.Run(); err != nil {
		return nil, 0, fmt.Errorf("running bisect: %w: %s", err, bytes.TrimSpace(log.Bytes()))
	}
	runs, err := os.ReadFile(tally)
	if err != nil {
		return nil, 0, fmt.Errorf("counting the trials of bisect: %w", err)
	}
	found, err = readReport(report.String())
	return found, len(runs), err
}

// readReport reads the change sets that bisect prints, each under a heading
// that begins with three dashes.
func readReport(report string) ([]search.Set, error) {
	var found []search.Set
	for _, line := range strings.Split(report, "\n") {
		name, isDestination := strings.CutPrefix(strings.TrimSpace(line), "destination ")
		switch {
		case strings.HasPrefix(line, "--- change set"):
			found = append(found, search.Set{})
		case isDestination && len(found) > 0:
			x, err := strconv.Atoi(name)
			if err != nil {
				return nil, fmt.Errorf("reading the report of bisect: %w", err)
			}
			found[len(found)-1] = found[len(found)-1].With(x)
		}
	}
	return found, nil
}

// written is the cuts as arguments, each as "3,5,8".
func written(cuts []search.Set) []string {
	var args []string
	for _, cut := range cuts {
		args = append(args, strings.ReplaceAll(strings.Trim(cut.String(), "{}"), " ", ","))
	}
	return args
}
