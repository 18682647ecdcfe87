package blocklist

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// adblock reads a rule of AdGuard, uBlock Origin or Pi-hole. It takes what a DNS server
// applies: ||name^, @@, *, /expression/, $important and $client. Rules that need a
// web address, or a browser, never block a name.
func (p *parser) adblock(text string) error {
	rest, excepted := strings.CutPrefix(text, "@@")
	body, options := rest, ""
	if strings.HasPrefix(rest, "/") && strings.LastIndex(rest, "/") > 0 {
		end := strings.LastIndex(rest, "/")
		body, options = rest[:end+1], strings.TrimPrefix(rest[end+1:], "$")
	} else if at := strings.LastIndex(rest, "$"); at >= 0 {
		body, options = rest[:at], rest[at+1:]
	}
	important, err := p.modifiers(options)
	if err != nil {
		return err
	}
	m := block
	switch {
	case excepted && important:
		m = exceptForce
	case excepted:
		m = except
	case important:
		m = force
	}
	if strings.HasPrefix(body, "/") && len(body) > 1 && strings.HasSuffix(body, "/") {
		return p.expression(text, body[1:len(body)-1], m)
	}
	return p.pattern(body, m)
}

// browserOnly are the modifiers of rules that a DNS server does not apply.
func browserOnly() []string {
	return []string{
		"script", "image", "stylesheet", "object", "xmlhttprequest", "xhr", "subdocument", "frame", "ping", "beacon", "websocket", "webrtc", "media", "font", "other",
		"third-party", "3p", "first-party", "1p", "match-case", "popup", "popunder", "document", "doc", "elemhide", "ehide", "generichide", "ghide", "genericblock", "specifichide", "shide",
		"jsinject", "urlblock", "content", "extension", "stealth", "domain", "from", "to", "app", "method", "csp", "permissions", "removeparam", "queryprune", "removeheader", "redirect",
		"redirect-rule", "rewrite", "replace", "cookie", "header", "inline-script", "inline-font", "empty", "mp4", "network", "jsonprune", "hls", "referrerpolicy", "urltransform", "uritransform", "cname", "strict1p", "strict3p", "object-subrequest", "css",
	}
}

// modifiers reports whether a rule is important. The error is errIgnored if it does not
// apply to the names that this device asks for.
func (p *parser) modifiers(options string) (important bool, err error) {
	if options == "" {
		return false, nil
	}
	for option := range strings.SplitSeq(options, ",") {
		name, value, _ := strings.Cut(option, "=")
		bare := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), "~")
		switch {
		case bare == "important":
			important = true
		case bare == "all":
		case bare == "client":
			if !p.isClient(value) {
				return false, errIgnored
			}
		case slices.Contains(browserOnly(), bare):
			return false, errIgnored
		default:
			return false, wrong(option, "the modifier $%s is not supported: delete the line to test the others, or write the rule without it", bare)
		}
	}
	return important, nil
}

// isClient reports whether a rule for some clients is for the device. If its addresses
// are not known, every such rule is.
func (p *parser) isClient(value string) bool {
	if len(p.clients) == 0 {
		return true
	}
	named := strings.Split(value, "|")
	excluded, included := false, false
	for _, client := range named {
		name, not := strings.CutPrefix(strings.Trim(client, `'"`), "~")
		if not {
			excluded = excluded || p.isDevice(strings.Trim(name, `'"`))
			continue
		}
		included = included || p.isDevice(name)
	}
	if strings.HasPrefix(named[0], "~") {
		return !excluded
	}
	return included
}

func (p *parser) isDevice(client string) bool {
	prefix, err := netip.ParsePrefix(client)
	return slices.ContainsFunc(p.clients, func(own string) bool {
		address, bad := netip.ParseAddr(own)
		return strings.EqualFold(own, client) || err == nil && bad == nil && prefix.Contains(address)
	})
}

// pattern reads a rule that is not a regular expression.
func (p *parser) pattern(body string, m mark) error {
	if strings.ContainsAny(body, "/:?=&") {
		return errIgnored // about a web address
	}
	inner := strings.TrimSuffix(strings.TrimSuffix(body, "|"), "^")
	bare, anchored := strings.CutPrefix(inner, "||")
	if _, err := netip.ParseAddr(strings.Trim(bare, "|^")); err == nil {
		return errIgnored
	}
	wholeName := anchored && inner != body && strings.HasSuffix(strings.TrimSuffix(body, "|"), "^")
	if wholeName && !strings.ContainsAny(bare, "*|^") {
		name, err := properName(strings.TrimPrefix(bare, "."))
		if err != nil {
			return err
		}
		p.add(name, m|m.below())
		return nil
	}
	if strings.Trim(body, "*|^.") == "" {
		return wrong(body, "%q is about every name: name a domain", body)
	}
	if strings.ContainsFunc(body, func(r rune) bool { return !strings.ContainsRune("*|^", r) && notInName(r) }) {
		return wrong(body, "%q is not a host name", body)
	}
	return p.expression(body, translated(strings.ToLower(body)), m)
}

// translated is a pattern as a regular expression.
func translated(body string) string {
	start, end := "", ""
	if rest, ok := strings.CutPrefix(body, "||"); ok {
		start, body = `^([a-z0-9_.-]+\.)?`, rest
	} else if rest, ok := strings.CutPrefix(body, "|"); ok {
		start, body = `^`, rest
	}
	if rest, ok := strings.CutSuffix(body, "|"); ok {
		end, body = `$`, rest
	}
	quoted := regexp.QuoteMeta(body)
	return start + strings.NewReplacer(`\*`, `.*`, `\^`, `($|[^a-z0-9_.%-])`).Replace(quoted) + end
}

// expression notes a rule for the names that match.
func (p *parser) expression(text, expression string, m mark) error {
	compiled, err := regexp.Compile("(?i)" + expression)
	if err != nil {
		return wrong(text, "this expression is not supported: %v: delete the line to test the others", err)
	}
	if len(p.list.patterns) >= p.most.patterns {
		return wrong(text, "there are more than %d expressions", p.most.patterns)
	}
	p.list.Entries++
	p.list.patterns = append(p.list.patterns, pattern{compiled, m})
	return nil
}

// cosmetic reports whether a line is a rule about the look of web pages.
func cosmetic(text string) bool {
	for _, sign := range []string{"##", "#@#", "#?#", "#@?#", "#$#", "#@$#", "#%#", "#@%#", "#$?#", "$$"} {
		if at := strings.Index(text, sign); at > 0 || at == 0 && sign == "##" && len(text) > len(sign) && strings.ContainsRune(".#[a-z", rune(text[len(sign)])) && text[len(sign)] != '#' {
			return !strings.HasPrefix(text, "# ") && !strings.Contains(text[:max(at, 0)], " ")
		}
	}
	return false
}
