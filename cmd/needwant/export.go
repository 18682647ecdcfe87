package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/placement"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
	"github.com/needwant/needwant/scenarios"
)

// exportFlags are the flags of the export command.
type exportFlags struct {
	format    string
	kind      string
	mac       string
	addresses []string
	standIns  []string
	spec      string     // the device's spec, which has its MAC and IP address; "" for none
	behind    netip.Addr // the address of that spec, if the device has it behind a gateway of needwant
	simulated bool
	unfilled  bool // write the rules though they have placeholders in them
	options   policy.Options
}

func exportCommand() *cobra.Command {
	flags := &exportFlags{}
	command := &cobra.Command{
		Use:   "export RUN",
		Short: "Export a run's findings as firewall rules or blocklists",
		Long: `Writes what a run proved as rules for a firewall or a DNS server. Comments at the top list
what the format cannot express.

There are three policies. block-optional blocks what the run blocked all at once while everything
worked. allow-required blocks everything except what is needed, and every member of each
group of alternatives. exceptions, after a run with --only LIST, allows the names on the list
that are needed (only with --format ` + strings.Join(policy.ExceptionFormats(), ", ") + `).

A run file does not have the device's addresses at home: give --spec, or --mac and
--address, or fill in the placeholders that --placeholder writes.

A run on a simulated device says nothing about a product. Its rules are only
written with --simulated, for example to test them in a lab.

` + formatHelp(),
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			run, err := loadRun(command.Context(), args[0])
			if err != nil {
				return err
			}
			if run.Settings.Simulated && !flags.simulated {
				return usage(simulatedError(args[0]))
			}
			if err := flags.export(command, reports.New(run, harness.Judge(run))); err != nil {
				return err
			}
			ending{saved: args[0], spec: specName(run)}.exported(command.ErrOrStderr(), run, flags.tested())
			return nil
		},
	}
	flags.add(command)
	return command
}

// tested are the flags with which verify tests the policy that is written.
func (f *exportFlags) tested() (flags string) {
	if f.kind != string(policy.BlockOptional) {
		flags += " --policy " + f.kind
	}
	if f.options.Scenario != "" {
		flags += " --scenario " + quoted(f.options.Scenario)
	}
	return flags
}

// simulatedError says that a run file proves nothing of a real device.
func simulatedError(path string) error {
	return fmt.Errorf("%s is a run on a simulated device: it describes a world of the lab, not a product.\n"+
		"  Run the experiment on the real device: sudo -E needwant bisect SPEC\n"+
		"  To write the rules of the simulated one, e.g. for a test, add --simulated", path)
}

func formatHelp() string {
	var help strings.Builder
	help.WriteString("Formats:\n")
	for _, format := range policy.Formats() {
		fmt.Fprintf(&help, "  %-15s %s\n", format.Name, format.About)
	}
	return help.String()
}

func (f *exportFlags) add(command *cobra.Command) {
	set := command.Flags()
	set.StringVar(&f.format, "format", "nft", "the format of the rules, see above")
	set.StringVar(&f.kind, "policy", string(policy.BlockOptional), "block-optional, allow-required, or after a run with --only: exceptions")
	set.StringVar(&f.options.Scenario, "scenario", "", "the `NAME` of the scenario or column that must work (default: all)")
	set.BoolVar(&f.options.Minimal, "minimal", false, "with allow-required: allow only one of each group of alternatives")
	set.BoolVar(&f.options.WholeGroups, "whole-groups", false, "with block-optional: allow all members of each group of alternatives")
	set.StringVar(&f.mac, "mac", "", "the device's MAC `ADDRESS`, e.g. 7c:49:eb:00:00:01")
	set.StringSliceVar(&f.addresses, "address", nil, "the device's IP `ADDRESS` at home; may be given several times")
	set.StringVar(&f.spec, "spec", "", "read the device's MAC and IP address from this spec `FILE`; give --address, too, if the IP address is another one behind your router")
	set.StringSliceVar(&f.standIns, "stand-in", nil, "make the device use your own server, e.g. ntp=192.168.1.10 or dns=192.168.1.10, if the run proved that this is enough; give it twice for IPv4 and IPv6")
	set.StringVar(&f.options.Device.Name, "name", "", "the name of tables and lists")
	set.BoolVar(&f.unfilled, "placeholder", false, "write placeholders for the device's addresses, for you to fill in")
	set.BoolVar(&f.simulated, "simulated", false, "write rules although the run is of a simulated device")
	completeFlag(command, "format", exportFormats()...)
	completeFlag(command, "policy", string(policy.BlockOptional), string(policy.AllowRequired), string(policy.AllowExceptions))
	command.MarkFlagsMutuallyExclusive("minimal", "whole-groups")
}

// export writes the result to stdout; where the format has no comments, what
// was lost goes to stderr.
func (f *exportFlags) export(command *cobra.Command, matrix reports.Matrix) error {
	if f.kind == string(policy.AllowExceptions) {
		return f.exceptions(command, matrix)
	}
	format, err := policy.Find(f.format)
	if err != nil {
		return usage(fmt.Errorf("%w%s", err, meant(f.format, exportFormats())))
	}
	if err := f.read(); err != nil {
		return usage(err)
	}
	p, err := policy.New(matrix, f.options)
	if err != nil {
		return usage(err)
	}
	export, err := format.Export(p)
	if err != nil {
		return usage(fmt.Errorf("format %s: %w", format.Name, err))
	}
	if export.Placeholder && !f.unfilled {
		return usage(fmt.Errorf("these rules need the device's address, without which they load and do nothing.\n"+
			"  Give the spec of the device: needwant export %s --format %s --spec FILE\n"+
			"  or --mac and --address; with --placeholder you fill them in by hand", quoted(command.Flags().Arg(0)), f.format))
	}
	if p.Kind == policy.BlockOptional && len(p.Blocked) == 0 && !format.Offers() {
		laid(command.ErrOrStderr(), "nothing is blocked by this: "+nothingProved)
	}
	if !format.Comments() {
		for _, sentence := range append(p.Doubts, export.Lost...) {
			laid(command.ErrOrStderr(), sentence)
		}
	}
	return f.write(command, export.Text)
}

// write prints rules. If they rest on an address that the device may have behind the gateway
// alone, it says so.
func (f *exportFlags) write(command *cobra.Command, rules string) error {
	if _, err := io.WriteString(command.OutOrStdout(), rules); err != nil {
		return err
	}
	if f.behind.IsValid() && strings.Contains(rules, f.behind.String()) {
		laid(command.ErrOrStderr(), fmt.Sprintf("%s is the device's address behind the gateway. If it has another one behind your router, add --address with that one.", f.behind))
	}
	return nil
}

// exceptions writes the names to allow although a blocklist has them.
func (f *exportFlags) exceptions(command *cobra.Command, matrix reports.Matrix) error {
	if err := f.read(); err != nil {
		return usage(err)
	}
	exceptions, err := policy.NewExceptions(matrix, f.options.Device)
	if err != nil {
		return usage(err)
	}
	text, err := exceptions.Write(f.format)
	if err != nil {
		return usage(err)
	}
	return f.write(command, text)
}

// read takes the addresses from their flags, and those that no flag gives from the
// device's spec.
func (f *exportFlags) read() (err error) {
	f.options.Kind = policy.Kind(f.kind)
	if f.spec != "" {
		file, err := scenarios.Find(f.spec)
		if err != nil {
			return err
		}
		if f.mac == "" {
			f.mac = file.Device.MAC
		}
		if address := file.Device.Address; len(f.addresses) == 0 && address.IsValid() {
			f.addresses = []string{address.String()}
			switch placement.Kind(file.Gateway.Placement) {
			case placement.NIC, placement.VLAN, placement.OneArm, placement.AP: // the device gets an address of the gateway's network
				f.behind = address
			}
		}
	}
	if f.mac != "" {
		if f.options.Device.MAC, err = net.ParseMAC(f.mac); err != nil {
			return fmt.Errorf("--mac %s: write it as 7c:49:eb:00:00:01", f.mac)
		}
	}
	for _, text := range f.addresses {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("--address %s: write one address, e.g. 192.168.50.10", text)
		}
		f.options.Device.Addresses = append(f.options.Device.Addresses, address)
	}
	servers, err := ownServers(f.standIns)
	f.options.TimeServers, f.options.Resolvers = servers[harness.TimeServer], servers[harness.Resolver]
	return err
}
