package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/hub"
	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/reports"
)

// uplink is an agent's connection to a hub; nil if it has none.
type uplink struct {
	link    *hub.Link
	ctx     context.Context // of sending
	cancel  context.CancelFunc
	sending sync.WaitGroup
}

// uplinkFlags are the flags of an agent with a hub.
type uplinkFlags struct{ url, credentials string }

func (f *uplinkFlags) add(command *cobra.Command) {
	command.Flags().StringVar(&f.url, "hub", "", "send the runs to the hub at this `ADDRESS`, e.g. 192.168.1.5:4222, or to the NATS servers that it uses")
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
	ctx, cancel := context.WithCancel(context.Background())
	return &uplink{link: link, ctx: ctx, cancel: cancel}, nil
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

// offer has the hub's queue name the member's device, until the function that it returns is called.
func (u *uplink) offer(m *member) (withdraw func()) {
	if !m.queue {
		return func() {}
	}
	return u.link.Offer(m.device())
}

// send sends what a run file of a member has and gets, until finish is called: then it ends once the hub has
// everything, or with the uplink.
func (u *uplink) send(m *member, path string) (finish func()) {
	if u == nil {
		return func() {}
	}
	drain := make(chan struct{})
	u.sending.Go(func() {
		if !u.link.Send(u.ctx, path, m.name, drain) {
			fmt.Fprintf(m.line, "the hub does not have all records of %s yet: the same command sends the rest\n", path)
		}
	})
	return sync.OnceFunc(func() { close(drain) })
}

// close ends the connection once the hub has everything, or does not take it in time.
func (u *uplink) close(members []*member) {
	if u == nil {
		return
	}
	defer u.link.Close()
	defer u.cancel()
	for _, m := range members {
		m.sent()
	}
	late := time.AfterFunc(longestSending, u.cancel)
	defer late.Stop()
	u.sending.Wait()
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
