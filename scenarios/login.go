package scenarios

import (
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/icholy/digest"
)

// Auth says how to log in at a server of the web.
type Auth struct {
	Basic  *Login `yaml:"basic,omitempty" about:"HTTP basic authentication."`
	Digest *Login `yaml:"digest,omitempty" about:"HTTP digest authentication, for example of a Shelly."`
}

// Login is a user and a password.
type Login struct {
	User     string `yaml:"user" about:"For example admin; or env:NAME or file:PATH."`
	Password Secret `yaml:"password" about:"Where the password is: env:NAME or file:PATH."`
}

func (a *Auth) check() *ArgumentError {
	if a == nil {
		return nil
	}
	if (a.Basic == nil) == (a.Digest == nil) {
		return wrong("auth", "auth is one of basic and digest", "write auth: {digest: {user: admin, password: env:PASSWORD}}")
	}
	for name, login := range map[string]*Login{"basic": a.Basic, "digest": a.Digest} {
		switch {
		case login == nil:
		case login.User == "":
			return wrong("auth."+name, "there is no user", "write user: admin")
		case login.Password == "":
			return wrong("auth."+name, "there is no password", "write password: env:PASSWORD")
		}
	}
	return nil
}

// login is what a step shows a server; nil if nothing.
func (a *Auth) login() *Login {
	switch {
	case a == nil:
		return nil
	case a.Basic != nil:
		return a.Basic
	}
	return a.Digest
}

// credentials are a login with its secrets in place.
type credentials struct {
	user, password string
	digest         bool
}

// credentials reads the login's secrets; nil without a login.
func (a *Auth) credentials(e *Engine) (_ *credentials, err error) {
	login := a.login()
	if login == nil {
		return nil, nil
	}
	c := &credentials{digest: a.Digest != nil}
	if c.user, err = e.reveal(login.User); err != nil {
		return nil, fmt.Errorf("the user: %w", err)
	}
	if c.password, err = login.Password.Read(e.Folder); err != nil {
		return nil, fmt.Errorf("the password: %w", err)
	}
	return c, nil
}

// over adds the credentials to what a transport sends. The request must not be
// redirected to another server.
func (c *credentials) over(transport http.RoundTripper) http.RoundTripper {
	switch {
	case c == nil:
		return transport
	case c.digest:
		return &digest.Transport{Username: c.user, Password: c.password, Transport: transport}
	}
	return basic{c, transport}
}

// basic is a transport that shows a user and a password.
type basic struct {
	*credentials
	transport http.RoundTripper
}

func (b basic) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.SetBasicAuth(b.user, b.password)
	return b.transport.RoundTrip(request)
}

// basicForm is a login as basic authentication sends it.
func basicForm(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}
