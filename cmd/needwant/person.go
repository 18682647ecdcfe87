package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/term"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/scenarios"
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
	in    io.Reader // nil if nobody sits at a terminal
	out   io.Writer
	bell  bool            // whether each question rings the terminal's bell
	stop  func()          // ends the command, as Ctrl-C does
	tell  *notifier       // of each question; nil if nobody is told
	page  scenarios.Asker // asks at the same time on a page; nil if there is none
	begin sync.Once
	lines chan string // typed, and not yet taken for an answer; closed when the input ends
	turn  chan bool   // holds one element while a question is asked

	mu    sync.Mutex
	asked int // questions, up to now
	over  int // trials, up to now
	all   int // questions of the whole run, roughly; 0 if that is not known
}

// maxTyped is how many lines may be typed before a question is asked. More are dropped.
const maxTyped = 64

func newPerson(in io.Reader, out io.Writer) *person {
	return &person{in: in, out: out, stop: interrupt, lines: make(chan string, maxTyped), turn: make(chan bool, 1)}
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

// ask returns the answer to a question, from the terminal or from the page, whichever is
// first. The error is that of ctx, or [io.EOF] if nobody can answer any more.
func (p *person) ask(ctx context.Context, question scenarios.Question) (string, error) {
	select {
	case p.turn <- true:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	question.Text = p.next() + reports.Clean(question.Text)
	p.tell.say(question.Text)
	if p.page == nil {
		return p.typed(ctx, question)
	}
	if p.in == nil {
		return p.page(ctx, question)
	}
	return firstOf(ctx, question, p.page, p.typed)
}

// errAnswered ends a question that was answered elsewhere.
var errAnswered = errors.New("answered elsewhere")

// firstOf asks in several places at once. It returns when all of them are over, so that
// none still waits, with the answer that came first.
func firstOf(ctx context.Context, question scenarios.Question, askers ...scenarios.Asker) (answer string, err error) {
	ctx, over := context.WithCancelCause(ctx)
	defer over(nil)
	type reply struct {
		answer string
		err    error
	}
	replies := make(chan reply, len(askers))
	for _, ask := range askers {
		go func() {
			answer, err := ask(ctx, question)
			replies <- reply{answer, err}
		}()
	}
	answered := false
	for range askers {
		switch reply := <-replies; {
		case answered:
		case reply.err == nil:
			answer, answered = reply.answer, true
			over(errAnswered)
		default:
			err = reply.err
		}
	}
	if answered {
		return answer, nil
	}
	return "", err
}

// typed returns the answer that is typed after the question. What is not an answer is asked
// again, and stop ends the command. What was typed before, such as the late answer to an
// earlier question, is not an answer to this one. The error is that of ctx, or [io.EOF] if
// the input has ended.
func (p *person) typed(ctx context.Context, question scenarios.Question) (string, error) {
	p.begin.Do(func() { go p.read() })
	defer screenOf(p.out).hold()()
	if !p.discard() {
		return "", io.EOF
	}
	p.put(question)
	for {
		line, err := p.line(ctx)
		if err != nil {
			return "", err
		}
		if strings.EqualFold(line, stopWord) {
			p.stop()
			<-ctx.Done()
			return "", ctx.Err()
		}
		if answer, ok := question.Accepts(line); ok {
			return answer, nil
		}
		fmt.Fprintf(p.out, "%q is not an answer: type %s or %s ", line, strings.Join(question.Answers, ", "), stopWord)
	}
}

// stopWord ends the command.
const stopWord = "stop"

// put shows a question, and rings the bell.
func (p *person) put(question scenarios.Question) {
	text := question.Text
	if len(question.Answers) > 0 {
		text += " [" + strings.Join(append(slices.Clone(question.Answers), stopWord), "/") + "]"
	}
	if p.bell {
		text = "\a" + text
	}
	fmt.Fprintf(p.out, "%s ", text)
}

// line is the next line that is typed.
func (p *person) line(ctx context.Context) (string, error) {
	select {
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), errAnswered) {
			fmt.Fprintln(p.out, "(answered on the page)")
		} else {
			fmt.Fprintln(p.out, "(no answer in time)")
		}
		return "", ctx.Err()
	case line, more := <-p.lines:
		if !more {
			return "", io.EOF
		}
		return line, nil
	}
}

// next counts a question, and says which one it is.
func (p *person) next() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.all == 0 {
		return fmt.Sprintf("question %d: ", p.asked)
	}
	return fmt.Sprintf("question %d of about %d: ", p.asked, max(p.asked, p.all))
}

// expect estimates after each trial that asked how many questions the whole run has: as many
// for each trial to come as there were for each of those.
func (p *person) expect(event harness.Event) {
	if p == nil || event.Kind != harness.Ended || event.Result != nil && len(event.Result.Trial.Unasked) > 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over++
	p.all = p.asked + (p.asked*event.Progress.Left+p.over-1)/p.over
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

// personAt is who sits at the terminal, if anybody does, and is asked on a screen, or who
// looks at the page; nil if nobody does.
func personAt(out io.Writer, seated bool, page *webPage, tell *notifier) *person {
	if !seated && page == nil {
		return nil
	}
	p := newPerson(nil, out)
	p.tell = tell
	if seated {
		p.in, p.bell = os.Stdin, screenOf(out).live()
	}
	if page != nil {
		p.page = page.ask
	}
	return p
}

// asker asks the person; nil if there is none.
func (p *person) asker() scenarios.Asker {
	if p == nil {
		return nil
	}
	return p.ask
}

// interrupt ends this program as Ctrl-C does.
func interrupt() { _ = syscall.Kill(os.Getpid(), syscall.SIGINT) }

// interactive reports whether a person can be asked.
func interactive() bool { return term.IsTerminal(int(os.Stdin.Fd())) }
