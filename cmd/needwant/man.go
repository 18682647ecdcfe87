package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man [DIRECTORY]",
		Short: "Print the man page, or write all man pages to a directory",
		Example: `  needwant man | man -l -
  needwant man /usr/local/share/man/man1`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			root := command.Root()
			root.DisableAutoGenTag = true // the same text every day
			if len(args) == 0 {
				return manPage(command.OutOrStdout(), root)
			}
			if info, err := os.Stat(args[0]); err != nil || !info.IsDir() {
				return usage(fmt.Errorf("%s is not a directory: create it first", args[0]))
			}
			header := &doc.GenManHeader{Section: "1", Source: "needwant", Manual: "needwant"} // each page has its own title
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return unfit(err)
			}
			var page bytes.Buffer
			if err := manPage(&page, root); err != nil {
				return unfit(err)
			}
			return unfit(os.WriteFile(filepath.Join(args[0], "needwant.1"), page.Bytes(), 0o644))
		},
	}
}

// manPage writes the page of needwant itself: what the flag library writes, and the sections
// that it has no text for before the last one.
func manPage(out io.Writer, root *cobra.Command) error {
	var page bytes.Buffer
	header := &doc.GenManHeader{Title: "NEEDWANT", Section: "1", Source: "needwant", Manual: "needwant"}
	if err := doc.GenMan(root, header, &page); err != nil {
		return err
	}
	const last = ".SH SEE ALSO"
	before, after, _ := strings.Cut(page.String(), last)
	sections := manSection("COMMANDS", manCommands(root)) + manSection("EXIT STATUS", exitStatus()) +
		manSection("FILES", manFiles()) + manSection("ENVIRONMENT", manEnvironment())
	_, err := io.WriteString(out, before+sections+"\n"+last+after)
	return err
}

// manEntry is a word of a section, and what it means.
type manEntry struct{ word, means string }

func manSection(title string, entries []manEntry) string {
	var text strings.Builder
	fmt.Fprintf(&text, ".SH %s\n", title)
	for _, entry := range entries {
		fmt.Fprintf(&text, ".TP\n\\fB%s\\fP\n%s\n", strings.ReplaceAll(entry.word, "-", `\-`), entry.means)
	}
	return text.String()
}

// manCommands are the commands, in the order in which they are needed.
func manCommands(root *cobra.Command) (entries []manEntry) {
	for _, group := range root.Groups() {
		for _, command := range root.Commands() {
			if command.GroupID == group.ID && command.IsAvailableCommand() {
				entries = append(entries, manEntry{command.Name(), command.Short})
			}
		}
	}
	return entries
}

func manFiles() []manEntry {
	return []manEntry{
		{"NAME.run", "A run: one SQLite file in the folder in which the run began, from which report, export, verify and resume work. It holds the spec, without its secrets."},
		{"NAME.yaml", "A spec, or a world of the lab. needwant scenario new writes a spec, and needwant scenario validate and needwant world validate check them."},
		{"scenario.v1.json", "The schema of specs, for editors. needwant scenario new writes it next to the spec."},
		{"/run/needwant", "Locks, and journals of what a program changed in the network. needwant restore puts back what a program left that was killed."},
		{"/var/lib/needwant/runs, ~/.local/state/needwant/runs", "One empty file for each run that was begun here, by root or by another user: resume and verify carry out other runs only with --trust-run."},
	}
}

func manEnvironment() []manEntry {
	return []manEntry{
		{"NAME", "Any variable that a spec names as env:NAME holds a secret of it, for example a token. Use sudo -E to keep it."},
		{"NO_COLOR", "If it is set, tables have no colour on a terminal."},
		{"TERM", "If it is dumb, nothing is drawn again on a terminal, and progress is plain lines."},
		{"PATH", "Where iptables, hostapd and other programs are looked for."},
		{"XDG_STATE_HOME", "Where the runs that were begun here are remembered, in needwant/runs."},
		{"SUDO_UID, SUDO_GID", "Set by sudo: the user and the group that own the files of a run."},
		{"RUNTIME_DIRECTORY", "Where locks and journals are, instead of /run/needwant. systemd sets it for a service."},
		{"NEEDWANT_DEVICE, NEEDWANT_MIIO_TOKEN", "Set for a Ginkgo suite of your own that a spec runs: the device's address and its token."},
	}
}
