package scenarios

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// longest is how many characters of what was seen an outcome keeps: a vacuum's
// whole status. A reason has room for that and an expectation.
const (
	longest       = 400
	longestReason = 600
)

// values reads a text that is JSON and nothing else into what expectations work on: whole numbers as int64, so
// that they compare and print as such.
func values(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON")
	}
	return plainNumbers(value), nil
}

func plainNumbers(value any) any {
	switch value := value.(type) {
	case json.Number:
		if whole, err := value.Int64(); err == nil {
			return whole
		}
		number, _ := value.Float64() // out of range is infinite, which is good enough to compare
		return number
	case []any:
		for i := range value {
			value[i] = plainNumbers(value[i])
		}
	case map[string]any:
		for name := range value {
			value[name] = plainNumbers(value[name])
		}
	}
	return value
}

// show writes a value as JSON for people, without what is named as a secret or
// tells where somebody lives.
func show(value any) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(public(value)); err != nil {
		return "something that cannot be written down"
	}
	return strings.TrimSpace(text.String())
}

// public copies a value without its private parts.
func public(value any) any {
	switch value := value.(type) {
	case []any:
		list := make([]any, len(value))
		for i := range value {
			list[i] = public(value[i])
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(value))
		for name := range value {
			object[name] = public(value[name])
			if private(name) {
				object[name] = "(redacted)"
			}
		}
		return object
	}
	return value
}

// private tells by its name that a value is nobody else's business.
func private(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	for _, part := range []string{"token", "passw", "secret", "psk", "ssid", "authorization", "cookie", "api_key", "apikey"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// shorten keeps a text to one line of bearable length.
func shorten(text string) string { return shortenTo(text, longest) }

func shortenTo(text string, longest int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return text
}
