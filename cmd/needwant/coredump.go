package main

import (
	"errors"

	"golang.org/x/sys/unix"
)

// noCore keeps the program's memory, and that of the programs that it starts, out of
// core dumps: it has secrets in it. A limit of 0 would not do if the kernel hands
// dumps to a program, as to systemd-coredump; with 1 byte it makes none (core(5)). An
// ordinary user whose limit is 0 already cannot raise it, and keeps it.
func noCore() error {
	err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1})
	if errors.Is(err, unix.EPERM) {
		return nil
	}
	return err
}
