package page

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/scenarios"
)

// asked is a question that waits for an answer.
type asked struct {
	shown    reports.Ask
	question scenarios.Question
	answer   chan string // has room for one
}

// Ask puts a question to who may act on the page, and returns one of its answers. Only one
// question waits at a time. The error is that of ctx.
func (b *Board) Ask(ctx context.Context, question scenarios.Question) (string, error) {
	until, _ := ctx.Deadline()
	waiting := &asked{
		reports.Ask{ID: rand.Text(), Text: question.Text, Choices: choices(question), Until: until, Picture: question.Picture != nil},
		question, make(chan string, 1),
	}
	b.put(waiting)
	defer b.put(nil)
	select {
	case answer := <-waiting.answer:
		return answer, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (b *Board) put(waiting *asked) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = waiting
	if waiting != nil {
		b.latest = waiting
	}
	b.bump()
}

// picture is that of the latest question, for who may answer. A browser may ask for it
// after the answer.
func (b *Board) picture(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	latest := b.latest
	b.mu.Unlock()
	if r.Context().Value(roleKey{}) != controller || latest == nil || latest.question.Picture == nil || !same(r.PathValue("question"), latest.shown.ID) {
		refuse(w, http.StatusNotFound, "There is no such picture now. "+`<a href="..">Back to the page</a>`)
		return
	}
	w.Header().Set("Content-Type", latest.question.Picture.Type)
	_, _ = w.Write(latest.question.Picture.Data)
}

// choices are the buttons of a question.
func choices(question scenarios.Question) (all []reports.Choice) {
	labels := map[string]string{"yes": "Yes", "no": "No", "unsure": "Not sure", "skip": "Skip"}
	for _, answer := range question.Answers {
		label, known := labels[answer]
		if !known {
			label = answer
		}
		all = append(all, reports.Choice{Answer: answer, Label: label})
	}
	return all
}

// answered takes the answer to the question that waits.
func (b *Board) answered(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	waiting := b.asked
	b.mu.Unlock()
	if waiting == nil || !same(r.PostFormValue("question"), waiting.shown.ID) {
		refuse(w, http.StatusConflict, "That question is over: somebody else answered it, or its time is up. "+back)
		return
	}
	answer, ok := waiting.question.Accepts(r.PostFormValue("answer"))
	if !ok {
		refuse(w, http.StatusBadRequest, "That is not an answer to the question. "+back)
		return
	}
	select {
	case waiting.answer <- answer:
	default: // there is one already
	}
	http.Redirect(w, r, ".", http.StatusSeeOther)
}

const back = `<a href=".">Back to the page</a>`

// allowance is for how long everything is reachable if somebody asks for that.
const allowance = 10 * time.Minute

// mostOrders is how many orders wait to be obeyed. More are refused.
const mostOrders = 16

// Orders are what people want of the run, in the order in which they asked.
func (b *Board) Orders() <-chan harness.Order { return b.orders }

// ordered takes an order.
func (b *Board) ordered(w http.ResponseWriter, r *http.Request) {
	if why := b.order(harness.Do(r.PostFormValue("do")), r.PostFormValue("destination")); why != "" {
		refuse(w, http.StatusConflict, why+" "+back)
		return
	}
	http.Redirect(w, r, ".", http.StatusSeeOther)
}

// order says why the order is not taken; "" if it is. The destination is that of
// [harness.Keep].
func (b *Board) order(do harness.Do, destination string) (why string) {
	content, _, _ := b.now()
	if !slices.Contains(content.Live.Orders, do) {
		return "This cannot be done now."
	}
	order := harness.Order{At: time.Now().UTC(), Do: do}
	if do == harness.Allow {
		order.Until = order.At.Add(allowance)
	}
	if do == harness.Keep {
		d, err := harness.ParseDestination(destination)
		if err != nil || !content.has(d) {
			return "The device has no such destination."
		}
		order.Destination = d
	}
	select {
	case b.orders <- order:
		return ""
	default:
		return "Too many orders wait already."
	}
}
