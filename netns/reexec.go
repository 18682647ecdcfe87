package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// insideMarker tells the child of Reexec what it is. The child removes it.
const insideMarker = "NEEDWANT_INSIDE_USER_NAMESPACE"

// Reexec gives a program that is not root what this package needs. Call it
// first in main, or in TestMain, before any flag is read:
//
//	done, exitCode, err := netns.Reexec()
//	if err != nil { … } // often a *RestrictedError, which has the remedy
//	if done { os.Exit(exitCode) }
//
// With the privileges there it does nothing. Otherwise it runs the program again in a
// user, mount and network namespace of its own, where the user is mapped to
// root, passes signals on, and returns done with the exit code when that run is
// over: 128 + n after signal n. In that run Reexec returns not done, and
// everything after it happens as root of the namespaces. The child dies with
// its parent.
//
// Inside, /run is empty, for the lock file of iptables; PATH has the system
// directories; the network has only a loopback link.
func Reexec() (done bool, exitCode int, err error) {
	if os.Getenv(insideMarker) != "" {
		return false, 0, restricted(furnishInside())
	}
	if privileged() {
		return false, 0, nil
	}
	exitCode, err = runInside()
	return err == nil, exitCode, restricted(err)
}

// Main calls run with the privileges that this package needs and returns its
// exit code; 3 when they could not be had, with the remedy on standard error.
// In a test binary:
//
//	func TestMain(m *testing.M) { os.Exit(netns.Main(m.Run)) }
func Main(run func() int) int {
	done, exitCode, err := Reexec()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	if done {
		return exitCode
	}
	return run()
}

// privileged reports whether this process may make namespaces and links. Being
// root is not enough in a container.
func privileged() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return os.Geteuid() == 0
	}
	const needed = 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_SYS_ADMIN
	return data[0].Effective&needed == needed
}

func runInside() (exitCode int, err error) {
	// Pdeathsig is sent when this thread ends, so it must outlive the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	child := insideCommand()
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, forwarded...)
	defer signal.Stop(signals)
	if err := child.Start(); err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	defer close(ended)
	go forward(signals, child, ended)
	err = child.Wait()
	if child.ProcessState == nil {
		return 0, err
	}
	return exitCodeOf(child.ProcessState), nil
}

func insideCommand() *exec.Cmd {
	child := exec.Command("/proc/self/exe")
	child.Args = os.Args
	child.Env = append(os.Environ(), insideMarker+"=1")
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
		Setpgid:     !atTerminal(),
	}
	return child
}

// atTerminal reports whether this process is in the foreground of a terminal.
// There the child stays in the terminal's process group, so that it can read
// from it and be stopped.
func atTerminal() bool {
	terminal, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer terminal.Close()
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// forwarded are the signals that the child gets to see.
var forwarded = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
}

// forward passes signals on. A terminal sends its own to the whole process
// group, and a child in it must not get them twice; there they only must not
// kill this process.
func forward(signals <-chan os.Signal, child *exec.Cmd, ended <-chan struct{}) {
	sharesTerminal := !child.SysProcAttr.Setpgid
	for {
		select {
		case <-ended:
			return
		case s := <-signals:
			if sharesTerminal && (s == syscall.SIGINT || s == syscall.SIGQUIT) {
				continue
			}
			_ = child.Process.Signal(s) // it may have ended just now
		}
	}
}

func exitCodeOf(state *os.ProcessState) int {
	status, ok := state.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// furnishInside makes the child's new namespaces fit for iptables.
func furnishInside() error {
	if err := os.Unsetenv(insideMarker); err != nil {
		return err
	}
	if err := addToPath("/usr/local/sbin", "/usr/sbin", "/sbin"); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mounting an empty /run: %w", err)
	}
	// Go finds out once a process whether there is IPv6, by binding to ::1.
	return raiseLoopback()
}

func addToPath(directories ...string) error {
	path := os.Getenv("PATH")
	for _, directory := range directories {
		if !strings.Contains(":"+path+":", ":"+directory+":") {
			path += ":" + directory
		}
	}
	return os.Setenv("PATH", strings.TrimPrefix(path, ":"))
}

func raiseLoopback() error {
	file, err := os.Open(threadNamespace)
	if err != nil {
		return err
	}
	own := &Namespace{file: file}
	return errors.Join(own.furnish(), own.Close())
}
