package netns

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Command is a child process in a namespace. It is used as exec.Cmd is, and
// dies with this process.
type Command struct {
	*exec.Cmd
	namespace *Namespace
}

// Command prepares a child process. It is killed when ctx ends.
func (n *Namespace) Command(ctx context.Context, name string, args ...string) *Command {
	command := exec.CommandContext(ctx, name, args...)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return &Command{command, n}
}

// Start starts the child. The kernel sends Pdeathsig when the *thread* that
// forked ends, so this thread waits for the child, without reaping it, for as
// long as it lives.
func (c *Command) Start() error {
	started := make(chan error, 1)
	go func() {
		err := c.namespace.Do(func() error {
			err := c.Cmd.Start()
			if err != nil {
				return err
			}
			pid := c.Process.Pid
			started <- nil
			await(pid)
			return nil
		})
		if err != nil {
			started <- err
		}
	}()
	return <-started
}

// await returns when the child has ended, and leaves it to be reaped.
func await(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// Run starts the child and waits for it.
func (c *Command) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the child and returns what it wrote to its standard output.
func (c *Command) Output() ([]byte, error) {
	var output bytes.Buffer
	c.Stdout = &output
	err := c.Run()
	return output.Bytes(), err
}

// CombinedOutput runs the child and returns all that it wrote.
func (c *Command) CombinedOutput() ([]byte, error) {
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	err := c.Run()
	return output.Bytes(), err
}
