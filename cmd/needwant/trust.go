package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/scenarios"
)

// trustFlag adds --trust-run to a command that carries out what a run file says.
func trustFlag(command *cobra.Command, given *bool) {
	command.Flags().BoolVar(given, "trust-run", false, "run the programs and read the files that someone else's run file names")
}

// specOf is the spec within a run file. If the run was not begun here, and the
// user gives no spec of the same text, its paths begin in the run file's directory.
func specOf(path string, run harness.Run, own *scenarios.File) (file scenarios.File, theirs bool, err error) {
	source := run.Settings.Source
	switch {
	case own != nil && own.Text() == run.Settings.Text:
		return *own, false, nil
	case !remembered(run):
		source, theirs = filepath.Join(filepath.Dir(path), filepath.Base(source)), true
	}
	file, err = scenarios.Parse(source, []byte(run.Settings.Text))
	if err != nil {
		return file, theirs, usage(fmt.Errorf("%s holds a spec that this version does not read: %w", path, err))
	}
	return file, theirs, nil
}

// agreed reports an error unless the user agreed to what the spec of someone else's
// run file does, by --trust-run or, if seated, by answering on a terminal: its programs run, as
// root as a rule, and its files are read. No file outside of the run file's
// directory is read in any case. The error has exit code 2.
func agreed(command *cobra.Command, path string, file scenarios.File, given, seated bool) error {
	var list strings.Builder
	for _, demand := range demandsOf(file) {
		if demand.File != "" && !within(file.Folder(), demand.File) {
			return usage(fmt.Errorf("%s was not begun on this machine, and would %s, which is outside of its directory.\n"+
				"  To continue it with a spec of your own: %s", path, reports.Clean(demand.String()), asRoot(file.Gateway, "bisect SPEC --resume --out "+quoted(path))))
		}
		fmt.Fprintf(&list, "  %s\n", reports.Clean(demand.String()))
	}
	notes := command.ErrOrStderr()
	switch {
	case list.Len() == 0:
		return nil
	case given:
		fmt.Fprintf(notes, "%s was not begun on this machine. As --trust-run says, it may:\n%s", path, list.String())
		return nil
	}
	refusal := usage(fmt.Errorf("%s was not begun on this machine, and nothing of it was carried out. It would:\n%s"+
		"  If you trust the person who made it, add --trust-run", path, list.String()))
	if !seated {
		return refusal
	}
	fmt.Fprintf(notes, "%s was not begun on this machine. It would:\n%sCarry this out? [y/N] ", path, list.String())
	answer, err := typedLine(command.Context(), os.Stdin)
	if err != nil {
		return unfit(err)
	}
	if answer = strings.ToLower(answer); answer != "y" && answer != "yes" {
		return refusal
	}
	return nil
}

// demandsOf lists what a spec demands of this machine, with the world that it reads.
func demandsOf(file scenarios.File) []scenarios.Demand {
	demands := file.Demands()
	world := file.Gateway.World
	known := slices.ContainsFunc(lab.Library(), func(w lab.World) bool { return w.Name == world })
	if file.Gateway.Placement == scenarios.Lab && !known {
		demands = append(demands, scenarios.Demand{Does: "read the world", What: world, File: world})
	}
	return demands
}

// within reports whether a path of a spec is below the directory of the spec, also
// once symbolic links are followed.
func within(directory, path string) bool {
	if !filepath.IsLocal(path) {
		return false
	}
	target, err := filepath.EvalSymlinks(filepath.Join(directory, path))
	if err != nil {
		return true // nothing is there to be read
	}
	root, err := filepath.EvalSymlinks(directory)
	if err != nil {
		return false
	}
	relative, err := filepath.Rel(root, target)
	return err == nil && filepath.IsLocal(relative)
}

// typedLine is the next line that a person types, without blanks around it. What
// follows is left for the next reader.
func typedLine(ctx context.Context, in io.Reader) (string, error) {
	line := make(chan string, 1)
	go func() {
		var text []byte
		one := make([]byte, 1)
		for len(text) < 1000 && (len(text) == 0 || one[0] != '\n') {
			if _, err := io.ReadFull(in, one); err != nil {
				break
			}
			text = append(text, one[0])
		}
		line <- strings.TrimSpace(string(text))
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case text := <-line:
		return text, nil
	}
}
