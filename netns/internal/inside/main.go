// Command inside runs a program with what it takes to make namespaces: as it
// is for root, and in a user and network namespace of its own for anybody else.
//
//	inside PROGRAM [ARGUMENT...]
//
// The specs run like this. A suite could enter a namespace alone, but then its
// parallel processes would not reach each other over the loopback link.
//
// The program has a mount namespace of its own in any case, so that no disk that a spec mounted is
// left behind, even if the spec was killed.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/needwant/needwant/netns"
)

func main() { os.Exit(netns.Main(become)) }

// become replaces this program, and returns only when that fails.
func become() int {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: inside PROGRAM [ARGUMENT...]")
		return 2
	}
	runtime.LockOSThread() // whose namespace the program gets
	path, err := exec.LookPath(os.Args[1])
	if err == nil {
		err = syscall.Unshare(syscall.CLONE_NEWNS)
	}
	if err == nil {
		err = syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SLAVE, "")
	}
	if err == nil {
		err = syscall.Exec(path, os.Args[1:], os.Environ())
	}
	fmt.Fprintf(os.Stderr, "inside: running %s: %v\n", os.Args[1], err)
	return 1
}
