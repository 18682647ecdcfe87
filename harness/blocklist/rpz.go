package blocklist

import (
	"slices"
	"strconv"
	"strings"
)

// zone is what lines of a zone file pass on to the next ones.
type zone struct {
	origin string // the zone's own name, which owners may end with
	owner  string // of the record before
	open   bool   // a record's parenthesis is not closed yet
}

// record finds the type of a record and what follows it: owner [TTL] [class] TYPE DATA.
// It is nil if the fields are not a record.
func record(fields []string) []string {
	if len(fields) < 3 {
		return nil
	}
	rest := fields[1:]
	for len(rest) > 0 && (lifetime(rest[0]) || slices.Contains([]string{"IN", "CH"}, strings.ToUpper(rest[0]))) {
		rest = rest[1:]
	}
	types := []string{"CNAME", "A", "AAAA", "SOA", "NS", "TXT", "DNAME", "MX", "PTR"}
	if len(rest) < 2 || !slices.Contains(types, strings.ToUpper(rest[0])) {
		return nil
	}
	return rest
}

func lifetime(text string) bool {
	_, err := strconv.Atoi(strings.TrimRight(strings.ToLower(text), "smhdw"))
	return err == nil
}

// rpz reads a line of a response policy zone.
func (p *parser) rpz(text string) error {
	text, _, _ = strings.Cut(text, ";")
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return nil
	}
	if directive := strings.ToUpper(fields[0]); strings.HasPrefix(directive, "$") {
		switch {
		case directive == "$TTL":
			return nil
		case directive == "$ORIGIN" && len(fields) == 2:
			p.zone.origin = strings.ToLower(strings.TrimSuffix(fields[1], "."))
			return nil
		}
		return wrong(fields[0], "%s is not supported: put all of the zone into one file", fields[0])
	}
	if strings.ContainsAny(text[:1], " \t") {
		fields = append([]string{p.zone.owner}, fields...)
	}
	rest := record(fields)
	if rest == nil {
		return wrong(fields[0], "this is not a record: write ads.example.com CNAME .")
	}
	p.zone.owner = fields[0]
	switch strings.ToUpper(rest[0]) {
	case "SOA":
		if p.zone.origin == "" && strings.HasSuffix(fields[0], ".") {
			p.zone.origin = strings.ToLower(strings.TrimSuffix(fields[0], "."))
		}
		p.zone.open = strings.Contains(text, "(") && !strings.Contains(text, ")")
		return nil
	case "NS":
		return nil
	}
	return p.policy(fields[0], strings.ToLower(rest[1]))
}

// policy notes what a record says of its owner.
func (p *parser) policy(owner, target string) error {
	name, absolute := strings.CutSuffix(strings.ToLower(owner), ".")
	if absolute && p.zone.origin != "" {
		name = strings.TrimSuffix(name, "."+p.zone.origin)
	}
	if name == "@" || name == "" || name == p.zone.origin {
		return nil
	}
	for _, trigger := range []string{"rpz-ip", "rpz-nsip", "rpz-nsdname", "rpz-client-ip"} {
		if strings.HasSuffix(name, "."+trigger) {
			return wrong(owner, "the trigger %s is not supported, only names: delete the line to test the others", trigger)
		}
	}
	m := block
	switch target {
	case "rpz-passthru.", "rpz-passthru":
		m = allow
	case "rpz-tcp-only.", "rpz-tcp-only":
		return errIgnored
	}
	bare, below := strings.CutPrefix(name, "*.")
	proper, err := properName(bare)
	if err != nil {
		return err
	}
	if below {
		m = m.below()
	}
	p.add(proper, m)
	return nil
}
