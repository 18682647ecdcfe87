package main

import (
	"fmt"
	"os"

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
			header := &doc.GenManHeader{Title: "NEEDWANT", Section: "1", Source: "needwant", Manual: "needwant"}
			if len(args) == 0 {
				return doc.GenMan(root, header, command.OutOrStdout())
			}
			if info, err := os.Stat(args[0]); err != nil || !info.IsDir() {
				return usage(fmt.Errorf("%s is not a directory: create it first", args[0]))
			}
			header.Title = "" // each page has its own
			return unfit(doc.GenManTree(root, header, args[0]))
		},
	}
}
