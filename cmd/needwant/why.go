package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

// whyFlags are those of the why command: a bisection with fewer choices.
type whyFlags struct {
	bisect    bisectFlags
	all       bool
	device    string
	mac       string
	placement string
	inside    string
	uplink    string
	resolver  string
}

func whyCommand() *cobra.Command {
	flags := &whyFlags{}
	command := &cobra.Command{
		Use:   "why [SPEC] --only LIST",
		Short: "Say which names on a blocklist break a device",
		Long: `Says in one sentence which names on a blocklist break the device, for example "Allow
cdn.example and everything works". It tests only names on the list. It ends when it has
found one set of names to allow; --all finds all sets.

All scenarios of the spec count as one. Those that a person judges come last. Without a
spec, give --device and --placement: then a person is asked whether the device works.

Before you begin, switch the list off in your resolver.`,
		Example: `  sudo -E needwant why tv.yaml --only blocklist.txt
  sudo -E needwant why --device 192.168.1.50 --placement dns \
    --resolver 192.168.1.1 --only blocklist.txt
  sudo -E needwant why --device 192.168.1.50 --placement host \
    --inside br-lan --uplink wan --only blocklist.txt`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return flags.run(command, args) },
	}
	set, f := command.Flags(), &flags.bisect
	onlyFlag(command, &f.only)
	set.BoolVar(&flags.all, "all", false, "find every smallest set of names to allow, not only the first")
	set.StringVar(&flags.device, "device", "", "without a spec: the device's `ADDRESS`")
	set.StringVar(&flags.mac, "mac", "", "without a spec: the device's MAC `ADDRESS`, if this machine does not know it (ip neigh)")
	set.StringVar(&flags.placement, "placement", "", "without a spec: how the device is connected, see docs/placement.md")
	set.StringVar(&flags.inside, "inside", "", "without a spec: the `INTERFACE` to the device")
	set.StringVar(&flags.resolver, "resolver", "", "without a spec, placement dns: the `ADDRESS` of the Pi-hole or home router that has the answers")
	set.StringVar(&flags.uplink, "uplink", "", "without a spec: the `INTERFACE` to the home network")
	set.StringVar(&f.out, "out", "", "save the run in this `FILE.run`; the default is the device's name with -why, and a number if the file exists")
	set.IntVar(&f.settings.Budget, "budget", 0, "largest number of trials; 0 means that of the spec")
	set.DurationVar(&f.longest, "for", 0, "end after this time, e.g. 6h; 0 means no limit")
	set.StringSliceVar(&f.tags, "tag", nil, "only scenarios with one of these tags")
	f.standFlags.add(command)
	set.BoolVar(&f.actuate, "allow-actuation", false, "carry out steps that make the device do something")
	f.display.web.add(command)
	set.BoolVar(&f.display.json, "json", false, "write events to stdout, one JSON object per line; the last one holds the report")
	set.BoolVarP(&f.display.quiet, "quiet", "q", false, "show no progress")
	return command
}

func (w *whyFlags) run(command *cobra.Command, args []string) error {
	f := &w.bisect
	file, name, err := w.spec(args)
	if err != nil {
		return usage(err)
	}
	list, err := file.Chosen(f.tags)
	if err != nil {
		return usage(err)
	}
	f.display.format = "text"
	f.settings.Order, f.settings.Driver, f.settings.Seed, f.settings.First, f.settings.Short = "2", "ipset", 1, !w.all, true
	if err := errors.Join(f.check(), allowed(file, list, f.actuate, "--tag"), onlyOf(command.ErrOrStderr(), &file, f.only, &f.settings)); err != nil {
		return usage(err)
	}
	if f.settings.Only == nil {
		return usage(errors.New("there is no blocklist: add --only LIST, or block: {only: {list: FILE}} to the spec"))
	}
	if err := unused(command.Context(), f.out); err != nil {
		return err
	}
	if err := privilegesFor(file); err != nil {
		return err
	}
	if list, err = file.Expand(command.Context(), list); err != nil {
		return unfit(err)
	}
	slices.SortStableFunc(list, func(a, b scenarios.Spec) int { return last(a) - last(b) })
	run := bench.NewRun(name, file, list, f.settings)
	run.Scenarios = joined(list, run.Scenarios)
	f.display.end.spec = specName(run)
	return f.experiment(command, file, list, run, func(run harness.Run) (kept journal, err error) {
		if f.out, kept, err = keep(command.ErrOrStderr(), f.out, run.Device.Name+"-why", run); err == nil && f.out != "" {
			rememberOrTell(command.ErrOrStderr(), run)
		}
		return kept, err
	})
}

// last is 1 for a scenario of a person, who is asked after all the others.
func last(spec scenarios.Spec) int {
	if spec.Info().Person {
		return 1
	}
	return 0
}

// spec is the one that is named, or one that asks a person whether the device works.
func (w *whyFlags) spec(args []string) (file scenarios.File, name string, err error) {
	if len(args) > 0 {
		if w.device+w.mac+w.placement+w.inside+w.uplink+w.resolver != "" {
			return file, "", errors.New("--device, --mac, --placement, --inside, --uplink and --resolver are for why without a spec: the spec has them")
		}
		file, err = scenarios.Find(args[0])
		return file, args[0], err
	}
	address, err := netip.ParseAddr(w.device)
	if err != nil || w.placement == "" {
		return file, "", errors.New("name a spec, or give --device ADDRESS and --placement: needwant why tv.yaml --only LIST")
	}
	mac, err := w.hardwareAddress(address)
	if err != nil {
		return file, "", err
	}
	text := fmt.Sprintf("apiVersion: needwant/v1\nkind: Scenarios\ndevice: {name: %q, address: %q", address, address)
	if mac != "" {
		text += fmt.Sprintf(", mac: %q", mac)
	}
	text += fmt.Sprintf("}\ngateway: {placement: %q", w.placement)
	for key, value := range map[string]string{"inside": w.inside, "uplink": w.uplink, "resolver": w.resolver} {
		if value != "" {
			text += fmt.Sprintf(", %s: %q", key, value)
		}
	}
	text += "}\ntiming: {observe: 5m}\nscenarios:\n  works:\n    title: Does it work?\n    steps: [{prompt: Does it work now?}]\n"
	name = filepath.Join(".", address.String()+".yaml") // as if it had been written
	file, err = scenarios.Parse(name, []byte(text))
	return file, name, err
}

// hardwareAddress returns the device's MAC address: that of the flag, or if the placement
// needs one, that in this machine's table of neighbours. It is "" if none is needed.
func (w *whyFlags) hardwareAddress(device netip.Addr) (string, error) {
	if w.mac != "" || w.placement != "host" && w.placement != "onearm" {
		return w.mac, nil
	}
	table, err := os.ReadFile("/proc/net/arp")
	if err != nil {
		return "", err
	}
	if mac := neighbourAt(string(table), device); mac != nil {
		return mac.String(), nil
	}
	return "", fmt.Errorf("placement %s needs the device's MAC address, and this machine's table of neighbours does not have %s: switch the device on, or add --mac ADDRESS", w.placement, device)
}

// joined are the infos of scenarios in which all that are not watched are judged as one,
// in the order of the list.
func joined(list scenarios.List, infos []harness.ScenarioInfo) (all []harness.ScenarioInfo) {
	one := harness.ScenarioInfo{Name: "everything", Title: "Does everything work?", Vantage: infos[0].Vantage}
	for i, info := range infos {
		if list[i].Continuous() {
			all = append(all, info)
			continue
		}
		one.Of, one.Person = append(one.Of, info.Name), one.Person || info.Person
	}
	if len(one.Of) < 2 {
		return infos
	}
	for slices.ContainsFunc(all, func(info harness.ScenarioInfo) bool { return info.Name == one.Name }) {
		one.Name += "_"
	}
	return append(all, one)
}
