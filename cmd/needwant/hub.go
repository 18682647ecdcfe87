package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/hub"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/reports"
)

// hubFlags are the choices of a hub.
type hubFlags struct {
	dir     string
	listen  string
	servers string // existing NATS servers
	trusted string // a file with the certificates of who signed theirs
	web     webFlags
}

func hubCommand() *cobra.Command {
	f := &hubFlags{}
	command := group("hub", "Make one laboratory of several machines with agents",
		f.addCommand(), f.removeCommand(), f.statusCommand(), f.releaseCommand(), f.queueCommand(), f.usersCommand())
	command.Long = `Makes one laboratory of several machines. The hub has a copy of every run file of its
agents (needwant agent --hub), and one page for all devices (--web). There people answer
questions, and pause or stop runs. docs/fleet.md explains it.

Agents connect to the hub with TLS, never the other way. A device with a MAC address belongs
to one agent at a time.

The hub saves everything in one directory (--dir). If this directory is lost, the agents send
their run files again. With --nats the hub uses existing NATS servers with JetStream.`
	command.Example = `  needwant hub add garage      # writes garage.creds: copy it to that machine
  needwant hub --web=:8080
  sudo -E needwant agent --hub 192.168.1.5:4222 --creds garage.creds s50.yaml`
	subcommands := command.RunE
	command.RunE = func(command *cobra.Command, args []string) error {
		if len(args) > 0 {
			return subcommands(command, args)
		}
		return f.run(command)
	}
	command.PersistentFlags().StringVar(&f.dir, "dir", "", "save everything in this `DIRECTORY`; the default is /var/lib/needwant/hub for root, else ~/.local/state/needwant/hub")
	command.Flags().StringVar(&f.listen, "listen", ":"+hub.DefaultPort, "listen for agents at this `ADDRESS:PORT`; :4222 is port 4222 of every address")
	command.PersistentFlags().StringVar(&f.servers, "nats", "", "use existing NATS servers at this `URL`, or several URLs with commas between them; needed once")
	command.PersistentFlags().StringVar(&f.trusted, "nats-ca", "", "with --nats: the `FILE` with the certificate of the authority that signed those of the servers; the default is what this machine trusts")
	f.web.add(command)
	return command
}

// directory is that of the hub, which notes the NATS servers that are to be used.
func (f *hubFlags) directory() (d hub.Directory, err error) {
	d = hub.Directory(f.dir)
	if f.dir == "" {
		path, err := stateOf("hub")
		if err != nil {
			return "", unfit(err)
		}
		d = hub.Directory(path)
	}
	if f.servers == "" {
		if f.trusted != "" {
			return "", usage(errors.New("--nats-ca is for existing NATS servers: give their address, too, with --nats"))
		}
		return d, nil
	}
	cluster, err := hub.NewCluster(f.servers, f.trusted)
	if err != nil {
		return "", usage(err)
	}
	return d, unfit(d.UseCluster(cluster))
}

func (f *hubFlags) run(command *cobra.Command) error {
	ctx, notes := command.Context(), command.ErrOrStderr()
	directory, err := f.directory()
	if err != nil {
		return err
	}
	h, err := hub.New(directory, f.listen, func(text string) { laid(notes, reports.Clean(text)) })
	if err != nil {
		return unfit(err)
	}
	if f.web.address != "" {
		h.HasPage()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.Run(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	web, err := f.web.open(ctx, notes)
	if err != nil {
		return err
	}
	defer web.close()
	select {
	case <-h.Serving():
	case <-ctx.Done():
		return nil
	}
	laid(notes, fmt.Sprintf("%s, and keeps everything in %s. Next: %s lets an agent in. Ctrl-C stops the hub; the experiments continue.",
		h.Where(), directory, typed("needwant hub add AGENT%s", f.dirFlag())))
	if web == nil {
		<-ctx.Done()
		return nil
	}
	c := fleetPage{hub: h, directory: directory}
	return c.collection(ctx).serve(ctx, web.server)
}

// dirFlag is the flag that another command needs to find the directory; "" if it is the
// usual one.
func (f *hubFlags) dirFlag() string {
	if f.dir == "" {
		return ""
	}
	return " --dir " + quoted(f.dir)
}

func (f *hubFlags) addCommand() *cobra.Command {
	var out string
	command := &cobra.Command{
		Use:   "add AGENT",
		Short: "Allow an agent to connect: write its credentials to a file",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			directory, err := f.directory()
			if err != nil {
				return err
			}
			if out == "" {
				out = args[0] + ".creds"
			}
			if err := directory.Add(args[0], out); err != nil {
				return usage(err)
			}
			laid(command.OutOrStdout(), fmt.Sprintf("Wrote the credentials of agent %s to %s. Anyone who has the file is that agent: copy it to the agent's machine, for example with scp, and delete it here.", args[0], out))
			address := "ADDRESS:" + directory.Port()
			if servers, err := directory.Servers(); err != nil {
				return unfit(err)
			} else if servers != "" {
				address = servers
				laid(command.OutOrStdout(), fmt.Sprintf("The NATS servers let the agent in once their configuration has what %s prints.", typed("needwant hub users%s", f.dirFlag())))
			}
			laid(command.OutOrStdout(), "Next, on that machine: "+typed("sudo -E needwant agent --hub %s --creds %s SPEC...", quoted(address), quoted(filepath.Base(out))))
			return nil
		},
	}
	command.Flags().StringVar(&out, "out", "", "write the credentials to this `FILE`, which must not exist; the default is AGENT.creds")
	return command
}

func (f *hubFlags) usersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "users",
		Short: "With --nats: print the users for the servers' configuration",
		Long: `Prints a part of the configuration of existing NATS servers (--nats): the keys of the
hub and of all agents, and what they may do. After hub add and hub remove, print it
again, and reload the servers: nats-server --signal reload.`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			directory, err := f.directory()
			if err != nil {
				return err
			}
			return unfit(directory.WriteUsers(command.OutOrStdout()))
		},
	}
}

func (f *hubFlags) removeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove AGENT",
		Short: "Take an agent's credentials away; its runs stay",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			directory, err := f.directory()
			if err != nil {
				return err
			}
			if err := directory.Remove(args[0]); err != nil {
				return usage(err)
			}
			laid(command.OutOrStdout(), fmt.Sprintf("The hub does not let agent %s in any more. Its runs stay in %s.", args[0], directory.Runs()))
			return nil
		},
	}
}

func (f *hubFlags) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "List the agents of a running hub, and their devices",
		Args:  noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			directory, err := f.directory()
			if err != nil {
				return err
			}
			fleet, err := directory.Status(command.Context())
			if err != nil {
				return unfit(err)
			}
			return writeFleet(command.OutOrStdout(), fleet, f.dirFlag())
		},
	}
}

// writeFleet writes the agents and devices as two tables. The flag is that of the hub's
// directory.
func writeFleet(out io.Writer, fleet hub.Fleet, dirFlag string) error {
	if len(fleet.Agents) == 0 {
		laid(out, "There is no agent yet. Next: "+typed("needwant hub add AGENT%s", dirFlag))
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "AGENT\tCONNECTED")
	for _, agent := range fleet.Agents {
		seen := "not since the hub was started"
		switch {
		case agent.Now():
			seen = "yes"
		case !agent.Seen.IsZero():
			seen = "no, last " + span.Words(time.Since(agent.Seen).Round(time.Second)) + " ago"
		}
		fmt.Fprintf(table, "%s\t%s\n", agent.Agent, seen)
	}
	if len(fleet.Devices) > 0 {
		fmt.Fprintln(table, "\nDEVICE\tMODEL\tMAC ADDRESS\tPLACEMENT\tAGENT")
	}
	for _, device := range fleet.Devices {
		agent := "none (" + device.Agent + " had it last)"
		if device.Held {
			agent = device.Agent
		}
		var cells []string
		for _, cell := range []string{device.Name, device.Model, device.MAC, device.Placement, agent} {
			cells = append(cells, reports.Clean(cell))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

func (f *hubFlags) releaseCommand() *cobra.Command {
	var stopped bool
	command := &cobra.Command{
		Use:   "release DEVICE",
		Short: "Take a device away from an agent that is gone",
		Long: `Takes a device away from an agent that is gone, so that another agent can have it.
DEVICE is its MAC address or its name.

An agent that is only cut off from the hub continues its experiment. So stop that agent
first, or unplug the device there, and confirm it with --stopped. An agent that is
connected returns its devices by itself when it is stopped.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			directory, err := f.directory()
			if err != nil {
				return err
			}
			text, err := directory.Release(command.Context(), args[0], stopped)
			if err != nil {
				return unfit(err)
			}
			laid(command.OutOrStdout(), text)
			return nil
		},
	}
	command.Flags().BoolVar(&stopped, "stopped", false, "confirm that the agent does not use the device any more")
	return command
}
