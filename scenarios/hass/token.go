package hass

import (
	"fmt"
	"io"
	"strings"
)

// Token is a long-lived access token. No verb of package fmt prints it.
type Token struct {
	// A func, which printers cannot look into, wherever the token is kept.
	secret func() string
}

// NewToken hides a token's text.
func NewToken(text string) Token { return Token{func() string { return text }} }

// String redacts the token.
func (Token) String() string { return "access token (redacted)" }

// Format redacts the token for every verb.
func (t Token) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, t.String()) }

func (t Token) text() string {
	if t.secret == nil {
		return ""
	}
	return t.secret()
}

// Conceal returns the text with the token replaced, where it has it.
func (t Token) Conceal(text string) string {
	if t.text() == "" {
		return text
	}
	return strings.ReplaceAll(text, t.text(), t.String())
}
