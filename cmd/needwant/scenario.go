package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/specbench"
	"github.com/needwant/needwant/internal/sudo"
	"github.com/needwant/needwant/scenarios"
)

func scenarioCommand() *cobra.Command {
	return group("scenario", "Write and check specs: your device, and what must work",
		newScenarioCommand(),
		&cobra.Command{
			Use:   "validate SPEC...",
			Short: "Check specs, and show each error with its line",
			Args:  cobra.MinimumNArgs(1),
			RunE:  validateScenarios,
		},
		&cobra.Command{
			Use:   "schema",
			Short: "Print the JSON Schema of a spec, for editors",
			Args:  noArguments,
			RunE: func(command *cobra.Command, _ []string) error {
				_, err := command.OutOrStdout().Write(scenarios.Schema())
				return err
			},
		},
		&cobra.Command{
			Use:   "list [NAME]",
			Short: "List the specs of the library, or print one",
			Args:  cobra.MaximumNArgs(1),
			RunE:  listScenarios,
		},
	)
}

// validateScenarios tells of all that are wrong, not only of the first.
func validateScenarios(command *cobra.Command, args []string) error {
	var wrong []error
	for _, arg := range args {
		file, err := scenarios.Find(arg)
		if err == nil && file.Gateway.Placement == scenarios.Lab {
			_, err = specbench.World(file)
		}
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		noun := "scenarios"
		if len(file.Scenarios) == 1 {
			noun = "scenario"
		}
		fmt.Fprintf(command.OutOrStdout(), "%s: fine, a spec of %d %s, placement %s\n", arg, len(file.Scenarios), noun, file.Gateway.Placement)
	}
	return usage(errors.Join(wrong...))
}

func listScenarios(command *cobra.Command, args []string) error {
	if len(args) == 1 {
		file, err := scenarios.Find(args[0])
		if err != nil {
			return usage(err)
		}
		fmt.Fprint(command.OutOrStdout(), file.Text())
		return nil
	}
	for _, entry := range scenarios.Library() {
		fmt.Fprintf(command.OutOrStdout(), "%-16s %s\n", entry.Name, entry.File.About)
	}
	return nil
}

// writeNew writes a draft, and the schema beside it for the editor. A file that
// is there already is not overwritten.
func writeNew(command *cobra.Command, draft scenarios.Draft, path string) error {
	text, err := draft.Write(path)
	if err != nil {
		return usage(fmt.Errorf("nothing was written, since it would not be a good spec:\n%w", err))
	}
	if path == "-" {
		_, err := command.OutOrStdout().Write(text)
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return errTaken(path)
	}
	if err != nil {
		return usage(err)
	}
	sudo.Give(file)
	if _, err := file.Write(text); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := file.Close(); err != nil {
		return err
	}
	schema := filepath.Join(filepath.Dir(path), "scenario.v1.json")
	if err := replaceFile(schema, func(w io.Writer) error { _, err := w.Write(scenarios.Schema()); return err }); err != nil {
		return usage(err)
	}
	fmt.Fprintf(command.OutOrStdout(), "wrote %s, and %s for your editor\n%s\n", path, schema, strings.Join(nextAfterNew(draft, path, string(text)), "\n"))
	return nil
}

// environment matches the secrets of a spec that are in the environment, outside of
// comments.
var environment = regexp.MustCompile(`(?m)^[^#\n]*\benv:([A-Za-z_][A-Za-z0-9_]*)`)

// nextAfterNew says what to do with a new spec: to set the secrets that are not set yet,
// and then the next command.
func nextAfterNew(draft scenarios.Draft, path, text string) []string {
	if draft.Lab() {
		return []string{"next:  needwant check " + path}
	}
	var lines, names []string
	for _, found := range environment.FindAllStringSubmatch(text, -1) {
		if name := found[1]; os.Getenv(name) == "" && !slices.Contains(names, name) {
			names = append(names, name)
			lines = append(lines, "export "+name+"='...'")
		}
	}
	does := "puts the device behind the gateway for a moment"
	if draft.NamesAlone() {
		does = "answers the device's DNS queries for a moment"
	}
	lines = append(lines, "sudo -E needwant doctor "+path, "("+does+")")
	for i := range lines {
		lines[i] = "       " + lines[i]
	}
	lines[0] = "next:  " + strings.TrimSpace(lines[0])
	return lines
}
