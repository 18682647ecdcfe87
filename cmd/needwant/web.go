package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/scenarios"
)

// webFlags are the flags of a command with a page.
type webFlags struct {
	address string
	options page.Options
}

// onLoopback is what --web without an address means.
const onLoopback = "loopback"

func (f *webFlags) add(command *cobra.Command) {
	set := command.Flags()
	set.StringVar(&f.address, "web", "", "serve a page at this `ADDRESS:PORT`; :8080 is port 8080 of every address; without a value, only this machine can open it")
	set.Lookup("web").NoOptDefVal = onLoopback
	set.BoolVar(&f.options.View, "web-view", false, "with --web: print a second link, for people who only look")
	set.StringVar(&f.options.Certificate, "web-cert", "", "with --web: serve TLS with the certificate in this `FILE`")
	set.StringVar(&f.options.Key, "web-key", "", "with --web: the certificate's private key is in this `FILE`")
}

// webPage is the page of a command, or of one of several experiments; nil if there is none.
type webPage struct {
	board  *page.Board
	server *page.Server // nil if the page is one of those that another lists
	stop   func()
	empty  func() error // why nobody answers there; nil if somebody may
}

// ask asks a question on the page.
func (w *webPage) ask(ctx context.Context, question scenarios.Question) (string, error) {
	if w.empty != nil {
		if err := w.empty(); err != nil {
			return "", err
		}
	}
	return w.board.Ask(ctx, question)
}

// open begins to serve the page that the flags ask for, and prints its links.
func (f *webFlags) open(ctx context.Context, out io.Writer) (*webPage, error) {
	if f.address == "" {
		if f.options != (page.Options{}) {
			return nil, usage(errors.New("--web-view, --web-cert and --web-key are for a page: add --web"))
		}
		return nil, nil
	}
	if f.options.Address = f.address; f.address == onLoopback {
		f.options.Address = ""
	}
	server, err := page.Listen(f.options)
	if err != nil {
		return nil, usage(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // also after Ctrl-C, to show the end
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(ctx) // without a page, the run is as good
	}()
	file, isFile := underlying(out)
	server.Links().Write(out, isFile && terminal(file))
	return &webPage{board: server.Board, server: server, stop: func() {
		cancel()
		<-ended
	}}, nil
}

// close ends the page, once its viewers have seen how it ends, or have not in time.
func (w *webPage) close() {
	if w != nil {
		w.stop()
	}
}

// show shows a run as it is. It may be called if there is no page.
func (w *webPage) show(run harness.Run, now reports.Now, progress harness.Progress, ended bool) {
	if w == nil {
		return
	}
	w.put(content(run, now, progress, ended))
}

// put is what the page shows from now on.
func (w *webPage) put(content page.Content) {
	content.Live.Listed = w.server == nil
	w.board.Show(content)
}

// content is what a page shows of a run file.
func content(run harness.Run, now reports.Now, progress harness.Progress, ended bool) page.Content {
	live := reports.Live{Now: now.Sentence(), Left: left(progress), Over: now.Over, Ended: ended}
	if now.Left > 0 {
		live.All = now.Over + now.Left
	}
	if now.Trial != nil {
		live.Blocked, live.StandIns = now.Trial.Block, now.Trial.StandIns
	}
	return page.Content{Run: run.ID, Report: func() reports.Report { return reports.NewReport(run, harness.Judge(run)) }, Live: live}
}

// onLab explains that an ordinary user's lab has no page.
func (f *webFlags) onLab() error {
	if f.address == "" || os.Geteuid() == 0 {
		return nil
	}
	return usage(errors.New("--web: an ordinary user's lab has a network of its own, which no browser reaches.\n" +
		"  Use sudo -E, or follow the run from another terminal: needwant watch RUN --web"))
}

// orders are what people want of the run; nil if there is no page.
func (w *webPage) orders() <-chan harness.Order {
	if w == nil {
		return nil
	}
	return w.board.Orders()
}

// following is a run under way as a page shows it.
type following struct {
	page *webPage

	mu       sync.Mutex
	run      harness.Run
	report   func() reports.Report
	under    map[int]harness.Trial         // by lane
	tried    map[int][]harness.Destination // by lane
	seen     []harness.Destination         // for the first time, since a trial ended
	progress harness.Progress
	at       time.Time      // when that was
	shown    time.Time      // when the page was put last
	observes time.Time      // until when the device is observed before the first block; zero if it is not
	held     *harness.Order // by which no trial begins; nil if there is none
	last     bool           // no other trial begins
}

// follow returns functions that show each event of a run, and each step of its trials.
func (w *webPage) follow(run harness.Run) (func(harness.Event), func(harness.Step)) {
	if w == nil {
		return func(harness.Event) {}, func(harness.Step) {}
	}
	run.Status, run.Results = harness.Running, slices.Clone(run.Results)
	f := &following{page: w, run: run, under: map[int]harness.Trial{}, tried: map[int][]harness.Destination{}}
	f.judge()
	return f.event, f.step
}

// judge makes the report of the results up to now, once somebody wants it.
func (f *following) judge() {
	run := f.run
	f.report = sync.OnceValue(func() reports.Report { return reports.NewReport(run, harness.Judge(run)) })
}

func (f *following) event(event harness.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.progress, f.at, f.observes = event.Progress, time.Now(), time.Time{}
	f.run.Duration = event.Progress.Elapsed
	switch event.Kind {
	case harness.Began:
		f.under[event.Lane], f.tried[event.Lane] = *event.Trial, nil
	case harness.Ended:
		delete(f.under, event.Lane)
		f.seen = nil
		f.run.Results = append(f.run.Results, *event.Result)
		f.judge()
	case harness.Ordered:
		f.order(*event.Order)
	case harness.Left:
		delete(f.under, event.Lane)
	case harness.Finished:
	}
	f.show(event.Kind == harness.Finished)
}

func (f *following) order(order harness.Order) {
	f.run.Orders = append(slices.Clone(f.run.Orders), order)
	switch order.Do {
	case harness.Keep:
		f.judge()
	case harness.Pause, harness.Allow:
		f.held = &order
	case harness.Resume:
		f.held = nil
	case harness.Stop:
		f.last = true
	case harness.Skip:
	}
}

// observingRefresh is how often the page is put while the device is observed before the first block.
const observingRefresh = 5 * time.Second

// step shows what a trial has tried of what it blocks.
func (f *following) step(step harness.Step) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, step.Fresh...)
	if step.Phase == harness.Observing {
		f.observes = step.Until
		if len(step.Fresh) > 0 || time.Since(f.shown) >= observingRefresh {
			f.show(false)
		}
		return
	}
	trial, known := f.under[step.Lane]
	if known && step.Phase == harness.Recovering { // nothing is blocked any more
		delete(f.under, step.Lane)
		f.show(false)
		return
	}
	if !known || step.Phase != harness.Settling && step.Phase != harness.Checking {
		return
	}
	var tried []harness.Destination
	for _, d := range trial.Block {
		if !slices.Contains(step.Untried, d) {
			tried = append(tried, d)
		}
	}
	if len(tried) != len(f.tried[step.Lane]) {
		f.tried[step.Lane] = tried
		f.show(false)
	}
}

// show shows the trial that has been under way for longest, or that they are over. What
// came of the run is shown by [display.closing].
func (f *following) show(over bool) {
	f.shown = time.Now()
	progress := f.progress
	if since := f.shown.Sub(f.at); since >= time.Second {
		progress.Elapsed = (progress.Elapsed + since).Truncate(time.Second)
	}
	now := reports.Now{Over: len(f.run.Results), Left: f.progress.Left, Held: f.held, Kept: len(f.run.Settings.Always) > 0}
	live := reports.Live{
		Left: left(progress), Over: now.Over, Held: f.held != nil, Kept: f.run.Reachable(), StandIns: map[harness.Destination]harness.StandIn{},
	}
	if f.held == nil {
		for lane, trial := range f.under {
			live.Blocked = append(live.Blocked, trial.Block...)
			live.Tried = append(live.Tried, f.tried[lane]...)
			maps.Copy(live.StandIns, trial.StandIns)
			if now.Trial == nil || trial.Number < now.Trial.Number {
				now.Trial, now.Tried = &trial, len(f.tried[lane])
			}
		}
	}
	live.Now, live.Seen = now.Sentence(), slices.Clone(f.seen)
	if rest := time.Until(f.observes).Truncate(time.Second); rest > 0 {
		live.Left += "; the device is observed for " + span.Words(rest) + " more"
	}
	if now.Left > 0 {
		live.All = now.Over + now.Left
	}
	switch {
	case over:
		live.Now = "The trials are over: nothing is blocked, and needwant restores the network"
	case f.last:
		live.Now += ". The run ends after this trial"
	case f.held != nil:
		live.Orders = []harness.Do{harness.Resume, harness.Stop, harness.Keep}
	default:
		live.Orders = []harness.Do{harness.Pause, harness.Allow, harness.Skip, harness.Stop, harness.Keep}
	}
	f.page.put(page.Content{Run: f.run.ID, Report: f.report, Live: live})
}
