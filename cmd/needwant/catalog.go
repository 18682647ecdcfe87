package main

import (
	"errors"
	"fmt"
	"path/filepath"
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
		Long: `Writes a small YAML file for each run, at MODEL/FIRMWARE/REGION/RUN.yaml in the catalog.
Read it before you share it.

The file has only verdicts, public host names and public addresses. It never has tokens,
MAC addresses, names of Wi-Fi networks, addresses at home or positions. Parts of host
names that could identify one device are hidden.

You can name all runs of a hub at once: a run that cannot be added does not stop the
others.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			var problems []error
			for _, path := range args {
				problems = append(problems, addToCatalog(command, path, directory, region))
			}
			if err := errors.Join(problems...); err != nil {
				return err
			}
			onTerminal(command.ErrOrStderr(), fmt.Sprintf("Read what is in it before you share it. Next: %s makes its pages.", typed("needwant catalog build %s", quoted(directory))))
			return nil
		},
	}
	command.Flags().StringVar(&directory, "dir", "catalog", "the `DIRECTORY` of the catalog")
	command.Flags().StringVar(&region, "region", "unknown", "the country in two letters, e.g. nz")
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
		Long: `Checks all files of a catalog, and writes static pages. DIRECTORY is the catalog
(default: catalog). It rejects files that are malformed or contain personal data. If
runs differ, the pages show each verdict with its firmware and region.`,
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
			if _, err := fmt.Fprintf(command.OutOrStdout(), "%s, in %s\n", catalog.Size(models, all), out); err != nil {
				return err
			}
			onTerminal(command.ErrOrStderr(), fmt.Sprintf("Next: open %s in a browser.", filepath.Join(out, "index.html")))
			return nil
		},
	}
	command.Flags().StringVar(&out, "out", "site", "the `DIRECTORY` to write to")
	return command
}
