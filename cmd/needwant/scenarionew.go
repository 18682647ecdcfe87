package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/scenarios"
)

func newScenarioCommand() *cobra.Command {
	questions := questions()
	values := make([]string, len(questions))
	var from string
	command := &cobra.Command{
		Use:   "new [FILE]",
		Short: "Write a spec: asks on a terminal, or uses flags",
		Long: `Writes a spec for your device, with comments. It begins with a spec of the library
(--like; needwant scenario list shows them). On a terminal it asks for everything that
no flag says. Otherwise it writes the values of the library's spec, for you to change in
the file.

The default FILE is the device's name with .yaml. FILE - is the standard output.`,
		Args: cobra.MaximumNArgs(1),
	}
	command.Flags().StringVar(&from, "like", "roborock-s50", "the spec to begin with, as 'needwant scenario list' shows")
	completeFlagLater(command, "like", templates)
	for i, q := range questions {
		command.Flags().StringVar(&values[i], q.flag, "", q.asks)
	}
	completeFlag(command, "placement", placements()...)
	completeFlagLater(command, "world", worlds)
	for _, flag := range []string{"inside", "uplink"} {
		_ = command.RegisterFlagCompletionFunc(flag, links) // the flags were added just now
	}
	command.RunE = func(command *cobra.Command, args []string) error {
		if len(args) == 1 { // before anything is asked
			if _, err := os.Lstat(args[0]); err == nil {
				return errTaken(args[0])
			}
		}
		asking := interviewing(command.Context(), command.InOrStdin(), command.ErrOrStderr(), interactive())
		draft, err := asking.draft(command, from, questions, values)
		if err = errors.Join(err, command.Context().Err()); err == nil {
			err = writeNew(command, draft, append(args, fileOf(draft))[0])
		}
		if err != nil {
			asking.keep(args)
		}
		return usage(err)
	}
	return command
}

// errTaken rejects a file that would be overwritten.
func errTaken(path string) error {
	return usage(fmt.Errorf("%s is there already: give another name, or remove it first", path))
}

// fileOf is the usual name of a draft's file.
func fileOf(draft scenarios.Draft) string {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_", r) {
			return r
		}
		return '-'
	}, strings.ToLower(draft.Device.Name))
	if name == "" {
		name = draft.From
	}
	return name + ".yaml"
}
