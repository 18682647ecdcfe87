package guard

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/needwant/needwant/netns"
)

// Guardian is a process that puts things back when this one dies. It waits on a
// pipe whose other end only this process has, and holds the gateway's namespace,
// so that a link in it is not lost.
type Guardian struct {
	command *exec.Cmd
	life    *os.File
	journal string // its path
}

// dismissPatience is how long a guardian may take to end. It needs milliseconds if
// everything is back already, and [kernelPatience] if a link is lost.
const dismissPatience = 5 * time.Second

// startPatience is how long a guardian may take to start. It needs tens of milliseconds on an idle machine.
const startPatience = 20 * time.Second

// The descriptors that a guardian inherits.
const (
	lifeFD = 3 + iota
	namespaceFD
	readyFD
	lockFD // and those after it
)

// Start runs a guardian, and waits until signals can't end it any more. The command is a program
// that calls [Serve] with the journal's path, which is added to its arguments.
func Start(command []string, journal *Journal, gateway *netns.Namespace, lock *Lock) (*Guardian, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	ready, readied, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	defer ready.Close()
	defer readied.Close()
	g := &Guardian{life: writer, journal: journal.Path()}
	g.command = exec.Command(command[0], append(append([]string{}, command[1:]...), journal.Path())...)
	g.command.ExtraFiles = append([]*os.File{reader, gateway.File(), readied}, lock.files...)
	g.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a terminal's signals are not for it
	if err := g.command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the guardian: %w", err), writer.Close())
	}
	if err := awaitReady(ready, readied); err != nil {
		_ = g.command.Process.Kill() // it may have ended
		_ = g.command.Wait()         // it was killed
		return nil, errors.Join(fmt.Errorf("starting the guardian: %w", err), writer.Close())
	}
	return g, nil
}

// awaitReady waits until a guardian says that it is ready.
func awaitReady(ready, readied *os.File) error {
	if err := readied.Close(); err != nil { // so that the guardian's end is noticed
		return err
	}
	if err := ready.SetReadDeadline(time.Now().Add(startPatience)); err != nil {
		return err
	}
	switch _, err := ready.Read(make([]byte, 1)); {
	case errors.Is(err, io.EOF):
		return errors.New("it ended at once")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it was not ready after %.0f s: this machine is too busy", startPatience.Seconds())
	default:
		return err
	}
}

// Dismiss ends the guardian, which first puts back what the journal still holds. If
// the journal is gone, everything is back: then how the guardian ended is not an
// error, since another program may have killed it or stopped it. One that does not
// end by itself is killed.
func (g *Guardian) Dismiss() error {
	closed := g.life.Close()
	late := time.AfterFunc(dismissPatience, func() { _ = g.command.Process.Kill() }) // it may have ended
	defer late.Stop()
	ended := g.command.Wait()
	if _, err := os.Stat(g.journal); errors.Is(err, fs.ErrNotExist) {
		return closed
	}
	if ended != nil {
		ended = fmt.Errorf("the guardian ended before everything was back: %w", ended)
	}
	return errors.Join(closed, ended)
}

// Serve is a guardian's whole life: it waits until the program that started it
// is gone, and puts back what is left in the journal.
func Serve(path string) error {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	life, namespace, readied := os.NewFile(lifeFD, "life"), os.NewFile(namespaceFD, "namespace"), os.NewFile(readyFD, "ready")
	if _, err := readied.Write([]byte{1}); err != nil {
		return fmt.Errorf("a guardian is started by needwant itself, and by nobody else: %w", err)
	}
	_ = readied.Close() // nothing was buffered
	if _, err := io.Copy(io.Discard, life); err != nil {
		return fmt.Errorf("a guardian is started by needwant itself, and by nobody else: %w", err)
	}
	journal, err := Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	host, err := netns.Own()
	if err != nil {
		return err
	}
	gateway, err := netns.Adopt(namespace)
	if err != nil {
		return err
	}
	_, err = journal.HandBack(host, gateway, false)
	removeLocks()
	return err
}

// removeLocks removes the files of the locks that were handed on. The kernel
// drops them when this process ends.
func removeLocks() {
	for fd := lockFD; ; fd++ {
		path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil || !strings.HasSuffix(path, lockSuffix) {
			return
		}
		_ = discard(fd, path) // an empty file stays, at worst
	}
}
