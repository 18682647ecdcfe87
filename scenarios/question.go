package scenarios

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// Question is what a person is asked.
type Question struct {
	Text    string
	Answers []string // the words that are taken for an answer; none takes any line
	Picture *Picture // nil if there is none
}

// Asker puts a question to a person, and returns one of its answers. The error is that
// of ctx, or says why there is no answer.
type Asker func(ctx context.Context, question Question) (string, error)

// Accepts returns the answer that a line stands for: the word, or what only one of the
// words begins with. It reports whether there is one.
func (q Question) Accepts(line string) (answer string, ok bool) {
	line = strings.TrimSpace(line)
	if len(q.Answers) == 0 {
		return line, true
	}
	line = strings.ToLower(line)
	if slices.Contains(q.Answers, line) {
		return line, true
	}
	for _, word := range q.Answers {
		if line == "" || !strings.HasPrefix(word, line) {
			continue
		}
		if ok {
			return "", false
		}
		answer, ok = word, true
	}
	return answer, ok
}

// What a person may answer if the question has no answer now.
const (
	unsure = "unsure" // the answer is not known
	skip   = "skip"   // the person does not want to look
)

// question asks what an expectation is about: yes or no, unless it names other words.
func question(text, expect string) Question {
	for _, word := range regexp.MustCompile(`"[^"]*"|'[^']*'`).FindAllString(expect, -1) {
		if !slices.Contains([]string{"yes", "no"}, word[1:len(word)-1]) {
			return Question{Text: text}
		}
	}
	return Question{Text: text, Answers: []string{"yes", "no", unsure, skip}}
}
