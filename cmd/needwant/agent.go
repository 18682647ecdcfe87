package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clipperhouse/displaywidth"
	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/cmd/internal/hub"
	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/cmd/internal/specbench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/placement"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/scenarios"
)

// agent carries out the experiments of several devices at the same time.
type agent struct {
	flags   bisectFlags   // of all experiments
	out     string        // the directory of the run files; "" is that of each spec
	every   time.Duration // after which a result is tested again; 0 is never
	queue   bool          // what is queued at the hub is carried out
	uplink  uplinkFlags
	lend    bool // the devices are lent to other agents' experiments
	members []*member
}

// member is the experiment with one device.
type member struct {
	spec  string // as the user named it
	name  string // of the device, which no other experiment has
	file  scenarios.File
	flags bisectFlags
	out   string        // the directory of its run files
	every time.Duration // after which its result is tested again; 0 is never
	queue bool          // what is queued at the hub is carried out, and nothing begins by itself
	entry hub.Entry     // of the queue, which the last run carries out; zero if it has none
	line  *deviceLine
	sent  func() // sends the rest of the last file, and no more

	mu    sync.Mutex
	files []string // its runs, the last of which is under way or is to begin, unless it is over
	over  bool
	err   error // in which it ended
}

func agentCommand() *cobra.Command {
	a := &agent{}
	command := &cobra.Command{
		Use:   "agent SPEC...",
		Short: "Find out what several devices need, at the same time",
		Long: `Does for each spec what needwant bisect does, for all at the same time. Each device has
a separate gateway and a run file: the device's name with .run, next to the spec or in
the directory --out. A run that is not complete is continued. If an experiment fails,
the others continue. If two specs need the same interface, VLAN or address, nothing
begins.

With --web one page lists all devices, and each device has a page below it. There people
answer questions, and pause runs. With --hub the runs are also sent to a hub (needwant
hub), whose page can do the same. If the hub cannot be reached, they are sent later.
When the agent ends, for whatever reason, the network is restored.

--recheck tests each result again in a few trials, for example every week. Each recheck
has a separate file: NAME-recheck.run, NAME-recheck-2.run and so on.

--queue begins an experiment only when the hub says so (needwant hub queue add).

--lend makes no experiments. It lends the devices to experiments on other machines. A
device is behind its gateway only during an experiment. If the other machine cannot be
reached, the network is restored after 10 s.

The exit code is 0 if every run is complete and every cell is decided. Otherwise it is
that of a run that is not.`,
		Example: `  sudo -E needwant agent s50.yaml plug.yaml bulb.yaml --web=:8080`,
		Args:    cobra.MinimumNArgs(1),
		RunE:    a.run,
	}
	command.Flags().StringVar(&a.out, "out", "", "save the runs in this `DIRECTORY`; the default is next to each spec")
	a.flags.addSearch(command)
	a.flags.addShared(command)
	scheduleFlag(command, &a.flags.schedule)
	command.Flags().BoolVarP(&a.flags.display.quiet, "quiet", "q", false, "show no progress")
	a.flags.display.web.add(command)
	a.uplink.add(command)
	command.Flags().BoolVar(&a.queue, "queue", false, "with --hub: test a device when it is in the hub's queue; do not end without Ctrl-C")
	command.Flags().BoolVar(&a.lend, "lend", false, "with --hub: lend the devices to experiments on other machines (needwant bisect SPEC hub:AGENT/DEVICE...)")
	command.Flags().DurationVar(&a.every, "recheck", 0, "test each result again this long after the last run began, e.g. 168h; do not end without Ctrl-C")
	return command
}

func (a *agent) run(command *cobra.Command, specs []string) error {
	ctx, notes := command.Context(), command.ErrOrStderr()
	a.flags.display.format, a.flags.alone, a.flags.among = "text", true, true
	if a.every < 0 {
		return usage(errors.New("--recheck takes no negative time"))
	}
	if a.queue && a.uplink.url == "" {
		return usage(errors.New("--queue needs --hub and --creds"))
	}
	if a.lend && (a.uplink.url == "" || a.every > 0 || a.queue || a.flags.display.web.address != "") {
		return usage(errors.New("--lend needs --hub and --creds, and cannot be combined with --queue, --recheck and --web"))
	}
	if info, err := os.Stat(cmp.Or(a.out, ".")); err != nil || !info.IsDir() {
		return usage(fmt.Errorf("--out %s: there is no such directory: create it first", a.out))
	}
	for _, spec := range specs {
		if err := a.add(spec); err != nil {
			return err
		}
	}
	if !a.flags.dry {
		if err := a.privileges(); err != nil {
			return err
		}
	}
	var each []replica
	for _, m := range a.members {
		each = append(each, replica{source: m.spec, file: m.file})
	}
	if err := disjoint(ctx, each); err != nil {
		return err
	}
	if a.flags.dry {
		return a.dryRun(command)
	}
	web, err := a.flags.display.web.open(ctx, notes)
	if err != nil {
		return err
	}
	defer web.close()
	up, err := a.uplink.open(notes)
	if err != nil {
		return err
	}
	a.boards(web, up)
	defer a.show(notes)()
	if a.lend {
		defer up.close(nil)
		return a.lendAll(ctx, up)
	}
	defer a.list(ctx, web)()
	defer up.close(a.members)
	for _, m := range a.members {
		m.send(up)
	}
	defer up.show(a.members)()
	var all sync.WaitGroup
	for _, m := range a.members {
		all.Go(func() { m.do(ctx, up) })
	}
	all.Wait()
	return a.closing(ctx, command.OutOrStdout())
}

// add reads a spec, and refuses one whose device is another one's by its name.
func (a *agent) add(spec string) error {
	m := &member{spec: spec, flags: a.flags, every: a.every, queue: a.queue, sent: func() {}}
	var err error
	if m.file, _, err = m.flags.read(spec); err != nil {
		return err
	}
	if m.file.Gateway.Placement == scenarios.Lab {
		if _, err := specbench.World(m.file); err != nil {
			return usage(err)
		}
	}
	m.name, m.out = bench.Name(spec, m.file), cmp.Or(a.out, m.file.Folder())
	for _, other := range a.members {
		if other.name == m.name {
			return usage(fmt.Errorf("%s and %s both name their device %s: write another device: {name: …} in one of them", other.spec, spec, m.name))
		}
		if m.tests() && (m.isRecheckOf(other) || other.isRecheckOf(m)) {
			return usage(fmt.Errorf("%s and %s would save rechecks in the same files: write another device: {name: …} in one of them", other.spec, spec))
		}
	}
	m.find()
	m.flags.display.web = webFlags{} // one page for all
	a.members = append(a.members, m)
	return nil
}

// privileges gets what the placements need, those of real devices first: a program that
// an ordinary user runs for a lab reaches none.
func (a *agent) privileges() error {
	labs := 0
	for _, m := range a.members {
		if m.file.Gateway.Placement == scenarios.Lab {
			labs++
			continue
		}
		if err := privilegesFor(m.file); err != nil {
			return err
		}
	}
	switch {
	case labs == 0:
		return nil
	case labs < len(a.members) && os.Geteuid() != 0:
		return unfit(errors.New("an ordinary user's lab has a network of its own, in which no real device is: run it with sudo"))
	}
	if err := errors.Join(a.flags.display.web.onLab(), a.uplink.onLab()); err != nil {
		return err
	}
	return privileges()
}

func (a *agent) dryRun(command *cobra.Command) error {
	var problems []error
	for _, m := range a.members {
		fmt.Fprintf(command.OutOrStdout(), "%s:\n", m.name)
		if err := dryRun(command, m.file, m.flags.settings); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", m.spec, err))
		}
	}
	return unfit(errors.Join(problems...))
}

// show shows the progress: on a terminal one line for each device, else the lines of all,
// each after the name of its device. The function that it returns ends that.
func (a *agent) show(out io.Writer) (end func()) {
	screen := screenOf(out)
	width := 0
	for _, m := range a.members {
		width = max(width, displaywidth.String(m.label()))
		m.line = &deviceLine{out: screen, name: m.name, live: screen.live()}
		if a.flags.display.quiet {
			m.line.out, m.line.live = io.Discard, false
		}
		if m.line.live {
			m.flags.display.line = m.line
		}
	}
	if a.flags.display.quiet {
		return func() {}
	}
	return screen.show(func(int, int) (lines []string) {
		for _, m := range a.members {
			lines = append(lines, m.label()+strings.Repeat(" ", width-displaywidth.String(m.label()))+"  "+m.line.now())
		}
		return lines
	})
}

// label is the name of the device as its line has it.
func (m *member) label() string {
	const most = 16
	return displaywidth.TruncateString(reports.Clean(m.name), most, "…")
}

// boards gives each experiment a page, if this machine or the hub shows one.
func (a *agent) boards(web *webPage, up *uplink) {
	for _, m := range a.members {
		switch {
		case web != nil:
			m.flags.display.page = &webPage{board: page.NewBoard(), stop: func() {}}
		case up != nil:
			m.flags.display.page = &webPage{board: page.NewBoard(), stop: func() {}, empty: up.pageless}
		}
	}
}

// list serves a page that lists the experiments, if there is a page. The function that it
// returns ends that.
func (a *agent) list(ctx context.Context, web *webPage) (end func()) {
	if web == nil {
		return func() {}
	}
	c := &collection{
		title:   fmt.Sprintf("%d devices", len(a.members)),
		find:    a.runs,
		waiting: a.waiting,
		begun: func(file string) *page.Board {
			if m := a.writing(file); m != nil {
				return m.flags.display.page.board
			}
			return nil
		},
		written: func(path string) bool { return a.writing(filepath.Base(path)) != nil },
	}
	ctx, cancel := context.WithCancel(ctx)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = c.serve(ctx, web.server) // what it lists is there
	}()
	return func() {
		cancel()
		<-gone
	}
}

// runs are the run files of all devices.
func (a *agent) runs() (paths []string, err error) {
	for _, m := range a.members {
		paths = append(paths, m.runs()...)
	}
	return paths, nil
}

// writing is the member that writes to a file; nil if none does.
func (a *agent) writing(file string) *member {
	for _, m := range a.members {
		if m.under() && filepath.Base(m.last()) == file {
			return m
		}
	}
	return nil
}

// waiting lists the experiments that have no run file yet.
func (a *agent) waiting() (lines []reports.RunLine) {
	for _, m := range a.members {
		if _, err := os.Lstat(m.last()); err == nil {
			continue
		}
		line := reports.RunLine{File: filepath.Base(m.last()), Subject: m.name, Now: m.line.now()}
		if _, err := m.ended(); err != nil {
			line = reports.WrongRunLine(m.name, err)
		}
		lines = append(lines, line)
	}
	return lines
}

// do carries out the experiment, and tests its result again when it is time, or when the hub's queue says so.
func (m *member) do(ctx context.Context, up *uplink) {
	defer up.offer(m)()
	if m.begins() {
		m.experiment(ctx, up)
	}
	for m.again(ctx, up) {
		m.experiment(ctx, up)
	}
}

// begins reports whether the experiment begins, or is continued, by itself.
func (m *member) begins() bool {
	if _, err := os.Lstat(m.last()); err == nil || !m.queue {
		return true
	}
	m.mu.Lock()
	m.over = true
	m.mu.Unlock()
	return false
}

// experiment carries out the last run, once the device belongs to this agent.
func (m *member) experiment(ctx context.Context, up *uplink) {
	held, err := up.hold(ctx, m)
	if err == nil {
		command := &cobra.Command{}
		command.SetContext(held)
		command.SetOut(io.Discard) // the run file has the matrix
		command.SetErr(m.line)
		err = m.carryOut(command)
		if lost, ok := errors.AsType[*hub.LostError](context.Cause(held)); ok {
			unrestored, _ := errors.AsType[*placement.LeftError](err)
			if err = exit(codeInterrupted, fmt.Errorf("interrupted: %w", lost)); unrestored != nil {
				err = errors.Join(err, unrestored)
			}
		}
		up.giveBack(m)
	}
	_, text := codeAndText(ctx, err)
	m.mu.Lock()
	m.over, m.err = true, err
	m.mu.Unlock()
	m.line.end(cmp.Or(text, "the run is over"))
}

// device is the device as a hub knows it. One that is simulated is not wired to anything.
func (m *member) device() hub.Device {
	device := hub.Device{Name: m.name, Model: m.file.Device.Model, MAC: m.file.Device.MAC, Placement: m.file.Gateway.Placement}
	if device.Placement == scenarios.Lab {
		device.MAC = ""
	}
	return device
}

// ended reports whether it is over, and in which error.
func (m *member) ended() (over bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.over, m.err
}

// under reports whether it is under way.
func (m *member) under() bool {
	over, _ := m.ended()
	return !over
}

// closing says what came of each experiment, and returns the exit code of all.
func (a *agent) closing(ctx context.Context, out io.Writer) error {
	worst, open := codeDone, 0
	var left []error
	for _, m := range a.members {
		code, text := codeAndText(ctx, m.err)
		if found, ok := errors.AsType[*placement.LeftError](m.err); ok {
			left = append(left, found)
		}
		if code != codeDone {
			open++
		}
		worst = graver(worst, code)
		if code == codeDone || code == codeOpen {
			text = m.summary()
		}
		laid(out, m.name+": "+text)
	}
	switch {
	case len(left) > 0:
		return unfit(errors.Join(left...))
	case open == 0:
		return nil
	case ctx.Err() != nil:
		return exit(codeInterrupted, errors.New("interrupted: the same command continues what is not complete"))
	}
	return exit(worst, fmt.Errorf("%d of %d runs are not complete, or have cells that are not decided", open, len(a.members)))
}

// summary is the result in a sentence.
func (m *member) summary() string {
	if _, err := os.Lstat(m.last()); err != nil && m.queue {
		return "there is no run: it was not in the queue of the hub"
	}
	run, err := loadRun(context.Background(), m.last())
	if err != nil {
		return err.Error()
	}
	return reports.New(run, harness.Judge(run)).Summary
}

// graver is that of two exit codes which needs a person more.
func graver(a, b int) int {
	order := []int{codeDone, codeOpen, codeInterrupted, codeBroken, codeUnfit, codeUsage}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}
