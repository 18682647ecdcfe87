package page

import (
	"context"
	"crypto/rand"
	"html"
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

// Act is what a person does on a page, one of these: answer a question, give an order, or look at the
// picture of a question.
type Act struct {
	Question string `json:"question,omitempty"` // its id
	Answer   string `json:"answer,omitempty"`   // to Question

	Do          harness.Do `json:"do,omitempty"`
	Destination string     `json:"destination,omitempty"` // of [harness.Keep]

	Picture string `json:"picture,omitempty"` // the id of its question
}

// Reply is what comes of an [Act].
type Reply struct {
	Status  int                `json:"status"`            // of HTTP; [http.StatusOK] if it is done
	Why     string             `json:"why,omitempty"`     // why the request was not carried out, as a sentence
	Picture *scenarios.Picture `json:"picture,omitempty"` // if one was asked for
}

var done = Reply{Status: http.StatusOK}

// Relay has another program carry out what people do on this page: the one that shows what this page
// repeats.
func (b *Board) Relay(act func(context.Context, Act) Reply) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.relay = act
}

// act carries out what a person does on the page.
func (b *Board) act(ctx context.Context, act Act) Reply {
	b.mu.Lock()
	relay := b.relay
	b.mu.Unlock()
	if relay != nil {
		return relay(ctx, act)
	}
	return b.Do(act)
}

// Do carries out what a person does, unless this is not possible now.
func (b *Board) Do(act Act) Reply {
	switch {
	case act.Picture != "":
		return b.picture(act.Picture)
	case act.Question != "":
		return b.answer(act.Question, act.Answer)
	}
	return b.order(act.Do, act.Destination)
}

// picture is that of the latest question. A browser may ask for it after the answer.
func (b *Board) picture(question string) Reply {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.latest == nil || b.latest.question.Picture == nil || !same(question, b.latest.shown.ID) {
		return Reply{Status: http.StatusNotFound, Why: "This picture is not shown any more."}
	}
	return Reply{Status: http.StatusOK, Picture: b.latest.question.Picture}
}

// illustrated sends the picture of a question to who may answer.
func (b *Board) illustrated(w http.ResponseWriter, r *http.Request) {
	reply := Reply{Status: http.StatusNotFound, Why: "This picture is not shown any more."}
	if r.Context().Value(roleKey{}) == controller {
		reply = b.act(r.Context(), Act{Picture: r.PathValue("question")})
	}
	if reply.Picture == nil || !reply.Picture.Valid() {
		reply.refuse(w, `<a href="..">Back to the page</a>`)
		return
	}
	w.Header().Set("Content-Type", reply.Picture.Type)
	_, _ = w.Write(reply.Picture.Data)
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
	b.acted(w, r, Act{Question: r.PostFormValue("question"), Answer: r.PostFormValue("answer")})
}

// acted carries out what a person does, and sends the browser back to the page.
func (b *Board) acted(w http.ResponseWriter, r *http.Request, act Act) {
	if reply := b.act(r.Context(), act); reply.Status != http.StatusOK {
		reply.refuse(w, back)
		return
	}
	http.Redirect(w, r, ".", http.StatusSeeOther)
}

// refuse says why something is not done. Another program may have said so.
func (r Reply) refuse(w http.ResponseWriter, link string) {
	status := r.Status
	if status < http.StatusBadRequest || status > 599 {
		status = http.StatusBadGateway
	}
	refuse(w, status, html.EscapeString(r.Why)+" "+link)
}

// answer takes the answer to the question that waits.
func (b *Board) answer(question, answer string) Reply {
	b.mu.Lock()
	waiting := b.asked
	b.mu.Unlock()
	if waiting == nil || !same(question, waiting.shown.ID) {
		return not("That question is over: somebody else answered it, or its time is up.")
	}
	accepted, ok := waiting.question.Accepts(answer)
	if !ok {
		return Reply{Status: http.StatusBadRequest, Why: "That is not an answer to the question."}
	}
	select {
	case waiting.answer <- accepted:
	default: // there is one already
	}
	return done
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
	b.acted(w, r, Act{Do: harness.Do(r.PostFormValue("do")), Destination: r.PostFormValue("destination")})
}

// order takes an order, unless it makes no sense now. The destination is that of [harness.Keep].
func (b *Board) order(do harness.Do, destination string) Reply {
	content, _, _ := b.now()
	if !slices.Contains(content.Live.Orders, do) {
		return not("This cannot be done now.")
	}
	order := harness.Order{At: time.Now().UTC(), Do: do}
	if do == harness.Allow {
		order.Until = order.At.Add(allowance)
	}
	if do == harness.Keep {
		d, err := harness.ParseDestination(destination)
		if err != nil || !content.has(d) {
			return not("The device has no such destination.")
		}
		order.Destination = d
	}
	select {
	case b.orders <- order:
		return done
	default:
		return not("Too many orders wait already.")
	}
}

func not(why string) Reply { return Reply{Status: http.StatusConflict, Why: why} }
