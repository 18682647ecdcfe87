package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/guard"
)

func restoreCommand() *cobra.Command {
	var dry bool
	command := &cobra.Command{
		Use:   "restore",
		Short: "Clean up after a run that was killed (safe to repeat)",
		Args:  cobra.NoArgs,
		RunE:  func(command *cobra.Command, _ []string) error { return restore(command, dry) },
	}
	command.Flags().BoolVar(&dry, "dry-run", false, "say what would be put back, and change nothing")
	return command
}

func restore(command *cobra.Command, dry bool) error {
	if os.Geteuid() != 0 {
		return unfit(errors.New("only root may put the network back: run it with sudo"))
	}
	machine, err := netns.Own()
	if err != nil {
		return unfit(err)
	}
	defer machine.Close()
	told, err := guard.Recover(command.Context(), guard.Folder(), machine, dry)
	for _, line := range told {
		fmt.Fprintln(command.OutOrStdout(), line)
	}
	if len(told) == 0 && err == nil {
		fmt.Fprintln(command.OutOrStdout(), "nothing to restore")
	}
	return unfit(err)
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
