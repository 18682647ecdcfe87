//go:build e2e

package guest_test

import (
	"bufio"
	"context"
	_ "embed" // holds the guest's first process
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

//go:embed init
var initScript []byte

// Guest is a kernel that can be started as a process of this machine.
type Guest struct {
	Command func(ctx context.Context, init string, settings []string) *exec.Cmd // boots it, its console on the standard streams
	Modules string                                                              // folder with the kernel's modules, by version
	Load    string                                                              // modules to load first, between blanks
	Extra   []string                                                            // settings of init
}

// done is what init says when the specs are over, before their exit status.
const done = "the specs ended with "

// Build makes the folder ready that a guest runs from: the test binary of a
// package, and the program that it tests.
func Build(ctx context.Context, folder, tested, program string) error {
	const small = "-ldflags=-s -w" // a guest reads it slowly
	for _, arguments := range [][]string{
		{"test", "-c", "-trimpath", small, "-o", filepath.Join(folder, "specs"), tested},
		{"build", "-trimpath", small, "-o", filepath.Join(folder, "needwant"), program},
	} {
		command := exec.CommandContext(ctx, "go", arguments...)
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w: %s", strings.Join(arguments, " "), err, text)
		}
	}
	return nil
}

// Run boots the guest, runs the specs with a label from a folder that Build made,
// and copies what the guest says to out. It is an error when they do not all
// pass.
func (g Guest) Run(ctx context.Context, folder, label string, out io.Writer) error {
	init, err := g.prepare(filepath.Join(folder, label))
	if err != nil {
		return err
	}
	settings := append([]string{"GUEST_FOLDER=" + folder, "GUEST_MODULES=" + g.Modules, "GUEST_LABEL=" + label}, g.Extra...)
	command := g.Command(ctx, init, settings)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	console, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		return fmt.Errorf("starting the guest: %w", err)
	}
	said := listen(console, out)
	killed := command.Cancel() // it may not know how to switch itself off
	err = command.Wait()
	if said != "0" {
		return errors.Join(fmt.Errorf("the specs in the guest ended with %q; what it said is above", said), killed, err)
	}
	return nil
}

// prepare writes what this guest alone needs, and returns the path of its first
// process.
func (g Guest) prepare(folder string) (init string, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, "modules"), []byte(g.Load), 0o600); err != nil {
		return "", err
	}
	init = filepath.Join(folder, "init")
	if err := os.WriteFile(init, initScript, 0o600); err != nil {
		return "", err
	}
	return init, os.Chmod(init, 0o700)
}

// listen copies the console until the specs are over, and returns their exit
// status; "" where the guest died before.
func listen(console io.Reader, out io.Writer) (status string) {
	for lines := bufio.NewScanner(console); lines.Scan(); {
		line := strings.TrimRight(lines.Text(), "\r")
		fmt.Fprintln(out, line)
		if found, over := strings.CutPrefix(line, done); over {
			return found
		}
	}
	return ""
}
