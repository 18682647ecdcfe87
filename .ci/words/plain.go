package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// plain has what a text should not say, and what it says instead.
var plain = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\btells whether\b`), "reports whether"},
	{regexp.MustCompile(`(?i)\banew\b`), "again"},
	{regexp.MustCompile(`(?i)\bin vain\b`), "without success, or without an answer"},
	{regexp.MustCompile(`(?i)\bwhom\b`), "who"},
	{regexp.MustCompile(`(?i)\bwhoever\b`), "anyone who, or who it is"},
	{regexp.MustCompile(`(?i)\bbut for\b`), "except for"},
	{regexp.MustCompile(`(?i)\bwhere there is (no|none|nobody|nothing)\b`), "if there is"},
	{regexp.MustCompile(`(?i)\bwithh(eld|old)`), "blocked (of a name), or not sent"},
	{regexp.MustCompile(`(?i)\bswallow(s|ed)\b`), "dropped"},
	{regexp.MustCompile(", as [0-9`]"), ", e.g."},
	{regexp.MustCompile(`%[qsv] is no [a-z]`), "is not a"},

	// One word for one meaning: see docs/whats-here.md.
	{regexp.MustCompile(`(?i)\bruns? (is|are) (not )?kept\b`), "saved"},
	{regexp.MustCompile(`(?i)\b(keep|keeps) the run\b`), "save the run"},
	{regexp.MustCompile(`(?i)\bJSON matrix\b|\bmatrix (as|in) JSON\b`), "the report in JSON"},
	{regexp.MustCompile(`(?i)\b(prints?|renders) the matrix\b`), "prints the table"},
	{regexp.MustCompile(`(?i)\btrials? that blocks? nothing\b`), "control"},
	{regexp.MustCompile(`(?i)\bthis page (explains|says|shows)\b`), "this document"},
	{regexp.MustCompile(`(?i)\bone attempt (at|of) a step\b`), "one try of a step"},
}

// history may speak as it did, and words that are only mentioned are here.
var history = []string{"CHANGELOG.md", "docs/design", "docs/schema", ".ci/words"}

// unclear lists the lines of Go and Markdown files below a directory that say what they
// should not.
func unclear(directory string) (found []string, err error) {
	err = filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := path != directory && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules")
		if hidden && entry.Name() != ".ci" || slices.Contains(history, filepath.ToSlash(path)) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if extension := filepath.Ext(path); entry.IsDir() || extension != ".go" && extension != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, word := range plain {
				if said := word.pattern.FindString(line); said != "" {
					found = append(found, fmt.Sprintf("%s:%d: %q: write %q", path, i+1, said, word.instead))
				}
			}
		}
		return nil
	})
	return found, err
}
