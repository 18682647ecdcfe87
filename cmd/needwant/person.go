package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

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

// person answers questions on a terminal, one at a time. Nothing is read before
// the first question.
type person struct {
	in    io.Reader
	out   io.Writer
	begin sync.Once
	lines chan string // typed, and not yet taken for an answer; closed when the input ends
	turn  chan bool   // holds one element while a question is asked
}

// maxTyped is how many lines may be typed before a question is asked. More are dropped.
const maxTyped = 64

func newPerson(in io.Reader, out io.Writer) *person {
	return &person{in: in, out: out, lines: make(chan string, maxTyped), turn: make(chan bool, 1)}
}

// read takes what is typed, whether or not a question is open.
func (p *person) read() {
	defer close(p.lines)
	for line := range typedLines(p.in) {
		select {
		case p.lines <- line:
		default:
		}
	}
}

// ask returns the line that is typed after the question. What was typed before,
// such as the late answer to an earlier question, is no answer to this one. The
// error is that of ctx, or [io.EOF] if the input has ended.
func (p *person) ask(ctx context.Context, question string) (string, error) {
	select {
	case p.turn <- true:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	p.begin.Do(func() { go p.read() })
	if !p.discard() {
		return "", io.EOF
	}
	fmt.Fprintf(p.out, "%s ", question)
	select {
	case <-ctx.Done():
		fmt.Fprintln(p.out, "(no answer in time)")
		return "", ctx.Err()
	case line, more := <-p.lines:
		if !more {
			return "", io.EOF
		}
		return line, nil
	}
}

// discard drops the lines that were typed up to now, and reports whether more
// may come.
func (p *person) discard() bool {
	for {
		select {
		case _, more := <-p.lines:
			if !more {
				return false
			}
		default:
			return true
		}
	}
}

// asker asks on the terminal; nil if there is none.
func asker() func(context.Context, string) (string, error) {
	if !interactive() {
		return nil
	}
	return newPerson(os.Stdin, os.Stderr).ask
}

// interactive tells whether a person can be asked.
func interactive() bool { return term.IsTerminal(int(os.Stdin.Fd())) }
