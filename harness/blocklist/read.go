package blocklist

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/needwant/needwant/harness"
)

// limits are those of a list.
type limits struct{ bytes, entries, patterns int }

// The longest lists that people use have half a million names.
const (
	mostBytes    = 64 << 20
	mostEntries  = 1_000_000
	mostPatterns = 2_000 // rules that are more than a name
	longestLine  = 4_096
	mostTold     = 10 // errors of one list
)

// Error is one line that cannot be read.
type Error struct {
	File         string
	Line, Column int // from 1; columns are bytes
	Message      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Read reads a file. Clients are the addresses and names of the device: rules for other
// clients alone do not apply.
func Read(path string, clients ...string) (*List, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the blocklist cannot be read: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the blocklist %s is not a file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the blocklist cannot be read: %w", err)
	}
	defer file.Close()
	return Parse(path, file, clients...)
}

// ChangedError says that a list is not the one that a run began with.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("the blocklist %s has changed since the run began: put the earlier one back, or begin a new run", e.Path)
}

// Open reads the list of a run again; nil if the run has none.
func Open(only *harness.OnlyList) (*List, error) {
	if only == nil {
		return nil, nil
	}
	list, err := Read(only.List, only.Clients...)
	if err != nil {
		return nil, err
	}
	if list.SHA256 != only.SHA256 {
		return nil, &ChangedError{only.List}
	}
	return list, nil
}

// Settings are what a run records of the list.
func (l *List) Settings(clients ...string) *harness.OnlyList {
	return &harness.OnlyList{List: l.Source, SHA256: l.SHA256, Entries: l.Entries, Ignored: l.Ignored, Clients: clients}
}

// Parse reads a list. The error names every line that it cannot read, ten at most.
func Parse(source string, text io.Reader, clients ...string) (*List, error) {
	return parse(source, text, clients, limits{mostBytes, mostEntries, mostPatterns})
}

func parse(source string, text io.Reader, clients []string, most limits) (*List, error) {
	all, err := io.ReadAll(io.LimitReader(text, int64(most.bytes)+1))
	if err != nil {
		return nil, fmt.Errorf("reading the blocklist %s: %w", source, err)
	}
	if len(all) > most.bytes {
		return nil, fmt.Errorf("the blocklist %s is larger than %d MB", source, most.bytes>>20)
	}
	sum := sha256.Sum256(all)
	p := &parser{
		list:    &List{Source: source, SHA256: hex.EncodeToString(sum[:]), rules: map[string]mark{}},
		clients: clients,
		most:    most,
	}
	all = bytes.TrimPrefix(all, []byte("\ufeff"))
	for line := range bytes.Lines(all) {
		p.number++
		if err := p.line(strings.TrimRight(string(line), "\r\n")); err != nil {
			p.fail(err)
		}
		if p.list.Entries > most.entries {
			return nil, fmt.Errorf("the blocklist %s has more than %d entries", source, most.entries)
		}
	}
	return p.finish()
}

// parser reads one list.
type parser struct {
	list    *List
	clients []string
	most    limits
	number  int      // of the line, from 1
	text    string   // the line
	errs    []*Error // the first ones
	failed  int      // lines with an error
	zone    zone
}

// errIgnored says that a line never blocks a name.
var errIgnored = errors.New("ignored")

// misread is an error at a part of the line.
type misread struct{ part, message string }

func (m *misread) Error() string { return m.message }

func wrong(part, format string, args ...any) error {
	return &misread{part, fmt.Sprintf(format, args...)}
}

func (p *parser) fail(err error) {
	if errors.Is(err, errIgnored) {
		if p.list.Ignored++; p.list.First == 0 {
			p.list.First = p.number
		}
		return
	}
	if p.failed++; len(p.errs) >= mostTold {
		return
	}
	e := &Error{File: p.list.Source, Line: p.number, Column: 1, Message: err.Error()}
	if m := (*misread)(nil); errors.As(err, &m) && m.part != "" {
		e.Column = max(0, strings.LastIndex(p.text, m.part)) + 1
	}
	p.errs = append(p.errs, e)
}

func (p *parser) finish() (*List, error) {
	var errs []error
	for _, e := range p.errs {
		errs = append(errs, e)
	}
	if more := p.failed - len(p.errs); more > 0 {
		errs = append(errs, fmt.Errorf("%s: %d more lines cannot be read", p.list.Source, more))
	}
	if len(errs) == 0 && p.list.Entries == 0 {
		errs = append(errs, fmt.Errorf("the blocklist %s has no entry", p.list.Source))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	slices.Sort(p.list.allowed)
	return p.list, nil
}

// line reads a line of any form.
func (p *parser) line(text string) error {
	p.text = text
	switch {
	case len(text) > longestLine:
		return wrong("", "the line is longer than %d bytes: is this a blocklist?", longestLine)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return wrong("", "this is not text: is this a blocklist?")
	case p.zone.open: // a record over several lines
		p.zone.open = !strings.Contains(text, ")")
		return nil
	}
	text = strings.TrimRight(text, " \t")
	trimmed := strings.TrimLeft(text, " \t")
	switch {
	case trimmed == "" || strings.HasPrefix(trimmed, "!") || strings.HasPrefix(trimmed, "[") || strings.HasPrefix(trimmed, ";"):
		return nil
	case cosmetic(trimmed):
		return errIgnored
	case strings.HasPrefix(trimmed, "#"):
		return nil
	}
	if plain, _, ok := strings.Cut(trimmed, " #"); ok && !strings.HasPrefix(trimmed, "/") {
		trimmed = strings.TrimRight(plain, " \t")
	}
	fields := strings.Fields(trimmed)
	switch {
	case dnsmasqOption(trimmed) != "":
		return p.dnsmasq(trimmed)
	case unboundOption(trimmed) != "":
		return p.unbound(trimmed)
	case strings.HasPrefix(trimmed, "$") || record(fields) != nil || strings.ContainsAny(text[:1], " \t") && record(append([]string{"@"}, fields...)) != nil:
		return p.rpz(text)
	case len(fields) > 1:
		return p.hosts(fields)
	case strings.ContainsAny(trimmed, "|^$/@*:?=&") && !plainWildcard(trimmed):
		return p.adblock(trimmed)
	}
	return p.domain(trimmed)
}

// add notes a rule for a name.
func (p *parser) add(name string, m mark) {
	p.list.Entries++
	p.list.rules[name] |= m
	if m&(allows|allows.below()) != 0 {
		p.list.allowed = append(p.list.allowed, name)
	}
}

// properName is a name in the form that DNS queries are compared in.
func properName(text string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	if strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		ascii, err := idna.Punycode.ToASCII(name)
		if err != nil {
			return "", wrong(text, "%q is not a host name: %v", text, err)
		}
		name = ascii
	}
	const longest, longestLabel = 253, 63
	good := name != "" && len(name) <= longest
	for label := range strings.SplitSeq(name, ".") {
		good = good && label != "" && len(label) <= longestLabel && !strings.ContainsFunc(label, notInName)
	}
	if !good {
		return "", wrong(text, "%q is not a host name", text)
	}
	return name, nil
}

// notInName reports whether a character cannot be in a host name.
func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
}
