package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/guard"
	"github.com/needwant/needwant/netns/gateway/resolver"
)

func restoreCommand() *cobra.Command {
	var dry bool
	command := &cobra.Command{
		Use:   "restore",
		Short: "Clean up after a run that was killed (safe to repeat)",
		Args:  noArguments,
		RunE:  func(command *cobra.Command, _ []string) error { return restore(command, dry) },
	}
	command.Flags().BoolVar(&dry, "dry-run", false, "list what would be restored, and change nothing")
	return command
}

func restore(command *cobra.Command, dry bool) error {
	ended, err := endKeepers(command.OutOrStdout(), dry)
	if err != nil || ended && os.Geteuid() != 0 {
		return unfit(err)
	}
	if os.Geteuid() != 0 {
		return unfit(errors.New("only root may put the network back: run it with sudo"))
	}
	machine, err := netns.Own()
	if ended && errors.Is(err, fs.ErrPermission) { // root without its capabilities, who has no more to put back
		return nil
	}
	if err != nil {
		return unfit(err)
	}
	defer machine.Close()
	told, err := guard.Recover(command.Context(), guard.Folder(), machine, dry)
	for _, line := range told {
		fmt.Fprintln(command.OutOrStdout(), line)
	}
	if len(told) == 0 && err == nil && !ended {
		fmt.Fprintln(command.OutOrStdout(), "nothing to restore")
	}
	return unfit(err)
}

// endKeepers ends the processes that go on answering DNS queries.
func endKeepers(out io.Writer, dry bool) (ended bool, err error) {
	kept, err := resolver.Kept()
	if err != nil {
		return false, err
	}
	for _, at := range kept {
		if !dry {
			if _, err := resolver.End(at); err != nil {
				return ended, err
			}
		}
		ended = true
		fmt.Fprintf(out, "%s: no DNS queries are answered there any more\n", at)
	}
	return ended, nil
}

// keeperCommand is the keeper's. People have no use for it.
func keeperCommand() *cobra.Command {
	return &cobra.Command{
		Use:    bench.KeeperVerb + " RESOLVER [MAC] [ADDRESS]",
		Hidden: true,
		Args:   cobra.RangeArgs(1, 3),
		RunE: func(command *cobra.Command, args []string) error {
			return unfit(resolver.Keep(command.Context(), args[0], args[1:]))
		},
	}
}

// guardianCommand is the guardian's. People have no use for it.
func guardianCommand() *cobra.Command {
	return &cobra.Command{
		Use:    bench.GuardianVerb + " JOURNAL",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE:   func(_ *cobra.Command, args []string) error { return unfit(guard.Serve(args[0])) },
	}
}
