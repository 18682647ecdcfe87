package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/scenarios"
)

// interview asks a person, if there is one.
type interview struct {
	out    io.Writer
	lines  <-chan string // what is typed; nil if nobody is there
	around surroundings  // of a person

	answers []string // the answers so far as flags, quoted for a shell
}

// interviewing reads what is typed, if somebody types.
func interviewing(ctx context.Context, in io.Reader, out io.Writer, can bool) *interview {
	if !can {
		return &interview{out: out}
	}
	return &interview{out: out, lines: typedLines(in), around: lookAround(ctx)}
}

// draft fills a draft from the flags, and from answers.
func (i *interview) draft(command *cobra.Command, from string, questions []question, values []string) (scenarios.Draft, error) {
	ctx := command.Context()
	draft, err := i.begin(ctx, from, command.Flags().Changed("like"))
	if err != nil {
		return draft, err
	}
	for number, q := range questions {
		given := command.Flags().Changed(q.flag)
		if q.wanted != nil && !q.wanted(&draft) {
			if given {
				return draft, fmt.Errorf("--%s: a spec like %s with placement %s has no such thing: leave it out", q.flag, draft.From, draft.Gateway.Placement)
			}
			continue
		}
		if given {
			if err = q.take(&draft, values[number]); err == nil && q.doubt(draft) == nil { // a token that is written out is not repeated
				i.answered(q.flag, values[number])
				i.warn(q, &draft, values[number])
			}
		} else {
			err = i.insist(ctx, q, &draft)
		}
		if err != nil {
			return draft, fmt.Errorf("--%s: %w", q.flag, err)
		}
	}
	return draft, nil
}

// begin takes the library's spec that is given, or asks for one until there is
// one.
func (i *interview) begin(ctx context.Context, from string, given bool) (scenarios.Draft, error) {
	if given || i.lines == nil {
		i.answered("like", from)
		return scenarios.New(from)
	}
	i.tell(templateLines())
	var draft scenarios.Draft
	err := i.again(ctx, "which spec to begin with", from, func(answer string) (err error) {
		if draft, err = scenarios.New(answer); err == nil {
			i.answered("like", answer)
		}
		return err
	})
	return draft, err
}

// mostWrong is how many answers to one question may be wrong.
const mostWrong = 10

// again asks until an answer is taken.
func (i *interview) again(ctx context.Context, asks, usual string, take func(answer string) error) error {
	var wrong error
	for range mostWrong {
		answer, err := i.ask(ctx, asks, usual)
		if err != nil {
			return err
		}
		if wrong = take(answer); wrong == nil {
			return nil
		}
		i.object(wrong)
	}
	return fmt.Errorf("%d answers could not be used. The last one: %w", mostWrong, wrong)
}

// insist asks until the answer makes sense. One that does not suit this machine is taken
// if it is given twice.
func (i *interview) insist(ctx context.Context, q question, draft *scenarios.Draft) error {
	usual := q.usual(draft)
	switch {
	case i.lines != nil:
	case q.alone != nil:
		return q.alone(draft)
	default:
		return q.take(draft, usual)
	}
	if q.offer != nil {
		usual = q.offer(draft, i.around)
	}
	if q.about != nil {
		i.tell(q.about(draft, i.around))
	}
	asks := q.asks
	if usual == "" && q.optional {
		asks += " [none]"
	}
	last := ""
	return i.again(ctx, asks, usual, func(answer string) error {
		if q.means != nil {
			meant, err := q.means(answer, i.around)
			if err != nil {
				return err
			}
			answer = meant
		}
		before := *draft
		wrong := i.wrong(q, draft, answer, last)
		if wrong == nil {
			i.answered(q.flag, answer)
			return nil
		}
		*draft, last = before, answer
		return wrong
	})
}

// wrong takes an answer, and says what is wrong with it. The last answer is that to the
// same question before.
func (i *interview) wrong(q question, draft *scenarios.Draft, answer, last string) error {
	if answer == "" && q.optional {
		return nil
	}
	if answer == "" {
		return errors.New("there is no default here: type an answer")
	}
	if err := q.take(draft, answer); err != nil {
		return err
	}
	if q.unsuited != nil && answer != last {
		if said := q.unsuited(draft, answer, i.around); said != "" {
			return errors.New(said + ". If that will change, answer the same again")
		}
	}
	return q.doubt(*draft)
}

// warn tells a person why the value of a flag, which the draft has, does not suit this machine.
func (i *interview) warn(q question, draft *scenarios.Draft, value string) {
	if i.lines == nil || q.unsuited == nil {
		return
	}
	if said := q.unsuited(draft, value, i.around); said != "" {
		i.object(errors.New("note: " + said))
	}
}

// object says what is wrong with an answer.
func (i *interview) object(wrong error) {
	for line := range strings.SplitSeq(wrong.Error(), "\n") {
		hanging(i.out, "  ", line, 4)
	}
}

// answered notes an answer of a person.
func (i *interview) answered(flag, answer string) {
	if i.lines != nil && answer != "" {
		i.answers = append(i.answers, "--"+flag+" "+quoted(answer))
	}
}

// tell shows a person what there is to choose from.
func (i *interview) tell(lines []string) {
	if i.lines == nil {
		return
	}
	for _, line := range lines {
		head, text := "  ", line
		if _, about, table := strings.Cut(strings.TrimLeft(line, " "), "  "); table {
			text = strings.TrimLeft(about, " ")
			head += strings.TrimSuffix(line, text)
		}
		hanging(i.out, head, text, max(4, len(head)))
	}
}

// errClosed ends an interview whose person is gone.
var errClosed = errors.New("the input ended before all was answered: answer the questions, or give flags")

// answerColumns is how much of a line is left for an answer.
const answerColumns = 12

// ask puts one question. Enter takes the usual answer, and so does nobody being there.
func (i *interview) ask(ctx context.Context, asks, usual string) (string, error) {
	if i.lines == nil {
		return usual, nil
	}
	if usual != "" {
		asks += " [" + usual + "]"
	}
	var lines strings.Builder // that leave room for an answer
	inLines(&lines, max(0, screenOf(i.out).columns()-answerColumns), "", asks+":", 2)
	fmt.Fprint(i.out, strings.TrimSuffix(lines.String(), "\n")+" ")
	select {
	case line, open := <-i.lines:
		if !open {
			fmt.Fprintln(i.out)
			return "", errClosed
		}
		return cmp.Or(line, usual), nil
	case <-ctx.Done():
		fmt.Fprintln(i.out)
		return "", ctx.Err()
	}
}

// keep says, after an interview that came to nothing, how its answers are given again.
func (i *interview) keep(args []string) {
	if len(i.answers) == 0 {
		return
	}
	words := []string{"needwant scenario new"}
	for _, arg := range args {
		words = append(words, quoted(arg))
	}
	laid(i.out, "Nothing was written. To continue with the answers so far: "+typed("%s", strings.Join(append(words, i.answers...), " ")))
}
