package catalog

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// hidden stands where something was taken out.
const hidden = "hidden"

// The marks by which something private is known whatever run it is from.
var marks = []struct {
	what    string
	pattern *regexp.Regexp
}{
	{"a hardware address", regexp.MustCompile(`(?i)(^|[^0-9a-f])[0-9a-f]{2}([:_-]?)([0-9a-f]{2}[:_-]?){4}[0-9a-f]{2}($|[^0-9a-f])`)},
	{"a token", regexp.MustCompile(`(?i)[0-9a-f]{16,}`)},
	{"a position", regexp.MustCompile(`-?\d{1,3}\.\d{3,}\s*[,;/ ]\s*-?\d{1,3}\.\d{3,}`)},
}

// individual tells of a label that may tell one device from another: eight
// digits in a row, or sixteen letters and digits in a row that are no word. A
// firmware may well have a date in its own.
func individual(label string) bool {
	if number.MatchString(label) {
		return true
	}
	for _, run := range jumble.FindAllString(label, -1) {
		digits := strings.IndexFunc(run, unicode.IsDigit)
		if digits >= 0 && digits != strings.LastIndexFunc(run, unicode.IsDigit) {
			return true
		}
	}
	return false
}

var (
	number = regexp.MustCompile(`\d{8,}`)
	jumble = regexp.MustCompile(`[a-z0-9]{16,}`)
)

// confided are the keys, in a spec or in what a device answered, whose values
// are nobody's business.
var confided = regexp.MustCompile(`(?i)"?\b(token|mac|bssid|ssid|localip|address|gw|mask|lat|lon|lng|latitude|longitude|did|uid|serial|sn|password|key|name)\b"?\s*[:=]\s*"?([^",}\s][^",}\n]*)`)

// hider takes private things out of texts. It knows those that a run tells of,
// and the marks of others.
type hider struct {
	secrets []string // lower case, in all writings
}

// newHider looks through the parts of a run that are not shared for what must
// not be in the rest.
func newHider(run harness.Run) hider {
	var h hider
	texts := []string{run.Settings.Text}
	for _, result := range run.Results {
		for _, outcome := range result.Outcomes {
			for _, step := range outcome.Steps {
				texts = append(texts, step.Saw)
			}
		}
	}
	for _, text := range texts {
		for _, match := range confided.FindAllStringSubmatch(text, -1) {
			h.know(strings.TrimSpace(match[2]), match[1])
		}
	}
	return h
}

// shortest is the length from which a secret is looked for: a shorter one would
// be found in everything.
const shortest = 5

func (h *hider) know(secret, key string) {
	secret = strings.Trim(secret, `"' `)
	public, err := netip.ParseAddr(secret)
	switch {
	case len(secret) < shortest:
	case err == nil && !atHome(public):
		// the address of a destination in the text of a world
	case strings.EqualFold(key, "name") && simulatedName.MatchString(secret):
	default:
		for _, writing := range writings(secret) {
			if !slices.Contains(h.secrets, writing) {
				h.secrets = append(h.secrets, writing)
			}
		}
	}
}

// simulatedName is a name that a scenario or a world has, and no person.
var simulatedName = regexp.MustCompile(`^[a-z0-9_-]+$`)

// writings are the ways in which a secret may be written: as it is, without
// separators, as hexadecimal digits, in base64, and the latter two of the bytes
// that hexadecimal digits stand for.
func writings(secret string) []string {
	bare := strings.NewReplacer(":", "", "-", "", " ", "").Replace(secret)
	all := []string{secret, bare, hex.EncodeToString([]byte(secret)), base64.RawStdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret))}
	if bytes, err := hex.DecodeString(bare); err == nil && len(bytes) >= shortest {
		all = append(all, string(bytes), base64.RawStdEncoding.EncodeToString(bytes), base64.RawURLEncoding.EncodeToString(bytes))
	}
	if address, err := netip.ParseAddr(secret); err == nil {
		all = append(all, base64.RawStdEncoding.EncodeToString(address.AsSlice()), base64.RawURLEncoding.EncodeToString(address.AsSlice()))
	}
	for i := range all {
		all[i] = strings.ToLower(all[i])
	}
	return all
}

// finds says what is private in a text, or "".
func (h hider) finds(text string) string {
	lower := strings.ToLower(text)
	if slices.ContainsFunc(h.secrets, func(secret string) bool { return strings.Contains(lower, secret) }) {
		return "something that the run keeps to itself"
	}
	return marked(text)
}

// marked says by the marks alone what is private in a text, or in what a word
// of it stands for when it is base64 or hexadecimal; "" for nothing.
func marked(text string) string {
	if what := markedPlainly(text); what != "" {
		return what
	}
	for _, word := range encoded.FindAllString(text, -1) {
		for _, bytes := range decodings(word) {
			if what := markedBytes(bytes); what != "" {
				return what
			}
		}
	}
	return ""
}

// encoded are the words that may stand for something else.
var encoded = regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}`)

func decodings(word string) (all [][]byte) {
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.RawStdEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if bytes, err := decode(word); err == nil {
			all = append(all, bytes)
		}
	}
	return all
}

// markedBytes looks at bytes as text, and as an address of IPv6.
func markedBytes(bytes []byte) string {
	if address, ok := netip.AddrFromSlice(bytes); ok && address.Is6() && atHome(address) {
		return "an address at home"
	}
	for _, b := range bytes {
		if b < ' ' || b > '~' {
			return ""
		}
	}
	return markedPlainly(string(bytes))
}

func markedPlainly(text string) string {
	for _, mark := range marks {
		if mark.pattern.MatchString(text) {
			return mark.what
		}
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF.:", r) }) {
		if address, err := netip.ParseAddr(strings.Trim(word, ".")); err == nil && atHome(address) {
			return "an address at home"
		}
	}
	return ""
}

// word makes one plain word of a text.
func (h hider) word(text string) string {
	if text == "" {
		return "unknown"
	}
	if !plainWord.MatchString(text) || h.finds(text) != "" && !isRunID(text) {
		return hidden
	}
	return text
}

// isRunID tells of the random ids of runs, which look like secrets.
func isRunID(text string) bool { return runID.MatchString(text) }

var runID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// text takes private words out of a title.
func (h hider) text(text string) string {
	text = strings.Map(func(r rune) rune {
		if unprintable(r) {
			return ' '
		}
		return r
	}, text)
	if h.finds(text) != "" || len(text) > 120 {
		return hidden
	}
	return text
}

// destination copies a row; public is false for what lies within the home.
func (h hider) destination(row reports.Row) (d Destination, public bool) {
	from := row.Destination
	name := from.Host
	if name == "" {
		address, bare := from.ID.Address()
		if !bare || atHome(address) {
			return d, false
		}
		name = address.String()
	} else if name = h.host(name); name == "" {
		return d, false
	}
	id := from.ID
	id.Name = name
	d = Destination{ID: id, Service: from.Service, Verdicts: map[string]harness.Verdict{}}
	for _, text := range from.Addresses {
		if address, err := netip.ParseAddr(text); err == nil && !atHome(address) {
			d.Addresses = append(d.Addresses, address.String())
		}
	}
	for column, cell := range row.Cells {
		d.Verdicts[h.word(column)] = cell.Verdict
	}
	return d, true
}

// host hides the labels of a name that could tell one device from another, and
// gives "" for a name that means something at home alone (RFC 6762, RFC 8375).
func (h hider) host(name string) string {
	name = strings.ToLower(name)
	labels := strings.Split(name, ".")
	switch last := labels[len(labels)-1]; {
	case name == "resolver":
		return name
	case len(labels) == 1, slices.Contains([]string{"local", "lan", "home", "internal", "localdomain", "arpa", "box"}, last), !hostName.MatchString(name):
		return ""
	}
	for i, label := range labels {
		if h.finds(label) != "" || individual(label) {
			labels[i] = "*"
		}
	}
	if joined := strings.Join(labels, "."); h.finds(joined) == "" {
		return joined
	}
	return ""
}

// atHome tells of addresses that mean something in one home alone.
func atHome(a netip.Addr) bool {
	a = a.Unmap()
	shared := netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	return a.IsPrivate() || a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.Zone() != "" || shared.Contains(a)
}

// private looks for what gives somebody away in all that will be written.
func (e Evidence) private() error {
	var problems []error
	for _, c := range e.Columns {
		problems = append(problems, private("column", c.ID), private("title", c.Title), private("scenario", c.Scenario))
	}
	for _, d := range e.Destinations {
		if address, bare := d.ID.Address(); bare {
			problems = append(problems, privateAddress(d.ID.String(), address))
		} else {
			for label := range strings.SplitSeq(d.ID.Name, ".") {
				problems = append(problems, private("destination "+d.ID.String(), label))
				if individual(label) {
					problems = append(problems, fmt.Errorf("destination %s: %q looks like the number of a device, which must not be shared: write *", d.ID, label))
				}
			}
		}
		for _, text := range d.Addresses {
			if address, err := netip.ParseAddr(text); err == nil && d.ID.Name != "resolver" {
				problems = append(problems, privateAddress(d.ID.String(), address))
			}
		}
	}
	if !isRunID(e.Run) {
		problems = append(problems, private("run", e.Run))
	}
	return errors.Join(append(problems, private("model", e.Model), private("firmware", e.Firmware))...)
}

func private(where, text string) error {
	if what := marked(text); what != "" {
		return fmt.Errorf("%s: %q looks like %s, which must not be shared", where, text, what)
	}
	return nil
}

func privateAddress(where string, address netip.Addr) error {
	if atHome(address) {
		return fmt.Errorf("%s: %s is an address at home, which must not be shared", where, address)
	}
	return nil
}

// marshal writes evidence as YAML.
func marshal(e Evidence) ([]byte, error) {
	return yaml.MarshalWithOptions(e, yaml.IndentSequence(false))
}
