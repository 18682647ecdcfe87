package main_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"github.com/needwant/needwant/netns"
)

// TestMain gets an ordinary user the rights to look at links and rules.
func TestMain(m *testing.M) { os.Exit(netns.Main(m.Run)) }

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "needwant")
}

// program is the path of the program under test, built once for all processes.
var program string

// builtProgram names the program where it was built before, as for a guest, which
// has no time for that.
const builtProgram = "NEEDWANT_PROGRAM"

// build builds the program as scripts/build does, with other arguments of go build.
func build(arguments ...string) (path string, err error) {
	return gexec.BuildWithEnvironment("github.com/needwant/needwant/cmd/needwant", []string{"CGO_ENABLED=0"}, append(arguments, "-trimpath", "-ldflags=-s -w")...)
}

var _ = SynchronizedBeforeSuite(func() []byte {
	if built := os.Getenv(builtProgram); built != "" {
		return []byte(built)
	}
	path, err := build()
	Expect(err).NotTo(HaveOccurred())
	return []byte(path)
}, func(path []byte) {
	program = string(path)
	state, err := os.MkdirTemp("", "state")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(os.RemoveAll, state)
	Expect(os.Setenv("XDG_STATE_HOME", state)).To(Succeed()) // what the specs begin is not the tester's
})

var _ = SynchronizedAfterSuite(func() {}, gexec.CleanupBuildArtifacts)

// ended is a run of the program that is over.
type ended struct {
	Code   int
	Stdout string
	Stderr string
}

// needwant runs the program to its end.
func needwant(ctx context.Context, args ...string) ended {
	GinkgoHelper()
	command := exec.CommandContext(ctx, program, args...)
	return end(command, command.Run)
}

// end is a run of a command to its end.
func end(command *exec.Cmd, run func() error) ended {
	GinkgoHelper()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		Expect(err).NotTo(HaveOccurred())
	}
	return ended{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// file writes a file for one spec.
func file(name, text string) string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), name)
	Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
	return path
}
