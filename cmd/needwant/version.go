package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// release is the version of a package, e.g. "0.1.0~57". scripts/build sets it; it
// is "" in any other build.
var release string

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version and the commit",
		Args:  noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(command.OutOrStdout(), "needwant %s\ncommit   %s\nGo       %s, %s/%s\niptables %s\n",
				versionNumber(), commit(), strings.TrimPrefix(runtime.Version(), "go"), runtime.GOOS, runtime.GOARCH, iptables(command.Context()))
			return err
		},
	}
}

func versionNumber() string {
	build, ok := debug.ReadBuildInfo()
	switch {
	case release != "":
		return release
	case ok && build.Main.Version != "":
		return build.Main.Version
	}
	return "(unknown)"
}

// commit returns the commit of the sources, with a note if they were changed
// since.
func commit() string {
	settings := map[string]string{}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range build.Settings {
			settings[setting.Key] = setting.Value
		}
	}
	revision := settings["vcs.revision"]
	switch {
	case revision == "":
		return "(unknown)"
	case settings["vcs.modified"] == "true":
		return revision + ", modified"
	}
	return revision
}

// iptables returns the version and the backend of the iptables in the path, e.g.
// "1.8.9 (nf_tables)".
func iptables(ctx context.Context) string {
	said, err := version("iptables")(ctx)
	if err != nil {
		return "not found"
	}
	return strings.TrimPrefix(said.text, "iptables v")
}
