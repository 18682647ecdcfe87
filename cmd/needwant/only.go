package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/blocklist"
	"github.com/needwant/needwant/scenarios"
)

// onlyFlag adds the flag for a blocklist.
func onlyFlag(command *cobra.Command, path *string) {
	command.Flags().StringVar(path, "only", "", "test only the names on this blocklist, `LIST` (hosts, domains, AdBlock, dnsmasq, RPZ or Unbound); everything else stays reachable")
}

// onlyOf reads the blocklist of a flag, or else of a spec. With a list, names are
// blocked: other faults of the spec would block more than the list does.
func onlyOf(out io.Writer, file *scenarios.File, flag string, settings *harness.Settings) error {
	path := flag
	if path == "" {
		path = file.OnlyList()
	}
	if path == "" {
		return nil
	}
	names := slices.DeleteFunc(slices.Clone(file.Block.Faults), func(fault string) bool { return fault == "reject" || fault == "drop" })
	if len(names) == 0 {
		names = []string{string(harness.NXDomain)}
	}
	file.Block.Faults = names
	return testOnly(out, path, settings, device(*file)...)
}

// device are the names that a blocklist may have for the device of a spec.
func device(file scenarios.File) (names []string) {
	if file.Device.Address.IsValid() {
		names = append(names, file.Device.Address.String())
	}
	for _, name := range []string{file.Device.MAC, file.Device.Name} {
		if name != "" && len(names) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// testOnly makes a run test only the names of a blocklist, if there is one. Lists may
// call the device by these names.
func testOnly(out io.Writer, path string, settings *harness.Settings, clients ...string) error {
	if path == "" {
		return nil
	}
	list, err := blocklist.Read(path, clients...)
	if err != nil {
		return err
	}
	settings.Only = list.Settings(clients...)
	if settings.Only.List, err = filepath.Abs(path); err != nil {
		return err
	}
	settings.Seen, _ = harness.OnList(settings.Seen, list.Finder())
	told := fmt.Sprintf("entries in %s: %d. Only names that it blocks are tested", path, list.Entries)
	if list.Ignored > 0 {
		told += fmt.Sprintf("; %d lines never block a name, the first in line %d", list.Ignored, list.First)
	}
	fmt.Fprintln(plain{out}, strings.TrimSpace(told))
	return nil
}
