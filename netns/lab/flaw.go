package lab

import (
	"github.com/needwant/needwant/internal/yamlfile"
)

// Error says what is wrong with a world, where, and what to do about it.
type Error = yamlfile.Error

// flaw is something wrong with a world's meaning, by the keys that lead to it.
type flaw = yamlfile.Flaw

func flawAt(path []string, remedy, format string, values ...any) *flaw {
	return yamlfile.FlawAt(path, remedy, format, values...)
}

// keys is a path of keys.
func keys(steps ...string) []string { return steps }
