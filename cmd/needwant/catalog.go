package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/catalog"
)

func catalogCommand() *cobra.Command {
	return group("catalog", "Merge the runs of many homes into one list of devices", catalogAddCommand(), catalogBuildCommand())
}

func catalogAddCommand() *cobra.Command {
	var directory, region string
	command := &cobra.Command{
		Use:   "add RUN...",
		Short: "Put what runs found into a catalog, without personal data",
		Long: `Writes a small YAML file for each run, below model, firmware and region. It holds
verdicts, public host names and public addresses. Tokens, MAC addresses,
names of networks, addresses at home, positions, and labels of host names that
could tell one device from another are left out or hidden. Read it before you
share it: it is meant to be read.

A run that cannot be added does not keep the others out: all runs of a hub can be
named at once.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			var problems []error
			for _, path := range args {
				problems = append(problems, addToCatalog(command, path, directory, region))
			}
			return errors.Join(problems...)
		},
	}
	command.Flags().StringVar(&directory, "dir", "catalog", "the `DIRECTORY` of the catalog")
	command.Flags().StringVar(&region, "region", "unknown", "where the device lives: a country by its two letters, e.g. nz")
	return command
}

func addToCatalog(command *cobra.Command, path, directory, region string) error {
	run, err := loadRun(command.Context(), path)
	if err != nil {
		return err
	}
	evidence, err := catalog.New(run, reports.New(run, harness.Judge(run)), strings.ToLower(region))
	if err != nil {
		return usage(fmt.Errorf("%s: %w", path, err))
	}
	written, err := evidence.Write(directory)
	if err != nil {
		return unfit(err)
	}
	_, err = fmt.Fprintln(command.OutOrStdout(), written)
	return err
}

func catalogBuildCommand() *cobra.Command {
	var out string
	command := &cobra.Command{
		Use:   "build [DIRECTORY]",
		Short: "Check a catalog, and write its pages and the forum's table",
		Long: `Reads all evidence below a directory (default: catalog), refuses what is malformed
or gives somebody away, and writes static pages. Where runs differ, each verdict
is shown with its firmware and region.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			all, err := catalog.Load(append(args, "catalog")[0])
			if err != nil {
				return usage(err)
			}
			models := catalog.Merge(all)
			if err := catalog.Site(out, models); err != nil {
				return unfit(err)
			}
			_, err = fmt.Fprintf(command.OutOrStdout(), "%s, in %s\n", catalog.Size(models, all), out)
			return err
		},
	}
	command.Flags().StringVar(&out, "out", "site", "the `DIRECTORY` to write to")
	return command
}
