package scenarios

import "github.com/needwant/needwant/internal/yamlfile"

// Notify says how a person is told that a question waits, and that a run is over.
type Notify struct {
	URL Secret `yaml:"url" about:"Where the message is sent by POST, env:NAME or file:PATH: for example a topic of ntfy, Gotify's /message?token=TOKEN, or a webhook of Home Assistant."`
	As  string `yaml:"as,omitempty" jsonschema:"enum=text,enum=json" about:"text (the default) sends the message alone, for ntfy. json sends {title, message}, for Gotify and Home Assistant."`
}

// The forms of a message.
const (
	AsText = "text"
	AsJSON = "json"
)

func (f File) checkNotify() *yamlfile.Flaw {
	switch {
	case f.Notify == nil:
		return nil
	case f.Notify.URL == "":
		return yamlfile.FlawAt(keys("notify"), "write notify: {url: env:NTFY_URL}, and export NTFY_URL=https://... before", "nothing says where the message is sent")
	case f.Notify.As != "" && f.Notify.As != AsText && f.Notify.As != AsJSON:
		return yamlfile.FlawAt(keys("notify", "as"), yamlfile.Suggest(f.Notify.As, []string{AsText, AsJSON}), "unknown form %q", f.Notify.As)
	}
	return nil
}
