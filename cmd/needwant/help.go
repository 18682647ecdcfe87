package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is how many columns a help text has at most.
const helpWidth = 80

// fit breaks the description of a command, and of all below it, into lines of a terminal.
func fit(command *cobra.Command) {
	command.Long = fitted(command.Long)
	for _, sub := range command.Commands() {
		fit(sub)
	}
}

// fitted breaks a description into lines. A line that begins with a space is not joined with
// others. If it is one of a table, it has a word, two spaces or more, and what the word means.
func fitted(description string) string {
	var out strings.Builder
	var text []string
	flush := func() {
		if len(text) > 0 {
			inLines(&out, helpWidth, "", strings.Join(text, " "), 0)
		}
		text = nil
	}
	for line := range strings.Lines(description) {
		line = strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "    ")
		if line != "" && line[0] != ' ' {
			text = append(text, line)
			continue
		}
		flush()
		means := strings.TrimLeft(line, " ")
		if _, second, has := strings.Cut(means, "  "); has {
			means = strings.TrimLeft(second, " ")
		}
		head := strings.TrimSuffix(line, means)
		inLines(&out, helpWidth, head, means, len(head))
	}
	flush()
	return strings.TrimRight(out.String(), "\n")
}
