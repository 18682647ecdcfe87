package scenarios

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/needwant/needwant/internal/span"
)

// Exec runs a program.
type Exec struct {
	Command []string          `yaml:"command" about:"The program and its arguments, for example [adb, shell, dumpsys, activity]. The program is not run in a shell. If you need a shell, write [sh, -c, '...']."`
	Env     map[string]string `yaml:"env,omitempty" about:"Additional environment variables: {TOKEN: env:DEVICE_TOKEN}."`
	Dir     string            `yaml:"dir,omitempty" about:"The directory in which the program is run. The default is the spec's directory."`
	Input   string            `yaml:"input,omitempty" about:"What the program reads on its standard input."`
}

// ExecResult is what an expectation on [Exec] may name.
type ExecResult struct {
	Exit   int     `expr:"exit" about:"The exit code; -1 when a signal ended it."`
	Stdout string  `expr:"stdout" about:"The first megabyte of what the program wrote to its standard output."`
	Stderr string  `expr:"stderr" about:"The first megabyte of what the program wrote to its standard error."`
	JSON   any     `expr:"json" about:"stdout, if it is JSON."`
	Took   float64 `expr:"took_ms" about:"How many milliseconds the program ran."`
}

// lingering is how long the pipes of a program that was killed may stay open in
// the hands of its children.
const lingering = time.Second

func execKind() Kind {
	return Kind{
		Name:    "exec",
		About:   "Runs a program: adb, Maestro, Appium, your own script. Its packets are sent from the place in the scenario's `from`.",
		Fails:   "By default, any exit code but 0 is a failure. A program that does not end in time is killed, and the check fails. A program that cannot be started makes the check inconclusive.",
		Example: "{exec: {command: [adb, shell, pidof, com.roborock.smart]}, expect: 'exit == 0 && stdout != \"\"'}",
		Short:   "",
		New:     func() Action { return new(Exec) },
		Result:  ExecResult{},
		Expect:  "exit == 0",
	}
}

func (x *Exec) check() *ArgumentError {
	if len(x.Command) == 0 || x.Command[0] == "" {
		return wrong("command", "there is no program to run", "write it as [adb, devices]")
	}
	for _, name := range slices.Sorted(maps.Keys(x.Env)) {
		if strings.ContainsAny(name, "= ") || name == "" {
			return wrong("env", fmt.Sprintf("%q is not a name of a variable", name), "write it as TOKEN")
		}
		if private(name) && !pointsElsewhere(x.Env[name]) {
			return &ArgumentError{"env." + name, name + " must not be written out", secretRemedy, true}
		}
	}
	return nil
}

func (x *Exec) prepare(e *Engine, _ time.Duration) (deed, error) {
	environment, hide := []string{}, []func(string) string{}
	for _, name := range slices.Sorted(maps.Keys(x.Env)) {
		value, err := e.reveal(x.Env[name])
		if err != nil {
			return deed{}, fmt.Errorf("env %s: %w", name, err)
		}
		environment = append(environment, name+"="+value)
		if pointsElsewhere(x.Env[name]) {
			hide = append(hide, redact(value))
		}
	}
	return deed{
		kind: execKind(),
		name: "exec " + shorten(strings.Join(x.Command, " ")),
		hide: hide,
		run:  func(ctx context.Context) (sight, error) { return x.execute(ctx, e, environment) },
	}, nil
}

func (x *Exec) execute(ctx context.Context, e *Engine, environment []string) (sight, error) {
	command, run := e.Place.command(ctx, x.Command[0], x.Command[1:]...)
	stdout, stderr := &head{}, &head{}
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(x.Input), stdout, stderr
	command.Env = append(os.Environ(), environment...)
	command.Dir = x.Dir
	if command.Dir == "" {
		command.Dir = e.Folder
	}
	killAll(command)
	started := time.Now()
	err := run()
	took := time.Since(started)
	ended, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return sight{failure: fmt.Sprintf("it did not end within %s, and was killed", span.Words(took.Round(time.Millisecond))), late: true}, nil
	case err != nil && !exited && !errors.Is(err, exec.ErrWaitDelay):
		return sight{}, fmt.Errorf("%w: is %s installed, and may it be run?", err, x.Command[0])
	}
	result := ExecResult{Stdout: stdout.String(), Stderr: stderr.String(), Took: milliseconds(took)}
	if exited {
		result.Exit = ended.ExitCode()
	}
	return x.sight(result), nil
}

func (x *Exec) sight(result ExecResult) sight {
	saw := result.Stdout
	if value, err := values([]byte(result.Stdout)); err == nil {
		result.JSON = value
		saw = show(value)
	}
	if result.Exit != 0 {
		saw += " " + result.Stderr
	}
	return sight{result: result, saw: strings.TrimSpace(fmt.Sprintf("exit %d %s", result.Exit, saw))}
}

// killAll makes the end of ctx end the program's own children too.
func killAll(command *exec.Cmd) {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid = true
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = lingering
}

// head keeps the first megabyte that is written.
type head struct{ bytes.Buffer }

// Write never fails.
func (h *head) Write(text []byte) (int, error) {
	h.Buffer.Write(text[:min(len(text), max(maxText-h.Len(), 0))])
	return len(text), nil
}
