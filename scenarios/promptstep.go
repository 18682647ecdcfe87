package scenarios

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Prompt asks a person.
type Prompt struct {
	Text string `yaml:"text" about:"The question. yes and no are its answers, where expect says nothing else."`
}

// PromptResult is what an expectation on [Prompt] may name.
type PromptResult struct {
	Answer string `expr:"answer" about:"What was typed, in small letters; y and n are yes and no."`
}

func promptKind() Kind {
	return Kind{
		Name:    "prompt",
		About:   "Asks a person at the terminal. The default timeout is 10m.",
		Fails:   "An answer other than the expected one is a failure. That nobody is there, or does not answer in time, makes the check inconclusive.",
		Example: "{prompt: Does the app show the map?, timeout: 30m}",
		Short:   "text",
		New:     func() Action { return new(Prompt) },
		Result:  PromptResult{},
		Expect:  `answer == "yes"`,
	}
}

func (p *Prompt) check() *ArgumentError {
	if strings.TrimSpace(p.Text) == "" {
		return wrong("text", "the question is empty", "write one, as Does the app show the map?")
	}
	return nil
}

func (p *Prompt) usual() time.Duration { return thinking }

func (p *Prompt) prepare(e *Engine, timeout time.Duration) (deed, error) {
	return deed{
		kind:  promptKind(),
		name:  "prompt " + shorten(p.Text),
		claim: claim{uses: []string{"person"}}, // who answers one question at a time
		run:   func(ctx context.Context) (sight, error) { return p.ask(ctx, e, timeout) },
	}, nil
}

func (p *Prompt) ask(ctx context.Context, e *Engine, timeout time.Duration) (sight, error) {
	if e.Ask == nil {
		return sight{}, errors.New("nobody is there to be asked: run it on a terminal")
	}
	typed, err := e.Ask(ctx, strings.TrimSpace(p.Text)+" [yes/no]")
	if err != nil {
		return sight{late: ctx.Err() != nil}, fmt.Errorf("waiting for an answer: %w", overdue(ctx, timeout, err))
	}
	answer := strings.ToLower(strings.TrimSpace(typed))
	switch answer {
	case "y":
		answer = "yes"
	case "n":
		answer = "no"
	}
	return sight{result: PromptResult{answer}, saw: fmt.Sprintf("%q", answer)}, nil
}
