package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/scenarios"
)

// notifier tells a person elsewhere, for example on a phone, what happens. A nil notifier
// tells nobody.
type notifier struct {
	device, url, as string
	out             io.Writer
	failed          sync.Once // only the first failure is told
	sending         sync.WaitGroup
}

// longestMessage is how long the sending of one message may take.
const longestMessage = 10 * time.Second

// newNotifier is the one that a spec asks for; nil if it asks for none.
func newNotifier(file scenarios.File, device string, out io.Writer) (*notifier, error) {
	if file.Notify == nil {
		return nil, nil
	}
	text, err := file.Notify.URL.Read(file.Folder())
	if err != nil {
		return nil, fmt.Errorf("notify: url: %w", err)
	}
	to, err := url.Parse(text)
	if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
		return nil, errors.New("notify: url: expected the address of a server, such as https://ntfy.sh/my-topic, at the place that the spec names, got something else")
	}
	return &notifier{device: reports.Clean(device), url: text, as: file.Notify.As, out: out}, nil
}

// say sends a message, and does not wait for that. A run goes on without it: the first
// failure is written to the terminal.
func (n *notifier) say(text string) {
	if n == nil {
		return
	}
	n.sending.Go(func() {
		if err := n.send(reports.Clean(text)); err != nil {
			n.failed.Do(func() { fmt.Fprintf(plain{n.out}, "notify: the message could not be sent: %v\n", err) })
		}
	})
}

// wait waits until all messages were sent, or were not in time.
func (n *notifier) wait() {
	if n != nil {
		n.sending.Wait()
	}
}

func (n *notifier) send(text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), longestMessage) // also after Ctrl-C
	defer cancel()
	title, body, kind := "needwant: "+n.device, []byte(text), "text/plain; charset=utf-8"
	if n.as == scenarios.AsJSON {
		kind = "application/json"
		body, _ = json.Marshal(map[string]string{"title": title, "message": text}) // of texts alone
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address is not one")
	}
	request.Header.Set("Content-Type", kind)
	request.Header.Set("Title", title) // of ntfy
	response, err := http.DefaultClient.Do(request)
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err // without the address, which is a secret
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("the server answered %s", response.Status)
	}
	return nil
}
