package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns/lab"
)

func worldCommand() *cobra.Command {
	return group("world", "List and check simulated devices (worlds)",
		&cobra.Command{
			Use:   "validate WORLD...",
			Short: "Check worlds, and show each error with its line",
			Args:  cobra.MinimumNArgs(1),
			RunE: func(command *cobra.Command, args []string) error {
				for _, arg := range args {
					world, err := lab.Find(arg)
					if err != nil {
						return usage(err)
					}
					fmt.Fprintf(command.OutOrStdout(), "%s: fine, a world of %d destinations; the longest period is %s\n", arg, len(world.Destinations), span.Words(world.Longest()))
				}
				return nil
			},
		},
		&cobra.Command{
			Use:   "schema",
			Short: "Print the JSON Schema of a world, for editors",
			Args:  noArguments,
			RunE: func(command *cobra.Command, _ []string) error {
				_, err := command.OutOrStdout().Write(lab.Schema())
				return err
			},
		},
		&cobra.Command{
			Use:   "list",
			Short: "List the worlds of the library",
			Args:  noArguments,
			RunE:  func(command *cobra.Command, _ []string) error { return listWorlds(command) },
		},
	)
}

func listWorlds(command *cobra.Command) error {
	width := 0
	for _, world := range lab.Library() {
		width = max(width, len(world.Name)+2)
	}
	for _, world := range lab.Library() {
		hanging(command.OutOrStdout(), fmt.Sprintf("%-*s", width, world.Name), world.About, width)
	}
	return nil
}
