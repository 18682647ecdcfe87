package scenarios

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2/types"
	"golang.org/x/sync/singleflight"

	"github.com/needwant/needwant/internal/span"
)

// compiling is how long that may take, with all that must be fetched for it.
const compiling = 10 * time.Minute

// suite is a compiled Ginkgo suite. Checks that ask for it at the same time, as
// the columns of a trial do, share one run.
type suite struct {
	binary  string
	folder  string // where its source is, to run it there
	label   string
	running singleflight.Group
}

// compileSuite makes a package into a program, in the user's cache.
func compileSuite(ctx context.Context, folder string, g *Ginkgo) (*suite, error) {
	if g.Binary != "" {
		binary, err := filepath.Abs(filepath.Join(folder, g.Binary))
		if filepath.IsAbs(g.Binary) {
			binary = g.Binary
		}
		return &suite{binary: binary, folder: filepath.Dir(binary), label: g.Label}, err
	}
	source, err := tool(ctx, folder, "go", "list", "-f", "{{.Dir}}", g.Package)
	if err != nil {
		return nil, fmt.Errorf("finding the package %s: %w", g.Package, err)
	}
	source = strings.TrimSpace(source)
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("keeping a compiled suite: %w: set HOME", err)
	}
	binary := filepath.Join(cache, "needwant", "suites", fmt.Sprintf("%x.test", sha256.Sum256([]byte(source))))
	if err := os.MkdirAll(filepath.Dir(binary), 0o700); err != nil {
		return nil, fmt.Errorf("keeping a compiled suite: %w", err)
	}
	if _, err := tool(ctx, folder, "go", "test", "-c", "-o", binary, g.Package); err != nil {
		return nil, fmt.Errorf("compiling %s: %w", g.Package, err)
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("compiling %s: it has no tests: write a file that ends in _test.go, with RunSpecs in it", g.Package)
	}
	return &suite{binary: binary, folder: source, label: g.Label}, nil
}

// tool runs a program of this machine and returns what it wrote.
func tool(ctx context.Context, folder, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Stdout, command.Stderr = folder, &stdout, &stderr
	err := command.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%w: install %s, or give a binary that was compiled elsewhere", err, name)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, shorten(stderr.String()))
	}
	return stdout.String(), nil
}

// list gives the full texts of the specs, without running them.
func (s *suite) list(ctx context.Context, folder string) ([]string, error) {
	reports, err := s.execute(ctx, &Engine{Folder: folder}, 0, "--ginkgo.dry-run")
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, report := range reports {
		if report.LeafNodeType == types.NodeTypeIt && report.State == types.SpecStatePassed {
			texts = append(texts, report.FullText())
		}
	}
	if len(texts) == 0 {
		return nil, errors.New("the suite has no spec to run: look at label")
	}
	return texts, nil
}

// run runs the suite, or waits for the run that is under way for this engine.
func (s *suite) run(ctx context.Context, e *Engine, timeout time.Duration) (types.SpecReports, error) {
	reports, err, _ := s.running.Do(fmt.Sprintf("%p", e), func() (any, error) { return s.execute(ctx, e, timeout) })
	if err != nil {
		return nil, err
	}
	return reports.(types.SpecReports), nil
}

func (s *suite) execute(ctx context.Context, e *Engine, timeout time.Duration, flags ...string) (types.SpecReports, error) {
	scratch, err := os.MkdirTemp("", "needwant-suite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	report := filepath.Join(scratch, "report.json")
	flags = append(flags, "--ginkgo.json-report="+report, "--ginkgo.no-color", "--test.timeout=0")
	if s.label != "" {
		flags = append(flags, "--ginkgo.label-filter="+s.label)
	}
	if timeout > 0 {
		flags = append(flags, "--ginkgo.timeout="+span.Typed(timeout))
	}
	command, run := e.Place.command(ctx, s.binary, flags...)
	output := &head{}
	command.Stdout, command.Stderr, command.Dir, command.Env = output, output, s.folder, e.environment()
	killAll(command)
	// A suite that fails exits with 1; the report says what failed.
	failure := run()
	text, err := os.ReadFile(report)
	if err != nil {
		return nil, errors.Join(failure, fmt.Errorf("the suite wrote no report: %s", shorten(output.String())))
	}
	return readReports(text)
}

func readReports(text []byte) (types.SpecReports, error) {
	var suites []types.Report
	if err := json.Unmarshal(text, &suites); err != nil {
		return nil, fmt.Errorf("reading the suite's report: %w", err)
	}
	var specs types.SpecReports
	for _, suite := range suites {
		specs = append(specs, suite.SpecReports...)
	}
	return specs, nil
}
