package hub

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

// How long an agent waits.
const (
	glance       = 500 * time.Millisecond // between two looks whether a run file has grown
	comparison   = 15 * time.Second       // after which the stream is asked again what it has
	requestLimit = 10 * time.Second       // for an answer of the server
	firstPause   = 500 * time.Millisecond // after a failure; each next one is twice as long
	longestPause = 15 * time.Second
)

// outbox sends the records of one run file.
type outbox struct {
	link    *Link
	path    string
	device  string
	subject string // "" until the run is known
	last    int    // the record that the stream has; -1 if it has to be asked
	at      uint64 // where in the stream that is
	asked   time.Time
	sent    func(records int) // is told how many records the hub has
}

// run sends what is in the file, and what is added to it, until ctx ends. Once drain is
// closed it returns as soon as everything is sent. It reports whether everything was.
func (o *outbox) run(ctx context.Context, drain <-chan struct{}) bool {
	pause := firstPause
	for {
		more, err := o.step(ctx)
		var wait time.Duration
		switch {
		case ctx.Err() != nil:
			return false
		case err != nil:
			o.last = -1
			if !errors.Is(err, errCutOff) { // that is said once, by the link
				o.link.say(fmt.Sprintf("%s: the hub does not have all records: %v", o.path, err))
			}
			wait = pause
			pause = min(2*pause, longestPause)
		case more:
			pause = firstPause
			continue
		default:
			pause, wait = firstPause, glance
			select {
			case <-drain:
				return true
			default:
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-o.link.closed:
			return false
		case <-time.After(wait):
		}
	}
}

// errCutOff is that the hub is not reachable.
var errCutOff = errors.New("the hub is not reachable")

// step sends what is new. It reports whether there may be more.
func (o *outbox) step(ctx context.Context) (more bool, err error) {
	if _, err := os.Lstat(o.path); err != nil { // the run has not begun
		return false, nil
	}
	if o.subject == "" {
		if err := o.find(ctx); err != nil {
			return false, err
		}
	}
	if why := o.link.refused(o.subject); why != "" {
		return false, nil // the user was told; only a restart of the agent tries again
	}
	if o.last < 0 || time.Since(o.asked) > comparison {
		if err := o.ask(ctx); err != nil {
			return false, err
		}
	}
	records, err := runfile.Records(ctx, o.path, o.last)
	if err != nil {
		return false, err
	}
	for _, record := range records {
		if err := o.send(ctx, record); err != nil {
			return false, err
		}
	}
	return len(records) > 0, nil
}

// find reads which run it is.
func (o *outbox) find(ctx context.Context) error {
	records, err := runfile.Records(ctx, o.path, 0)
	if err != nil || len(records) == 0 {
		return err
	}
	var run harness.Run
	if err := json.Unmarshal(records[0].Text, &run); err != nil {
		return err
	}
	o.subject, o.last = recordSubject(o.link.agent, o.device, run.ID), -1
	return nil
}

// ask asks the stream for the last record that it has of the run.
func (o *outbox) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	request := nats.NewMsg(directGet + "." + o.subject)
	reply, err := o.link.connection.RequestMsgWithContext(ctx, request)
	if err != nil {
		return cutOff(err)
	}
	switch status := reply.Header.Get("Status"); status {
	case "":
	case "404": // the stream has none
		o.last, o.at, o.asked = 0, 0, time.Now()
		return nil
	default:
		return fmt.Errorf("the stream answers: %s %s", status, reply.Header.Get("Description"))
	}
	at, err := strconv.ParseUint(reply.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return fmt.Errorf("the stream gives no number of a message: %w", err)
	}
	number, err := strconv.Atoi(reply.Header.Get(numberHeader))
	if err != nil {
		return errors.New("the stream has a message that is not a record; the hub removes it")
	}
	if err := o.same(ctx, number, reply.Header.Get(checksumHeader)); err != nil {
		return err
	}
	o.last, o.at, o.asked = number, at, time.Now()
	return nil
}

// same compares a record of the stream with that of the file.
func (o *outbox) same(ctx context.Context, number int, checksum string) error {
	records, err := runfile.Records(ctx, o.path, number-1)
	if err != nil {
		return err
	}
	if len(records) == 0 || hex.EncodeToString(records[0].Checksum) != checksum {
		return fmt.Errorf("the hub has another record %d of this run: was the run file replaced by an older copy? Begin a new run in another file, or give the hub's copy back", number)
	}
	return nil
}

// send sends one record, and waits until the stream has it on its disk. The stream accepts
// it only after the record before it.
func (o *outbox) send(ctx context.Context, record runfile.Record) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	message := nats.NewMsg(o.subject)
	message.Data = record.Text
	message.Header.Set(numberHeader, strconv.Itoa(record.Number))
	message.Header.Set(kindHeader, record.Kind)
	message.Header.Set(checksumHeader, hex.EncodeToString(record.Checksum))
	if err := o.link.signer.sign(message); err != nil {
		return err
	}
	// The position is a part of the id, so that a record that the hub asks for again is not
	// taken for a duplicate.
	id := fmt.Sprintf("%s/%d/%d", o.subject, record.Number, o.at)
	ack, err := o.link.stream.PublishMsg(ctx, message, jetstream.WithMsgID(id), jetstream.WithExpectLastSequencePerSubject(o.at))
	if err != nil {
		return o.failure(record, err)
	}
	o.last, o.at = record.Number, ack.Sequence
	if o.sent != nil {
		o.sent(o.last)
	}
	return nil
}

// failure says what a failure to send a record means.
func (o *outbox) failure(record runfile.Record, err error) error {
	api, ok := errors.AsType[*jetstream.APIError](err)
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("record %d has %d bytes, and the server accepts %d in a message: raise its max_payload", record.Number, len(record.Text), o.link.connection.MaxPayload())
	case ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant):
		o.last = -1
		return errCutOff // something else was there first, such as this record: ask again
	case ok && bytes.Contains([]byte(api.Description), []byte("maximum")), ok && api.Code == 503:
		return fmt.Errorf("the hub has no room for it: %s. The records stay in this file, and are sent once there is room", api.Description)
	}
	return cutOff(err)
}

// cutOff is the error of a request that got no answer.
func cutOff(err error) error {
	for _, kind := range []error{context.DeadlineExceeded, nats.ErrTimeout, nats.ErrConnectionClosed, nats.ErrDisconnected, nats.ErrNoResponders, nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, jetstream.ErrNoStreamResponse} {
		if errors.Is(err, kind) {
			return fmt.Errorf("%w (%w)", errCutOff, err)
		}
	}
	return err
}
