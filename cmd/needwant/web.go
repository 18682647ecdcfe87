package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
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
	set.StringVar(&f.address, "web", "", "serve a page, on loopback or at `ADDRESS:PORT`; :8080 is port 8080 of every address")
	set.Lookup("web").NoOptDefVal = onLoopback
	set.BoolVar(&f.options.View, "web-view", false, "with --web: print a second link, which only shows")
	set.StringVar(&f.options.Certificate, "web-cert", "", "with --web: serve TLS with the certificate in this `FILE`")
	set.StringVar(&f.options.Key, "web-key", "", "with --web: the certificate's private key is in this `FILE`")
}

// webPage is the page of a command; nil if there is none.
type webPage struct {
	server *page.Server
	stop   func()
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
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	file, isFile := out.(*os.File)
	server.Links().Write(out, isFile && terminal(file))
	return &webPage{server, func() {
		cancel()
		_ = <-ended // the command is over in any case
	}}, nil
}

// close ends the page.
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
	live := reports.Live{Now: now.Sentence(), Left: left(progress), Over: now.Over, Ended: ended}
	if now.Left > 0 {
		live.All = now.Over + now.Left
	}
	if now.Trial != nil {
		live.Blocked = now.Trial.Block
	}
	w.server.Show(page.Content{Report: func() reports.Report { return reports.NewReport(run, harness.Judge(run)) }, Live: live})
}
