package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// mistake is a message of the flag library, and what is said instead.
type mistake struct{ theirs, ours string }

func mistakes() []mistake {
	return []mistake{
		{`(?s)^(unknown command ".*?") for ".*?"\n\nDid you mean this\?\n\t([\w-]+)\n.*$`, `$1: did you mean "$2"?`},
		{`^(unknown command ".*?") for ".*?"$`, "$1"},
		{`^accepts (\d+) arg\(s\), received (\d+)$`, "expected arguments: $1, got $2"},
		{`^accepts at most (\d+) arg\(s\), received (\d+)$`, "expected arguments: at most $1, got $2"},
		{`^requires at least (\d+) arg\(s\), only received (\d+)$`, "expected arguments: at least $1, got $2"},
		{`^invalid argument "(.*)" for "(?:-\w, )?(--[\w-]+)" flag: time: .*$`, "$2 $1: expected a time with its unit, e.g. 90s, 30m or 6h"},
		{`^invalid argument "(.*)" for "(?:-\w, )?(--[\w-]+)" flag: strconv\.Parse(?:Int|Uint): .*$`, "$2 $1: expected a whole number"},
		{`^invalid argument "(.*)" for "(?:-\w, )?(--[\w-]+)" flag: strconv\.ParseFloat: .*$`, "$2 $1: expected a number, e.g. 0.05"},
	}
}

// noArguments is for a command that takes none.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("expected arguments: none, got %q", args[0])
	}
	return nil
}

// plainly says a message of the flag library in plain words.
func plainly(message string) string {
	for _, m := range mistakes() {
		if pattern := regexp.MustCompile(m.theirs); pattern.MatchString(message) {
			return pattern.ReplaceAllString(message, m.ours)
		}
	}
	return message
}

// filesPlainly is the text of an error, with what the system says of a file in plain words. The
// remedy is left out if the text has one of its own behind that.
func filesPlainly(err error, text string) string {
	found, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return text
	}
	problem, remedy := fileProblem(found)
	before, after, ok := strings.Cut(text, found.Error())
	if !ok || problem == "" {
		return text
	}
	before = strings.TrimSuffix(before, found.Path+": ") // which the problem begins with, too
	if after == "" || strings.HasPrefix(after, "\n") {
		problem += ": " + remedy
	}
	return before + problem + after
}

// fileProblem says what is wrong with a file, and what to do about it; "" if the system's words
// are as good.
func fileProblem(err *fs.PathError) (problem, remedy string) {
	directory := filepath.Dir(err.Path)
	_, missing := os.Lstat(err.Path)
	_, nowhere := os.Stat(directory)
	place := "the directory " + directory
	if directory == "." {
		place = "this directory"
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && errors.Is(nowhere, fs.ErrNotExist):
		return fmt.Sprintf("%s: there is no directory %s", err.Path, directory), "check the name, or create the directory first"
	case errors.Is(err, fs.ErrNotExist):
		return err.Path + " does not exist", "check the name"
	case errors.Is(err, fs.ErrPermission) && errors.Is(missing, fs.ErrNotExist):
		return fmt.Sprintf("%s: this user may not write into %s", err.Path, place), "choose another one, or run it with sudo"
	case errors.Is(err, fs.ErrPermission):
		return err.Path + ": this user may not open it", "check the rights on it, or run it with sudo"
	case errors.Is(err, unix.EISDIR):
		return err.Path + " is a directory", "give a file"
	case errors.Is(err, unix.ENOTDIR):
		return err.Path + ": a part of this path is a file, not a directory", "check the name"
	case errors.Is(err, unix.EROFS):
		return err.Path + ": nothing can be written there, since the file system is read-only", "choose another directory"
	case errors.Is(err, unix.ENOSPC):
		return err.Path + ": there is no space left", "free some space"
	}
	return "", ""
}
