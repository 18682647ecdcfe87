// Package sudo gives the files that a program makes as root to the user who typed sudo.
package sudo

import (
	"os"
	"strconv"
)

// Give gives a new file to the user who started the program with sudo, so that the next
// command can read it without sudo. It does nothing for other users. Where the file
// system refuses, the file stays root's, and is as good.
func Give(file *os.File) {
	if user, group, ok := invoker(); ok {
		_ = file.Chown(user, group) // refused, e.g. on a FAT file system: there are no owners
	}
}

// invoker is the user who typed sudo. ok is false if this program was not started so.
func invoker() (user, group int, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	user, err := strconv.Atoi(os.Getenv("SUDO_UID"))
	if err != nil || user < 0 {
		return 0, 0, false
	}
	group, err = strconv.Atoi(os.Getenv("SUDO_GID"))
	return user, group, err == nil && group >= 0
}
