package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/hub"
	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/harness"
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
		f.addCommand(), f.removeCommand(), f.statusCommand(), f.releaseCommand(), f.usersCommand())
	command.Long = `Receives the records of agents (needwant agent --hub) and keeps a copy of each of
their run files. Agents connect to the hub with TLS, never the other way, so that their
machines may be behind NAT. A device with a MAC address belongs to one agent at a time.

With --web one page lists the runs of all agents, and each has a page below it. Questions of
the experiments are answered there, and a run can be paused or stopped.

Everything is in one directory (--dir). If it is lost, agents send their run files again.
With --nats the hub uses existing NATS servers with JetStream instead of its own; three in a
cluster keep working when one fails. docs/fleet.md explains it.`
	command.Example = `  needwant hub add garage                      # writes garage.creds: copy it to that machine
  needwant hub --web=:8080
  sudo -E needwant agent --hub 192.168.1.5:4222 --creds garage.creds s50.yaml plug.yaml`
	subcommands := command.RunE
	command.RunE = func(command *cobra.Command, args []string) error {
		if len(args) > 0 {
			return subcommands(command, args)
		}
		return f.run(command)
	}
	command.PersistentFlags().StringVar(&f.dir, "dir", "", "keep everything in this `DIRECTORY`; the default is /var/lib/needwant/hub for root, else ~/.local/state/needwant/hub")
	command.Flags().StringVar(&f.listen, "listen", ":4222", "where agents connect, `ADDRESS:PORT`; :4222 is port 4222 of every address")
	command.PersistentFlags().StringVar(&f.servers, "nats", "", "use existing NATS servers at this `URL`, or at several with commas between them; the directory keeps it")
	command.PersistentFlags().StringVar(&f.trusted, "nats-ca", "", "with --nats: the `FILE` with the certificate of who signed those of the servers; the default is what this machine trusts")
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

// fleetPage has what the page of a hub shows.
type fleetPage struct {
	hub       *hub.Hub
	directory hub.Directory
	fleet     hub.Fleet
	asked     time.Time
}

// collection lists the runs, each with its agent, and the devices that have none yet.
func (f *fleetPage) collection(ctx context.Context) *collection {
	connected := func(file string) bool { return f.hub.Connected(hub.AgentOf(file)) }
	return &collection{
		title: "Devices of this laboratory",
		find: func() ([]string, error) {
			f.ask(ctx)
			return runsIn(f.directory.Runs())
		},
		written: func(path string) bool { return connected(filepath.Base(path)) },
		place: func(file string) string {
			place := "agent " + hub.AgentOf(file)
			for _, device := range f.fleet.Devices {
				if device.IsOf(file) && device.Placement != "" {
					place += ", placement " + device.Placement
				}
			}
			if !connected(file) {
				place += ", not connected"
			}
			return place
		},
		waiting: f.waiting,
		remote:  atAgents{f.hub},
	}
}

// atAgents has agents carry out what people do on the page of a hub.
type atAgents struct{ hub *hub.Hub }

func (a atAgents) live(file string) (live reports.Live, version int) {
	state, version := a.hub.State(file)
	if version == 0 || json.Unmarshal(state, &live) != nil {
		return reports.Live{}, 0
	}
	live.Orders = slices.DeleteFunc(live.Orders, func(do harness.Do) bool { return !slices.Contains(harness.Dos(), do) })
	return live, version
}

func (a atAgents) act(ctx context.Context, file string, act page.Act) (reply page.Reply) {
	what, err := json.Marshal(act)
	if err == nil {
		what, err = a.hub.Act(ctx, file, what)
	}
	if err == nil {
		err = json.Unmarshal(what, &reply)
	}
	if err != nil {
		return page.Reply{Status: http.StatusServiceUnavailable, Why: sentence(err)}
	}
	return reply
}

// sentence is an error as a sentence.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// ask asks for the devices, but not each time.
func (f *fleetPage) ask(ctx context.Context) {
	const often = 3 * time.Second
	if time.Since(f.asked) < often {
		return
	}
	f.asked = time.Now()
	if fleet, err := f.hub.Fleet(ctx); err == nil {
		f.fleet = fleet
	}
}

// waiting lists the devices without a run.
func (f *fleetPage) waiting() (lines []reports.RunLine) {
	paths, err := runsIn(f.directory.Runs())
	if err != nil {
		return nil
	}
	for _, device := range f.fleet.Devices {
		has := false
		for _, path := range paths {
			has = has || device.IsOf(filepath.Base(path))
		}
		if !has {
			lines = append(lines, reports.RunLine{Subject: device.Name, Place: "agent " + device.Agent + ", placement " + device.Placement, Now: "The run has not begun"})
		}
	}
	return lines
}

func (f *hubFlags) addCommand() *cobra.Command {
	var out string
	command := &cobra.Command{
		Use:   "add AGENT",
		Short: "Let an agent in: write its credentials to a file",
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
			address := "ADDRESS:4222"
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
		Short: "With --nats: print the users that the NATS servers need in their configuration",
		Long: `Prints the keys of the hub and of all agents, and what they may do, as a part of the
configuration of existing NATS servers (--nats). Print it again after hub add and hub remove,
and have the servers read it: nats-server --signal reload.`,
		Args: cobra.NoArgs,
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
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			directory, err := f.directory()
			if err != nil {
				return err
			}
			fleet, err := directory.Status(command.Context())
			if err != nil {
				return unfit(err)
			}
			return writeFleet(command.OutOrStdout(), fleet)
		},
	}
}

// writeFleet writes the agents and devices as two tables.
func writeFleet(out io.Writer, fleet hub.Fleet) error {
	if len(fleet.Agents) == 0 {
		laid(out, "There is no agent yet. Next: "+typed("needwant hub add AGENT"))
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
		agent := "– (last: " + device.Agent + ")"
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
		Long: `Takes a device, named by its MAC address or its name, away from an agent that is not
connected, so that another agent may have it. An agent that is only cut off from the hub
continues its experiment. So stop it first, or unplug the device there, and confirm that with
--stopped. An agent that is connected returns its devices by itself when it is stopped.`,
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
	command.Flags().BoolVar(&stopped, "stopped", false, "the agent that has it does not drive it any more: you made sure")
	return command
}

// uplink is an agent's connection to a hub; nil if it has none.
type uplink struct {
	link  *hub.Link
	drain chan struct{}
}

// uplinkFlags are the flags of an agent with a hub.
type uplinkFlags struct{ url, credentials string }

func (f *uplinkFlags) add(command *cobra.Command) {
	command.Flags().StringVar(&f.url, "hub", "", "send the runs to the hub at this `ADDRESS`, e.g. 192.168.1.5:4222, or by way of the NATS servers that it uses")
	command.Flags().StringVar(&f.credentials, "creds", "", "with --hub: the `FILE` that needwant hub add wrote")
	command.MarkFlagsRequiredTogether("hub", "creds")
}

// open connects to the hub, if there is one.
func (f *uplinkFlags) open(out io.Writer) (*uplink, error) {
	if f.url == "" {
		return nil, nil
	}
	link, err := hub.Connect(f.url, f.credentials, func(text string) { laid(out, reports.Clean(text)) })
	if err != nil {
		return nil, usage(err)
	}
	return &uplink{link, make(chan struct{})}, nil
}

// onLab explains that an ordinary user's lab reaches no hub.
func (f *uplinkFlags) onLab() error {
	if f.url == "" || os.Geteuid() == 0 {
		return nil
	}
	return usage(errors.New("--hub: an ordinary user's lab has a network of its own, from which no hub is reached: use sudo -E"))
}

// hold waits until the device belongs to this agent. The context ends if it is given to
// another one.
func (u *uplink) hold(ctx context.Context, m *member) (context.Context, error) {
	if u == nil {
		return ctx, nil
	}
	return u.link.Hold(ctx, m.device(), func(why string) { fmt.Fprintln(m.line, why) })
}

// giveBack returns the device, once nothing is done with it any more.
func (u *uplink) giveBack(m *member) {
	if u == nil {
		return
	}
	ctx := context.Background() // also after Ctrl-C
	if err := u.link.Return(ctx, m.device()); err != nil {
		fmt.Fprintf(m.line, "the device stays this agent's until the hub is reachable again: %v\n", err)
	}
}

// send sends what the members' run files have and get, until the function that it returns
// ends that: once the hub has everything, or does not take it in time.
func (u *uplink) send(members []*member) (end func()) {
	if u == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	whole := make(chan *member, len(members))
	for _, m := range members {
		go func() {
			if u.link.Send(ctx, m.flags.out, m.name, u.drain) {
				whole <- nil
				return
			}
			whole <- m
		}()
	}
	return func() {
		close(u.drain)
		defer u.link.Close()
		late := time.AfterFunc(longestSending, cancel)
		defer late.Stop()
		defer cancel()
		for range members {
			if m := <-whole; m != nil {
				fmt.Fprintf(m.line, "the hub does not have all records of %s yet: the same command sends the rest\n", m.flags.out)
			}
		}
	}
}

// show shows the hub what happens in the experiments, and lets people there act on it, until the
// function that it returns ends that.
func (u *uplink) show(members []*member) (end func()) {
	if u == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, m := range members {
		all.Go(func() { u.link.Show(ctx, m.name, hub.Experiment{State: m.state, Do: m.act}) })
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// state is what the member's page shows, for the page of a hub.
func (m *member) state() (run string, state json.RawMessage, changed <-chan struct{}) {
	run, live, changed := m.flags.display.page.board.State()
	if !m.under() {
		return "", nil, changed
	}
	state, err := json.Marshal(live)
	if err == nil && len(state) > hub.MostState {
		live.Blocked, live.Tried, live.StandIns = nil, nil, nil // the drawing shows less
		state, err = json.Marshal(live)
	}
	if err != nil || len(state) > hub.MostState {
		return "", nil, changed
	}
	return run, state, changed
}

// act carries out what a person does on the page of a hub.
func (m *member) act(what json.RawMessage) json.RawMessage {
	var act page.Act
	reply := page.Reply{Status: http.StatusBadRequest, Why: "The agent does not understand it."}
	if json.Unmarshal(what, &act) == nil {
		reply = m.flags.display.page.board.Do(act)
	}
	text, err := json.Marshal(reply)
	if err != nil {
		return nil
	}
	return text
}

// pageless says why nobody answers questions at the hub, if that is so.
func (u *uplink) pageless() error {
	if u.link.HasPage() {
		return nil
	}
	return errors.New("nobody is there to be asked: start the hub with --web, or this agent")
}

// longestSending is for how long an agent that is about to end waits for the hub.
const longestSending = 15 * time.Second
