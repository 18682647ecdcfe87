package netns

import (
	"errors"
	"os"
	"strings"
	"syscall"
)

// RestrictedError says that this machine lets an ordinary user make no user
// namespace, or gives no rights in it.
type RestrictedError struct {
	Err    error
	Remedy string // one sentence with the command to type
}

func (e *RestrictedError) Error() string {
	return "user namespaces are restricted here: " + e.Err.Error() + "; " + e.Remedy
}

func (e *RestrictedError) Unwrap() error { return e.Err }

// restrictions are the switches by which distributions forbid user namespaces
// to ordinary users, with the value that forbids.
var restrictions = []struct{ path, forbids, remedy string }{
	{
		// Ubuntu since 23.10
		"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
		"allow them with 'sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0', or run with sudo",
	},
	{
		// Debian before 11, Arch's hardened kernel
		"/proc/sys/kernel/unprivileged_userns_clone", "0",
		"allow them with 'sudo sysctl kernel.unprivileged_userns_clone=1', or run with sudo",
	},
	{
		"/proc/sys/user/max_user_namespaces", "0",
		"allow them with 'sudo sysctl user.max_user_namespaces=15000', or run with sudo",
	},
}

// restricted turns a refusal by the kernel into an error with its remedy, and
// leaves other errors as they are.
func restricted(err error) error {
	refusals := []error{syscall.EPERM, syscall.EACCES, syscall.ENOSPC, syscall.EUSERS, syscall.ENOSYS, syscall.EINVAL}
	for _, refusal := range refusals {
		if errors.Is(err, refusal) {
			return &RestrictedError{Err: err, Remedy: remedy(os.ReadFile)}
		}
	}
	return err
}

// Restriction says how to let ordinary users make user namespaces; "" where they
// may.
func Restriction() string { return restriction(os.ReadFile) }

func restriction(read func(path string) ([]byte, error)) string {
	for _, restriction := range restrictions {
		value, err := read(restriction.path)
		if err == nil && strings.TrimSpace(string(value)) == restriction.forbids {
			return restriction.remedy
		}
	}
	return ""
}

func remedy(read func(path string) ([]byte, error)) string {
	if known := restriction(read); known != "" {
		return known
	}
	return "run with sudo; in a container, give it the capabilities NET_ADMIN and SYS_ADMIN (docker run --privileged)"
}
