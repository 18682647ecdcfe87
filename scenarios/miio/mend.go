package miio

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Mend returns the message as valid JSON. Devices are known to send, and other
// clients to accept:
//
//   - NULs behind or within the message, and rubbish behind a NUL
//   - other control characters, within texts and without
//   - commas too many, as in {"a":1,,"otu_stat":2}
//   - values left out, as in {"result":,"id":1}: read as null
//   - numbers with zeros in front, as in {"value":00}
//
// Valid JSON is returned as it is.
func Mend(message []byte) ([]byte, error) {
	if json.Valid(message) {
		return message, nil
	}
	first, last := bytes.IndexByte(message, 0), bytes.LastIndexByte(message, 0)
	for _, end := range []int{first, last, len(message)} {
		if end < 0 {
			continue
		}
		if mended := mend(message[:end]); json.Valid(mended) {
			return mended, nil
		}
	}
	return nil, errors.New("not JSON, even with all that is known of devices' mistakes put right")
}

// mend goes over the text once. What it writes is JSON only if nothing else was
// wrong with the text.
func mend(text []byte) []byte {
	m := mender{text: text, out: make([]byte, 0, len(text)+8)}
	for m.at < len(m.text) {
		m.step()
	}
	return m.out
}

type mender struct {
	text, out []byte
	at        int  // where in text
	last      byte // last byte written outside of texts, which tells what may follow
}

// step consumes one token or one byte.
func (m *mender) step() {
	switch c := m.text[m.at]; {
	case c == '"':
		m.quoted()
	case c <= ' ' || c == 0x7f:
		m.at++
	case c == ',':
		m.comma()
	case c == '}' || c == ']':
		m.closing(c)
	case c == '-' || '0' <= c && c <= '9':
		m.number()
	default:
		m.write(c)
		m.at++
	}
}

func (m *mender) write(c byte) {
	m.out = append(m.out, c)
	m.last = c
}

// quoted copies a text, with its control characters escaped and NULs left out.
func (m *mender) quoted() {
	const digits = "0123456789abcdef"
	m.write('"')
	for m.at++; m.at < len(m.text); m.at++ {
		switch c := m.text[m.at]; {
		case c == 0:
		case c < ' ':
			m.out = append(m.out, '\\', 'u', '0', '0', digits[c>>4], digits[c&0xf])
		case c == '\\' && m.at+1 < len(m.text):
			m.out = append(m.out, c, m.text[m.at+1])
			m.at++
		case c == '"':
			m.write('"')
			m.at++
			return
		default:
			m.out = append(m.out, c)
		}
	}
}

// comma writes a comma only behind a value.
func (m *mender) comma() {
	m.at++
	m.fillIn()
	if m.last != ',' && m.last != '{' && m.last != '[' {
		m.write(',')
	}
}

// closing takes back a comma that nothing followed.
func (m *mender) closing(c byte) {
	m.at++
	m.fillIn()
	if m.last == ',' {
		m.out = m.out[:len(m.out)-1]
	}
	m.write(c)
}

// fillIn writes null where a name has no value.
func (m *mender) fillIn() {
	if m.last == ':' {
		m.out = append(m.out, "null"...)
		m.last = 'l'
	}
}

// number copies a number without the zeros in front.
func (m *mender) number() {
	if m.text[m.at] == '-' {
		m.write('-')
		m.at++
	}
	for m.digit(0) && m.text[m.at] == '0' && m.digit(1) {
		m.at++
	}
	for m.at < len(m.text) && bytes.IndexByte([]byte("0123456789.eE+-"), m.text[m.at]) >= 0 {
		m.write(m.text[m.at])
		m.at++
	}
}

// digit reports whether there is a digit so many bytes on.
func (m *mender) digit(on int) bool {
	return m.at+on < len(m.text) && '0' <= m.text[m.at+on] && m.text[m.at+on] <= '9'
}
