package miio

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Token is the 16-byte secret shared with a device. A device gets a new one
// whenever it is paired. No verb of package fmt prints it.
type Token struct {
	// A func, since fmt and the test libraries print what they find in
	// somebody's unexported field without asking for Format, and follow
	// pointers, but cannot look into a func.
	secret func() [16]byte
}

// ParseToken reads a token from 32 hexadecimal digits. The error does not
// repeat the text.
func ParseToken(text string) (Token, error) {
	secret, err := hex.DecodeString(text)
	if err != nil || len(secret) != 16 {
		return Token{}, errors.New("a miIO token has 32 hexadecimal digits, and this text is not of that form")
	}
	return Token{func() [16]byte { return [16]byte(secret) }}, nil
}

// String redacts the token.
func (Token) String() string { return "miIO token (redacted)" }

// Format redacts the token for every verb.
func (t Token) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, t.String()) }

// bytes are the token's 16 bytes; the zero token's are zero.
func (t Token) bytes() []byte {
	if t.secret == nil {
		return make([]byte, 16)
	}
	secret := t.secret()
	return secret[:]
}

// Conceal returns the text with the token's digits replaced, where it has them.
func (t Token) Conceal(text string) string {
	if t.secret == nil {
		return text
	}
	digits := hex.EncodeToString(t.bytes())
	for _, written := range []string{digits, strings.ToUpper(digits)} {
		text = strings.ReplaceAll(text, written, t.String())
	}
	return text
}
