package scenarios

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/needwant/needwant/internal/yamlfile"
)

// Secret says where a secret is, as "env:NAME" or "file:PATH". It never is the
// secret itself.
type Secret string

const (
	secretRemedy = "put it into the environment and write env:NAME, or into a file and write file:PATH"
	longSecret   = 4096 // bytes; longer than any token
)

// Read returns the secret. A relative path is taken from the folder.
func (s Secret) Read(folder string) (string, error) {
	kind, place, _ := strings.Cut(string(s), ":")
	switch kind {
	case "env":
		text := os.Getenv(place)
		if text == "" {
			return "", fmt.Errorf("the environment has no %s: set it before, as in export %s=VALUE", place, place)
		}
		return text, nil
	case "file":
		return readSecret(folder, place)
	}
	return "", errors.New("a secret is neither env:NAME nor file:PATH")
}

// Revealed are the secrets of a file that can be read here and now, for those who
// keep them out of what they write.
func (f File) Revealed() (secrets []string) {
	places := []Secret{f.Secrets.Miio, f.Secrets.Hass, f.Gateway.Passphrase}
	if f.Notify != nil {
		places = append(places, f.Notify.URL)
	}
	for _, spec := range f.Scenarios {
		for _, step := range spec.Steps {
			places = append(places, within(step.Do)...)
		}
	}
	if f.Firmware != nil {
		places = append(places, within(f.Firmware.Do)...)
	}
	for _, secret := range places {
		if text, err := secret.Read(f.folder); err == nil {
			secrets = append(secrets, text)
		}
	}
	return secrets
}

// within are the secrets of an action's own.
func within(action Action) (secrets []Secret) {
	switch action := action.(type) {
	case *MQTT:
		secrets = append(secrets, action.Password)
	case *HTTP:
		secrets = append(secrets, Secret(action.URL), Secret(action.Body))
		if login := action.Auth.login(); login != nil {
			secrets = append(secrets, Secret(login.User), login.Password)
		}
		for _, value := range action.Headers {
			secrets = append(secrets, Secret(value))
		}
	case *Exec:
		for _, value := range action.Env {
			secrets = append(secrets, Secret(value))
		}
	case *Power:
		if action.HTTP != nil {
			secrets = append(secrets, Secret(action.HTTP.Off), Secret(action.HTTP.On))
		}
	}
	return secrets
}

// redact makes a function that takes a secret out of a text, in each form that a
// server or an error may repeat it in. It leaves short values alone: hiding each 1
// of an answer helps no one.
func redact(secret string) func(text string) string {
	if len(secret) < shortSecret {
		return func(text string) string { return text }
	}
	quoted := strconv.Quote(secret)
	marshalled, _ := json.Marshal(secret) // a string never fails
	var pairs []string
	for _, form := range []string{
		secret, quoted[1 : len(quoted)-1], string(marshalled[1 : len(marshalled)-1]), url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte(secret)),
	} {
		pairs = append(pairs, form, "(redacted)")
	}
	return strings.NewReplacer(pairs...).Replace
}

// shortSecret is the length below which a value is not taken for a secret.
const shortSecret = 4

func readSecret(folder, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w: write it into that file, readable by you alone", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, longSecret))
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	if secret := strings.TrimSpace(string(text)); secret != "" {
		return secret, nil
	}
	return "", fmt.Errorf("reading a secret: %s is empty: write the secret into it", path)
}

// pointsElsewhere reports whether a text says where a secret is.
func pointsElsewhere(text string) bool {
	kind, place, _ := strings.Cut(text, ":")
	return (kind == "env" || kind == "file") && place != "" && !strings.ContainsAny(place, " \t\n=")
}

// secretShape refuses a secret that is written out, without showing it.
func secretShape(d *yamlfile.Document, node ast.Node, what string) error {
	if node.Type() == ast.StringType && pointsElsewhere(node.GetToken().Value) {
		return nil
	}
	return d.AtSecret(node.GetToken(), what+" must not be written out", secretRemedy)
}
