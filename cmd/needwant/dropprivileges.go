package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Commands that only read and write files read some from strangers. Started as
// root, they give up what they do not need before they look at any.

// shedMarker tells the program that it has given its privileges up.
const shedMarker = "NEEDWANT_SHED"

// readers are the commands that need nothing but files.
var readers = []string{
	"needwant report", "needwant export", "needwant watch", "needwant import", "needwant catalog add", "needwant catalog build",
	"needwant scenario validate", "needwant scenario list", "needwant scenario schema",
	"needwant world validate", "needwant world list", "needwant world schema", "needwant man",
	"needwant hub", "needwant hub add", "needwant hub remove", "needwant hub status", "needwant hub release",
	"needwant keep-answering", // it has what it needs, its sockets
}

// shed starts the program again without capabilities, if it is root and the
// command line is one of readers. It returns if there is nothing to give up.
func shed(arguments []string) error {
	used, _, err := command(nil, nil).Find(arguments)
	given := os.Getenv(shedMarker) != ""
	if err := os.Unsetenv(shedMarker); err != nil {
		return err
	}
	if err != nil || given || os.Geteuid() != 0 || !isReader(used.CommandPath()) {
		return nil // what is wrong with the command line is said later
	}
	runtime.LockOSThread() // whose capabilities the program starts with
	defer runtime.UnlockOSThread()
	if err := giveUp(needed(arguments)); err != nil {
		if errors.Is(err, unix.EPERM) { // a container without CAP_SETPCAP, which has little to give up
			return nil
		}
		return fmt.Errorf("giving up privileges: %w", err)
	}
	return unix.Exec("/proc/self/exe", os.Args, append(os.Environ(), shedMarker+"=1"))
}

func isReader(path string) bool {
	for _, reader := range readers {
		if path == reader {
			return true
		}
	}
	return false
}

// needed are the capabilities by which root reads and writes another user's files,
// if the command line names any.
func needed(arguments []string) []uintptr {
	for _, argument := range append(arguments, ".") {
		if _, value, found := strings.Cut(argument, "="); found {
			argument = value
		}
		if !owned(argument) {
			return []uintptr{unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH}
		}
	}
	return nil
}

// owned reports whether a path, as far as it exists, belongs to root.
func owned(path string) bool {
	path, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	for ; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Uid != 0 {
				return false
			}
		}
		if path == filepath.Dir(path) {
			return true
		}
	}
}

// giveUp limits what this thread can have after the next exec, for good.
func giveUp(keep []uintptr) error {
	kept := map[uintptr]bool{}
	for _, capability := range keep {
		kept[capability] = true
	}
	for capability := uintptr(0); ; capability++ {
		held, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, capability, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) { // the last one was the last that this kernel has
			break
		}
		if err != nil {
			return err
		}
		if held == 1 && !kept[capability] {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
				return err
			}
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	return errors.Join(
		unix.Capset(&header, &data[0]),
		unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0),
		unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
	)
}
