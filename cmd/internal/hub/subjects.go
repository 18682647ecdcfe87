package hub

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// The subjects of messages. Each names the agent that may use it.
const (
	recordSubjects   = "needwant.run"      // .AGENT.DEVICE.RUN: a record, kept in the stream
	helloSubjects    = "needwant.hello"    // .AGENT: a request, see [hello]
	tellSubjects     = "needwant.tell"     // .AGENT: why the hub rejects a run, see [refusal]
	returnSubjects   = "needwant.return"   // .AGENT: a request, see [returning]
	sceneSubjects    = "needwant.scene"    // .AGENT: what happens in an experiment, see [scene]
	actSubjects      = "needwant.act"      // .AGENT: what a person wants of an experiment, see [act]
	letterSubjects   = "needwant.letter"   // .AGENT: for another agent, see [letter]
	deliverySubjects = "needwant.delivery" // .AGENT: from another agent, see [delivery]
	queueSubjects    = "needwant.queue"    // .AGENT: a request, see [registry.attend]
	adminSubjects    = "needwant.hub"      // .NAME: a request of the hub's user
	inboxSubjects    = "_INBOX"            // .AGENT.>: answers to requests
	streamName       = "NEEDWANT"
	devicesBucket    = "NEEDWANT_DEVICES"
	mostName         = 32 // characters of an agent's name
	mostToken        = 64 // characters of a part of a subject
	directGet        = "$JS.API.DIRECT.GET." + streamName
	numberHeader     = "Needwant-Record"
	kindHeader       = "Needwant-Kind"
	checksumHeader   = "Needwant-Checksum"
	signatureHeader  = "Needwant-Signature" // see [signed]
)

// CheckName reports what is wrong with the name of an agent.
func CheckName(name string) error {
	if len(name) > mostName || !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(name) {
		return fmt.Errorf("%q is not a name of an agent: it has small letters, digits and single hyphens, at most %d, e.g. garage", name, mostName)
	}
	return nil
}

var plainToken = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// token is a name as a part of a subject and of a file's name. Different names have
// different tokens.
func token(name string) string {
	if len(name) <= mostToken && plainToken.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "x" + hex.EncodeToString(sum[:16]) + "_"
}

// recordSubject is where the records of a run go.
func recordSubject(agent, device, run string) string {
	return strings.Join([]string{recordSubjects, agent, token(device), token(run)}, ".")
}

// agentOf is the agent that a subject ends with.
func agentOf(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }

// source is where a record comes from.
type source struct{ agent, device, run string }

// sourceOf is the source that a subject names.
func sourceOf(subject string) (source, bool) {
	parts := strings.Split(strings.TrimPrefix(subject, recordSubjects+"."), ".")
	if len(parts) != 3 || CheckName(parts[0]) != nil {
		return source{}, false
	}
	for _, part := range parts[1:] {
		if len(part) > mostToken || !plainToken.MatchString(part) {
			return source{}, false
		}
	}
	return source{parts[0], parts[1], parts[2]}, true
}

func (s source) subject() string {
	return strings.Join([]string{recordSubjects, s.agent, s.device, s.run}, ".")
}

// file is the name of the run file of a source.
func (s source) file() string { return strings.Join([]string{s.agent, s.device, s.run, "run"}, ".") }

// AgentOf is the agent that a run file of [Directory.Runs] comes from.
func AgentOf(file string) string {
	agent, _, _ := strings.Cut(file, ".")
	return agent
}

// IsOf reports whether a run file of [Directory.Runs] is one of a device.
func (d Known) IsOf(file string) bool {
	return strings.HasPrefix(file, d.Agent+"."+token(d.Name)+".")
}

// IsQueued reports whether a run file of [Directory.Runs] carries out the device's entry of the queue.
func (d Known) IsQueued(file string) bool {
	return d.Entry != nil && file == source{d.Agent, token(d.Name), token(d.Entry.ID)}.file()
}
