package hub

import (
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
)

// Agents lend devices to each other. The hub relays what they say: an agent sends a letter under its own
// name, and the hub delivers it under the name of the agent that it is for. Both are signed. Nothing is stored, and a letter
// that is lost, late, or comes twice changes nothing: see [Link.Lend].

// letter is what an agent sends to another one.
type letter struct {
	Instance string  `json:"instance"` // of the process that sends it
	To       string  `json:"to"`       // an agent
	Ask      *ask    `json:"ask,omitempty"`
	Answer   *answer `json:"answer,omitempty"`
}

// delivery is a letter as the hub delivers it.
type delivery struct {
	From   string  `json:"from"` // an agent
	Ask    *ask    `json:"ask,omitempty"`
	Answer *answer `json:"answer,omitempty"`
}

// mostLetter is how many bytes a letter has: the result of a trial fits if it fits into a run file.
const mostLetter = mostRecord - 64<<10

// relay delivers a letter.
func (h *Hub) relay(connection *nats.Conn, message *nats.Msg) {
	agent := agentOf(message.Subject)
	var l letter
	wrong := ""
	switch key := h.key(agent); {
	case len(message.Data) > mostLetter:
		wrong = "a letter to another agent is too long"
	case key == "" || !isFrom(key, message):
		wrong = "a letter to another agent was not signed by the agent that sent it"
	case json.Unmarshal(message.Data, &l) != nil || h.key(l.To) == "":
		wrong = "a letter cannot be read, or the agent that it is for does not exist"
	case !h.registry.serves(agent, l.Instance):
		return // it has not said hello yet, or another process of the agent has
	}
	if wrong != "" {
		h.notes.say(fmt.Sprintf("agent %.40q: %s", agent, wrong))
		return
	}
	forward := nats.NewMsg(deliverySubjects + "." + l.To)
	var err error
	if forward.Data, err = json.Marshal(delivery{agent, l.Ask, l.Answer}); err != nil {
		return
	}
	if h.own.sign(forward) == nil {
		_ = connection.PublishMsg(forward) // what is lost is asked again
	}
}

// write sends a letter. It reports whether the letter was not too long.
func (l *Link) write(to string, a *ask, b *answer) bool {
	message := nats.NewMsg(letterSubjects + "." + l.agent)
	var err error
	if message.Data, err = json.Marshal(letter{l.instance, to, a, b}); err != nil || len(message.Data) > mostLetter {
		return false
	}
	if l.signer.sign(message) == nil {
		_ = l.connection.PublishMsg(message)
	}
	return true
}

// delivered receives a letter.
func (l *Link) delivered(message *nats.Msg) {
	var d delivery
	if !isFrom(l.hub, message) || json.Unmarshal(message.Data, &d) != nil {
		l.say("a letter of another agent is rejected: this agent's hub did not sign it, or it cannot be read")
		return
	}
	l.mu.Lock()
	var lent *loan
	var borrowed *Lane
	switch {
	case d.Ask != nil:
		lent = l.lent[d.Ask.Device]
	case d.Answer != nil:
		borrowed = l.borrowed[d.Answer.Session]
	}
	l.mu.Unlock()
	switch {
	case lent != nil:
		lent.take(d.From, *d.Ask)
	case d.Ask != nil && len(d.Ask.Session) <= mostText:
		l.write(d.From, nil, &answer{Session: d.Ask.Session, Number: d.Ask.Number, State: over, Why: "it does not lend a device of this name"})
	case borrowed != nil && borrowed.agent == d.From:
		borrowed.take(*d.Answer)
	}
}
