package scenarios

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// HTTP asks a server of the web, as a phone asks the vendor's cloud.
type HTTP struct {
	URL     string            `yaml:"url" about:"Where, for example https://cloud.example/command; or env:NAME or file:PATH, where it holds a secret."`
	Method  string            `yaml:"method,omitempty" about:"GET when left out."`
	Headers map[string]string `yaml:"headers,omitempty" about:"As {Authorization: env:NAME}. Their values never appear in a run file or a report."`
	Body    string            `yaml:"body,omitempty" about:"What to send; or env:NAME or file:PATH."`
}

// HTTPResult is what an expectation on [HTTP] may name.
type HTTPResult struct {
	Status int     `expr:"status" about:"The status, for example 200."`
	Text   string  `expr:"text" about:"The first megabyte of the answer."`
	JSON   any     `expr:"json" about:"The same, where it is JSON."`
	RTT    float64 `expr:"rtt_ms" about:"Milliseconds until the whole answer was there."`
}

// maxText is how much of an answer is read.
const maxText = 1 << 20

func httpKind() Kind {
	return Kind{
		Name:    "http",
		About:   "Asks a server of the web, as a phone asks the vendor's cloud.",
		Fails:   "A server that does not answer is a failure. A name that cannot be looked up makes the check inconclusive.",
		Example: "{http: {url: 'http://192.168.50.10/status'}, expect: 'status == 200 && json.power == \"on\"'}",
		Short:   "url",
		New:     func() Action { return new(HTTP) },
		Result:  HTTPResult{},
		Expect:  "status >= 200 && status < 300",
	}
}

func (h *HTTP) check() *ArgumentError {
	if h.URL == "" {
		return wrong("url", "http needs a url", "write it with http:// or https:// in front")
	}
	if mistake := h.checkURL(); mistake != nil {
		return mistake
	}
	if _, err := http.NewRequest(h.method(), "http://host", nil); err != nil {
		return wrong("method", fmt.Sprintf("http method %q is none", h.Method), "write GET, POST, PUT or the like")
	}
	for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
		if private(name) && !pointsElsewhere(h.Headers[name]) {
			return &ArgumentError{"headers." + name, "the header " + name + " must not be written out", secretRemedy, true}
		}
		if strings.ContainsAny(name, " \t\r\n:") || name == "" {
			return wrong("headers", fmt.Sprintf("%q is no name of a header", name), "write it as in X-Device")
		}
	}
	return nil
}

func (h *HTTP) checkURL() *ArgumentError {
	if pointsElsewhere(h.URL) {
		return nil
	}
	where, err := url.Parse(h.URL)
	if err != nil || (where.Scheme != "http" && where.Scheme != "https") || where.Host == "" {
		return wrong("url", "this is no address of the web", "begin it with http:// or https://")
	}
	if _, password := where.User.Password(); password {
		return &ArgumentError{"url", "a password must not be written out", secretRemedy, true}
	}
	for name := range where.Query() {
		if private(name) {
			return &ArgumentError{"url", "the parameter " + name + " must not be written out", secretRemedy, true}
		}
	}
	return nil
}

func (h *HTTP) prepare(e *Engine, _ time.Duration) (deed, error) {
	asked, err := h.revealed(e)
	if err != nil {
		return deed{}, err
	}
	where, err := url.Parse(asked.URL)
	if err != nil || where.Host == "" {
		return deed{}, errors.New("the secret url is no address of the web: begin it with http:// or https://")
	}
	if _, err := asked.request(context.Background()); err != nil {
		return deed{}, err
	}
	client := e.web()
	return deed{
		kind:  httpKind(),
		name:  strings.Join([]string{"http", asked.method(), where.Host + where.Path}, " "),
		hide:  asked.concealers(where),
		claim: connection("http", net.JoinHostPort(where.Hostname(), portOf(where))),
		run:   func(ctx context.Context) (sight, error) { return asked.ask(ctx, client) },
	}, nil
}

// revealed is the request with its secrets in place.
func (h *HTTP) revealed(e *Engine) (_ *HTTP, err error) {
	asked := HTTP{Method: h.Method, Headers: map[string]string{}}
	if asked.URL, err = e.reveal(h.URL); err != nil {
		return nil, err
	}
	if asked.Body, err = e.reveal(h.Body); err != nil {
		return nil, err
	}
	for name, value := range h.Headers {
		if asked.Headers[name], err = e.reveal(value); err != nil {
			return nil, err
		}
	}
	return &asked, nil
}

func (h *HTTP) method() string {
	if h.Method == "" {
		return http.MethodGet
	}
	return h.Method
}

// shortSecret is the length below which a value is taken for no secret: hiding
// each 1 of an answer helps nobody.
const shortSecret = 4

// concealers hide what may be a secret: the headers' values, and the query's and
// the password in the URL.
func (h *HTTP) concealers(where *url.URL) (hide []func(string) string) {
	password, _ := where.User.Password()
	secrets := append(slices.Collect(maps.Values(h.Headers)), password)
	for _, values := range where.Query() {
		secrets = append(secrets, values...)
	}
	for _, secret := range secrets {
		if len(secret) >= shortSecret {
			hide = append(hide, func(text string) string { return strings.ReplaceAll(text, secret, "(redacted)") })
		}
	}
	return hide
}

// portOf is the port that a URL leads to.
func portOf(where *url.URL) string {
	switch {
	case where.Port() != "":
		return where.Port()
	case where.Scheme == "https":
		return "443"
	}
	return "80"
}

func (h *HTTP) request(ctx context.Context) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, h.method(), h.URL, strings.NewReader(h.Body))
	if err != nil {
		return nil, errors.New("no request can be made with it")
	}
	for name, value := range h.Headers {
		request.Header.Set(name, value)
	}
	return request, nil
}

func (h *HTTP) ask(ctx context.Context, client *http.Client) (sight, error) {
	request, err := h.request(ctx)
	if err != nil {
		return sight{}, err
	}
	started := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return unreached(ctx, withoutURL(err))
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxText))
	if err != nil {
		return sight{failure: "the answer broke off: " + withoutURL(err).Error(), late: ctx.Err() != nil}, nil
	}
	return h.sight(response.StatusCode, text, time.Since(started)), nil
}

func (h *HTTP) sight(status int, text []byte, rtt time.Duration) sight {
	result := HTTPResult{Status: status, Text: string(text), RTT: milliseconds(rtt)}
	saw := result.Text
	if value, err := values(text); err == nil {
		result.JSON = value
		saw = show(value)
	}
	return sight{result: result, saw: strings.TrimSpace(fmt.Sprintf("%d %s", status, saw))}
}

// withoutURL takes off the URL that package http puts before its errors, since
// its query may be secret.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
