package scenarios

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// Prompt asks a person.
type Prompt struct {
	Text    string `yaml:"text" about:"The question. Its answers are yes and no, unless expect names other words. After any other answer, the question is asked again. The answers unsure and skip make the check inconclusive. The answer stop ends the run."`
	Picture string `yaml:"picture,omitempty" about:"A picture that the page shows with the question: a PNG, JPEG or WebP file of up to 2 MB in the spec's folder or below."`

	expect string // what is expected of the answer
}

// PromptResult is what an expectation on [Prompt] may name.
type PromptResult struct {
	Answer string `expr:"answer" about:"The answer, in small letters. If y or n was typed, it is yes or no."`
}

func promptKind() Kind {
	return Kind{
		Name:    "prompt",
		About:   "Asks a person a question, at the terminal and on the page of `--web`. The default timeout is 10m.",
		Fails:   "An answer other than the expected one is a failure. If there is no answer in time, or the person is unsure, the check is inconclusive. The question is asked once in each check, whatever `retry` says.",
		Example: "{prompt: Does the app show the map?, timeout: 30m}",
		Short:   "text",
		New:     func() Action { return new(Prompt) },
		Result:  PromptResult{},
		Expect:  `answer == "yes"`,
	}
}

func (p *Prompt) check() *ArgumentError {
	if strings.TrimSpace(p.Text) == "" {
		return wrong("text", "the question is empty", "write one, e.g. Does the app show the map?")
	}
	if p.Picture != "" && !filepath.IsLocal(p.Picture) {
		return wrong("picture", fmt.Sprintf("%q is not below the spec's folder", p.Picture), "put the picture next to the spec, and write its name")
	}
	return nil
}

// thinking is how long a person is given to answer, or to come and do something.
const thinking = 10 * time.Minute

func (p *Prompt) usual() time.Duration { return thinking }

func (p *Prompt) prepare(e *Engine, timeout time.Duration) (deed, error) {
	var picture *Picture
	if p.Picture != "" {
		var err error
		if picture, err = readPicture(e.Folder, p.Picture); err != nil {
			return deed{}, err
		}
	}
	return deed{
		kind:  promptKind(),
		name:  "prompt " + shorten(p.Text),
		claim: claim{uses: []string{"person"}}, // who answers one question at a time
		run:   func(ctx context.Context) (sight, error) { return p.ask(ctx, e, picture, timeout) },
		final: true,
	}, nil
}

func (p *Prompt) ask(ctx context.Context, e *Engine, picture *Picture, timeout time.Duration) (sight, error) {
	if e.Ask == nil {
		return sight{}, errors.New("nobody is there to be asked: run it on a terminal")
	}
	question := question(strings.TrimSpace(p.Text), p.expect)
	question.Picture = picture
	typed, err := e.Ask(ctx, question)
	if err != nil {
		return sight{late: ctx.Err() != nil}, fmt.Errorf("waiting for an answer: %w", overdue(ctx, timeout, err))
	}
	answer, known := question.Accepts(typed)
	if !known {
		return sight{}, fmt.Errorf("%q is not an answer: expected %s", typed, strings.Join(question.Answers, ", "))
	}
	switch answer = strings.ToLower(answer); answer {
	case unsure:
		return sight{}, errors.New("the person was not sure")
	case skip:
		return sight{}, errors.New("the person skipped the question")
	default:
		return sight{result: PromptResult{answer}, saw: fmt.Sprintf("%q", answer)}, nil
	}
}

// expecting is the prompt of a step with this expectation.
func (p *Prompt) expecting(expect string) *Prompt {
	return &Prompt{Text: p.Text, Picture: p.Picture, expect: expect}
}
