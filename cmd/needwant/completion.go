package main

import (
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness/seen"
	"github.com/needwant/needwant/internal/yamlfile"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
	"github.com/needwant/needwant/scenarios"
)

// meant is "; did you mean NAME?" for a word that is close to one of these names, else "".
func meant(word string, names []string) string {
	if suggestion := yamlfile.Suggest(word, names); strings.HasPrefix(suggestion, "did you mean") {
		return "; " + suggestion
	}
	return ""
}

// reportFormats are the names that --format of a report takes.
func reportFormats() (names []string) {
	for _, format := range reports.Formats() {
		names = append(names, format.Name)
	}
	return names
}

// exportFormats are the names that --format of an export takes.
func exportFormats() (names []string) {
	for _, format := range policy.Formats() {
		names = append(names, format.Name)
	}
	return names
}

// worlds are the names of the library's worlds, each with what it is about.
func worlds() (names []cobra.Completion) {
	for _, world := range lab.Library() {
		names = append(names, cobra.CompletionWithDesc(world.Name, world.About))
	}
	return names
}

// templates are the names of the library's specs, each with what it is about.
func templates() (names []cobra.Completion) {
	for _, entry := range scenarios.Library() {
		names = append(names, cobra.CompletionWithDesc(entry.Name, entry.File.About))
	}
	return names
}

// drivers are the names that --driver takes.
func drivers() []string { return []string{"ipset", "iptables"} }

// placements are the names of the placements, each with where the device is then.
func placements() (names []cobra.Completion) {
	for _, p := range scenarios.AllPlacements() {
		names = append(names, cobra.CompletionWithDesc(p.Name, p.Where))
	}
	return names
}

// seenFormats are the names that --from of an import takes.
func seenFormats() (names []string) {
	for _, format := range seen.Formats() {
		names = append(names, format.Name)
	}
	return names
}

// links are the names of this machine's interfaces.
func links(*cobra.Command, []string, string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	all, _ := net.Interfaces()
	for _, one := range all {
		if one.Flags&net.FlagLoopback == 0 {
			names = append(names, one.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeFlag offers names for a flag of a command, if it has that flag.
func completeFlag(command *cobra.Command, flag string, names ...cobra.Completion) {
	completeFlagLater(command, flag, func() []cobra.Completion { return names })
}

// completeFlagLater offers names that take time to find out, as those of the library do. They are only found
// out when the shell asks for them, so that no command waits for that.
func completeFlagLater(command *cobra.Command, flag string, names func() []cobra.Completion) {
	_ = command.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return names(), cobra.ShellCompDirectiveNoFileComp
	}) // a program without it has no such flag
}

// firstArgument completes the first argument with names and with files.
func firstArgument(names func() []cobra.Completion) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return names(), cobra.ShellCompDirectiveDefault
	}
}
