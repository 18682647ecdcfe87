package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/cmd/internal/specbench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns/gateway/placement"
	"github.com/needwant/needwant/scenarios"
)

// stand is where a device, real or simulated, is on the bench; or on that of another agent, which lends it.
type stand struct {
	bench  *harness.Bench
	lane   soaker          // the bench, as an experiment uses it
	lent   harness.Lane    // of a device that is lent, whose bench and lane are nil
	over   <-chan struct{} // closed when the way to the device is gone for good; nil where it cannot be
	back   func() error    // puts everything back; see close
	person *person         // who answers the questions; nil if nobody is there

	simulated bool // the device is a lab world's

	closing sync.Once
	closed  error // how that ended
}

// close puts everything back, once.
func (s *stand) close() error {
	s.closing.Do(func() { s.closed = s.back() })
	return s.closed
}

// soaker carries out trials, and fails where the way to the device is gone.
type soaker interface {
	harness.Lane
	Soak(ctx context.Context, trial harness.Trial, soak harness.Soak) (harness.Soaked, error)
}

// standOptions are the choices that a spec leaves open.
type standOptions struct {
	standFlags
	driver  string
	observe bool // whether the first control lasts as long as the spec says
	quiet   bool
	tell    *notifier         // of a question that waits; nil if nobody is told
	page    *webPage          // on which a person can answer, too; nil if there is none
	only    *harness.OnlyList // the blocklist whose names alone are tested; nil if there is none
	known   []harness.Contact // what an earlier run saw of the device
	among   bool              // other experiments are under way in this program: nobody is asked on the terminal
}

// usualWait is how long a device may take to show up: its Wi-Fi comes and goes,
// and somebody may have to switch it off and on.
const usualWait = 3 * time.Minute

// standFlags are the choices that every command with a stand has.
type standFlags struct {
	wait    time.Duration // for a real device to show up
	verbose bool
}

func (f *standFlags) add(command *cobra.Command) {
	command.Flags().DurationVar(&f.wait, "wait", usualWait, "longest wait for a real device to show up")
	command.Flags().BoolVar(&f.verbose, "verbose", false, "show each step that changes the network")
}

// openStand builds what the file's placement asks for, with these scenarios;
// none, where nothing is to be judged. Notes go to out.
func openStand(ctx context.Context, out io.Writer, file scenarios.File, list scenarios.List, options standOptions) (*stand, error) {
	person := personAt(out, interactive() && !options.among, options.page, options.tell)
	if options.quiet {
		out = io.Discard
	}
	if file.Gateway.Placement == scenarios.Lab {
		return labStand(ctx, out, person, file, list, options)
	}
	opening := &opening{out: screenOf(out), verbose: options.verbose}
	choices := bench.Options{
		Driver: options.driver, Wait: options.wait, Only: options.only, Ask: person.asker(),
		Tell: opening.tell, Step: opening.step,
	}
	if err := bench.Ready(file, list, choices); err != nil {
		return nil, unfit(err)
	}
	shown := opening.out.show(opening.lines)
	placed, err := bench.Open(ctx, file, choices)
	shown()
	if err != nil {
		return nil, opening.undone(file, err)
	}
	if err := placed.Know(options.known); err != nil {
		return nil, opening.undone(file, errors.Join(err, placed.Close()))
	}
	if len(list) > 0 {
		if err := placed.Judge(ctx, file, list, choices); err != nil {
			return nil, opening.undone(file, errors.Join(err, placed.Close()))
		}
	}
	if options.observe {
		placed.First = file.Timing.Observe
	}
	return &stand{bench: placed.Bench, lane: placed, over: placed.Over(), back: placed.Close, person: person}, nil
}

// opening shows how a device is put behind a gateway: what is said of it, and on a terminal
// the step that is done now and how long everything has taken.
type opening struct {
	out     *screen
	verbose bool

	mu    sync.Mutex
	now   string    // the step; "" if none is done
	began time.Time // with the first step
}

func (o *opening) tell(text string) {
	o.note("")
	laid(o.out, text)
}

func (o *opening) step(text string) {
	o.note(text)
	if o.verbose {
		laid(o.out, text)
	}
}

func (o *opening) note(step string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = step
	if o.began.IsZero() {
		o.began = time.Now()
	}
}

// undone says how the network is after an error that ended the opening, if a step was begun.
func (o *opening) undone(file scenarios.File, err error) error {
	o.mu.Lock()
	begun := !o.began.IsZero()
	o.mu.Unlock()
	if _, left := errors.AsType[*placement.LeftError](err); begun && !left && !bench.OfResolver(file) {
		laid(o.out, "The network is as it was.")
	}
	return unfit(err)
}

func (o *opening) lines(int, int) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.began.IsZero() {
		return nil
	}
	text := span.Words(time.Since(o.began).Truncate(time.Second)) + " so far"
	if o.now != "" {
		text += "; " + o.now
	}
	return []string{"      " + text}
}

// privilegesFor gets what the file's placement needs. A real link can be moved
// by root alone.
func privilegesFor(file scenarios.File) error {
	if file.Gateway.Placement == scenarios.Lab {
		return privileges()
	}
	if bench.OfResolver(file) { // opening port 53 may be allowed to anyone
		return nil
	}
	if os.Geteuid() != 0 {
		return unfit(fmt.Errorf("placement %s changes the machine's network, which only root may: run it with sudo", file.Gateway.Placement))
	}
	return nil
}

// labStand puts a simulated device on the bench, with the scenarios of a file.
func labStand(ctx context.Context, out io.Writer, person *person, file scenarios.File, list scenarios.List, options standOptions) (*stand, error) {
	world, err := specbench.World(file)
	if err != nil {
		return nil, usage(err)
	}
	lane, err := specbench.OnLab(ctx, file, list, world, specbench.Options{Driver: options.driver, Only: options.only, Ask: person.asker()})
	if err != nil {
		return nil, unfit(fmt.Errorf("%w\n  needwant doctor says what this machine lacks", err))
	}
	if err := lane.Gateway.Know(options.known); err != nil {
		return nil, unfit(errors.Join(err, lane.Close()))
	}
	if options.observe {
		lane.First = file.Timing.Observe
	}
	laid(out, fmt.Sprintf("lab %s: device %s, Home Assistant at %s with the entity %s; their tokens are filled in",
		world.Name, lane.Lab.Device.Address, lane.Lab.Assistant.URL, lane.Lab.Assistant.Entity))
	return &stand{bench: lane.Bench, lane: lane, back: lane.Close, person: person, simulated: true}, nil
}
