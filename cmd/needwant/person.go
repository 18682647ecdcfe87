package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// typedLines reads what a person types, line by line, until the input ends.
func typedLines(in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			lines <- strings.TrimSpace(scanner.Text())
		}
	}()
	return lines
}

// asker asks on the terminal; nil where there is none.
func asker() func(context.Context, string) (string, error) {
	if !interactive() {
		return nil
	}
	lines := typedLines(os.Stdin)
	return func(ctx context.Context, question string) (string, error) {
		fmt.Fprintf(os.Stderr, "%s ", question)
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case line, more := <-lines:
			if !more {
				return "", io.EOF
			}
			return line, nil
		}
	}
}

// interactive tells whether a person can be asked.
func interactive() bool { return term.IsTerminal(int(os.Stdin.Fd())) }
