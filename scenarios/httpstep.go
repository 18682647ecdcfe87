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
	URL     string            `yaml:"url" about:"The URL, for example https://cloud.example/command. If it contains a secret: env:NAME or file:PATH."`
	Method  string            `yaml:"method,omitempty" about:"The HTTP method. The default is GET."`
	Headers map[string]string `yaml:"headers,omitempty" about:"Additional headers, for example {Authorization: env:NAME}. Their values never appear in a run file or a report."`
	Body    string            `yaml:"body,omitempty" about:"What to send. If it contains a secret: env:NAME or file:PATH."`
	Auth    *Auth             `yaml:"auth,omitempty" about:"How to log in: {digest: {user: admin, password: env:NAME}}, or {basic: {user: admin, password: env:NAME}}."`

	TLS         TLS    `yaml:"tls,omitempty" about:"For https, which certificates are accepted. The default is those that this machine trusts. insecure: any certificate. pinned: only the certificate with this fingerprint; if no fingerprint is given, the first certificate that is seen in the run."`
	Fingerprint string `yaml:"fingerprint,omitempty" about:"Only with tls: pinned. The SHA-256 of the certificate, in quotes, as openssl x509 -fingerprint -sha256 prints it."`

	secret bool // some of it was a secret that is in place now
}

// HTTPResult is what an expectation on [HTTP] may name.
type HTTPResult struct {
	Status int     `expr:"status" about:"The HTTP status, for example 200."`
	Text   string  `expr:"text" about:"The first megabyte of the answer's body."`
	JSON   any     `expr:"json" about:"The values of the body, if it is JSON."`
	RTT    float64 `expr:"rtt_ms" about:"Milliseconds until the whole answer was received."`
}

// maxText is how much of an answer is read.
const maxText = 1 << 20

func httpKind() Kind {
	return Kind{
		Name:    "http",
		About:   "Sends an HTTP request, for example as a phone does to the vendor's cloud.",
		Fails:   "A server that does not answer is a failure. If a name cannot be looked up, or a certificate is not trusted, the check is inconclusive. A redirect to another server is not followed if the step has secrets.",
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
			return wrong("headers", fmt.Sprintf("%q is not a name of a header", name), "write it as in X-Device")
		}
	}
	if mistake := h.Auth.check(); mistake != nil {
		return mistake
	}
	return h.checkTLS()
}

func (h *HTTP) checkTLS() *ArgumentError {
	switch {
	case h.TLS == usualTLS:
		return wrong("tls", "tls: true says nothing here", "write https:// in the url; tls is insecure or pinned")
	case h.TLS != "" && strings.HasPrefix(strings.ToLower(h.URL), "http:"):
		return wrong("tls", "there is no certificate without https", "begin the url with https://, or leave tls out")
	}
	return checkTLS(h.TLS, h.Fingerprint)
}

func (h *HTTP) checkURL() *ArgumentError {
	if pointsElsewhere(h.URL) {
		return nil
	}
	where, err := url.Parse(h.URL)
	if err != nil || (where.Scheme != "http" && where.Scheme != "https") || where.Host == "" {
		return wrong("url", "this is not a web address", "begin it with http:// or https://")
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
		return deed{}, errors.New("the secret url is not a web address: begin it with http:// or https://")
	}
	if _, err := asked.request(context.Background()); err != nil {
		return deed{}, err
	}
	shown, err := h.Auth.credentials(e)
	if err != nil {
		return deed{}, err
	}
	client := h.client(e.web(), where.Hostname(), shown)
	return deed{
		kind:  httpKind(),
		name:  strings.Join([]string{"http", asked.method(), h.shown(where)}, " "),
		hide:  h.concealers(asked, where, shown),
		claim: connection("http", net.JoinHostPort(where.Hostname(), portOf(where))),
		run:   func(ctx context.Context) (sight, error) { return asked.ask(ctx, client) },
	}, nil
}

// revealed is the request with its secrets in place.
func (h *HTTP) revealed(e *Engine) (_ *HTTP, err error) {
	asked := HTTP{Method: h.Method, Headers: map[string]string{}, Auth: h.Auth, secret: h.secretive()}
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

// shown is the URL for people. Of one that is a secret only the host is: a path may
// be a key.
func (h *HTTP) shown(where *url.URL) string {
	if pointsElsewhere(h.URL) {
		return where.Host
	}
	return where.Host + where.Path
}

// client follows no redirect that would show another server a secret, and trusts
// the certificate that the step says.
func (h *HTTP) client(web *http.Client, host string, shown *credentials) *http.Client {
	client := *web
	if transport, ok := client.Transport.(*http.Transport); ok && h.TLS != "" {
		transport = transport.Clone()
		transport.TLSClientConfig = trust(host, h.TLS, h.Fingerprint)
		client.Transport = transport
	}
	client.Transport = shown.over(client.Transport)
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		first := via[0].URL
		elsewhere := next.URL.Scheme != first.Scheme || next.URL.Host != first.Host
		if elsewhere && h.secretive() {
			return http.ErrUseLastResponse
		}
		if len(via) >= maxRedirects {
			return errors.New("it leads in circles")
		}
		return nil
	}
	return &client
}

// maxRedirects is how many redirects are followed; net/http's.
const maxRedirects = 10

// secretive reports whether the request has a secret.
func (h *HTTP) secretive() bool {
	return h.secret || h.Auth != nil || pointsElsewhere(h.URL) || pointsElsewhere(h.Body) ||
		slices.ContainsFunc(slices.Collect(maps.Values(h.Headers)), pointsElsewhere)
}

// longWord is the length from which a part of a secret URL's path may be a key.
const longWord = 8

// concealers hide what may be a secret: the headers' values, the query's, the
// password, and all of a URL or body that is a secret.
func (h *HTTP) concealers(asked *HTTP, where *url.URL, shown *credentials) (hide []func(string) string) {
	password, _ := where.User.Password()
	secrets := append(slices.Collect(maps.Values(asked.Headers)), password)
	for _, values := range where.Query() {
		secrets = append(secrets, values...)
	}
	if pointsElsewhere(h.URL) {
		secrets = append(secrets, asked.URL)
		for part := range strings.SplitSeq(where.Path, "/") {
			if len(part) >= longWord {
				secrets = append(secrets, part)
			}
		}
	}
	if pointsElsewhere(h.Body) {
		secrets = append(secrets, asked.Body)
		if value, err := values([]byte(asked.Body)); err == nil {
			secrets = append(secrets, leaves(value)...)
		}
	}
	if shown != nil {
		secrets = append(secrets, shown.password, basicForm(shown.user, shown.password))
	}
	// The longest first: one may be a part of another.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, secret := range secrets {
		hide = append(hide, redact(secret))
	}
	return hide
}

// leaves are all texts within a value of JSON.
func leaves(value any) (all []string) {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		for _, one := range value {
			all = append(all, leaves(one)...)
		}
	case map[string]any:
		for _, one := range value {
			all = append(all, leaves(one)...)
		}
	}
	return all
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
	seen := h.sight(response.StatusCode, text, time.Since(started))
	seen.saw += h.hint(response)
	return seen, nil
}

// hint says how to log in at a server that wants that, and why a redirect was not
// followed.
func (h *HTTP) hint(response *http.Response) string {
	scheme, _, _ := strings.Cut(strings.ToLower(response.Header.Get("WWW-Authenticate")), " ")
	switch {
	case response.StatusCode == http.StatusUnauthorized && h.Auth == nil && (scheme == "digest" || scheme == "basic"):
		return fmt.Sprintf(" (it wants a login: write auth: {%s: {user: NAME, password: env:NAME}})", scheme)
	case response.StatusCode == http.StatusUnauthorized && h.Auth != nil:
		return " (it does not accept the user and the password)"
	case response.StatusCode >= 300 && response.StatusCode < 400 && h.secretive():
		return " (it leads to another server, which must not see the secrets: write the URL that it leads to)"
	}
	return ""
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
