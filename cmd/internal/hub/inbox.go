package hub

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/needwant/needwant/harness/runfile"
)

// The limits of what the hub has in hand.
const (
	mostOpen  = 256             // run files: as many as are written at the same time, since opening one reads it
	mostBatch = 64              // records before those on the disk are removed from the stream
	mostAhead = 32 << 20        // bytes of records that were received and not yet written
	fullPause = 5 * time.Second // before a disk that was full is tried again
)

// inbox writes the records of the stream to run files.
type inbox struct {
	directory Directory
	stream    jetstream.Stream
	keys      func(agent string) string // an agent's public key; "" if it is not let in
	say       func(string)
	tell      func(agent string, r refusal)
	open      []*copied         // the last is the one that was used last
	written   map[string]uint64 // by subject: the last message that is on the disk, and not yet removed from the stream
}

// copied is the open copy of a run file.
type copied struct {
	source source
	file   *runfile.File
}

// refusal says why the hub does not take the records of a run.
type refusal struct {
	Subject string `json:"subject"`
	Why     string `json:"why"`
}

// run receives until ctx ends or the connection is lost.
func (i *inbox) run(ctx context.Context) error {
	i.written = map[string]uint64{}
	defer i.close()
	consumer, err := i.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxBytes(mostAhead))
	if err != nil {
		return err
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	for {
		message, err := messages.Next()
		if err != nil {
			return err
		}
		meta, err := message.Metadata()
		if err != nil {
			return err
		}
		if err := i.receive(ctx, message, meta.Sequence.Stream); err != nil {
			return err
		}
		if meta.NumPending == 0 || len(i.written) >= mostBatch {
			if err := i.sweep(ctx); err != nil {
				return err
			}
		}
	}
}

// receive writes a record, and waits as long as the disk is full. The error is that of ctx or of the server.
func (i *inbox) receive(ctx context.Context, message jetstream.Msg, at uint64) error {
	from, ok := sourceOf(message.Subject())
	if !ok {
		i.say(fmt.Sprintf("a message to %q is rejected: no agent uses that subject", message.Subject()))
		return i.remove(ctx, at)
	}
	record, err := i.record(from, message)
	if err != nil {
		i.say(fmt.Sprintf("agent %s: a message about device %s is rejected: %v", from.agent, from.device, err))
		return i.remove(ctx, at)
	}
	for {
		err := i.write(ctx, from, record)
		switch {
		case err == nil:
			i.written[from.subject()] = at
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, runfile.Incomplete):
			// Without the others, the agent begins with the first one.
			delete(i.written, from.subject())
			i.say(fmt.Sprintf("agent %s, device %s: records are missing, and are sent again", from.agent, from.device))
			return i.stream.Purge(ctx, jetstream.WithPurgeSubject(from.subject()))
		case errors.Is(err, runfile.NoSpace), errors.Is(err, runfile.NotWritable), errors.Is(err, runfile.Unreadable), errors.Is(err, runfile.InUse):
			i.say(fmt.Sprintf("nothing more is received: %v", err))
			i.close()
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(fullPause):
			}
		default:
			i.say(fmt.Sprintf("agent %s, device %s: record %d is rejected, and nothing was changed: %v", from.agent, from.device, record.Number, err))
			i.tell(from.agent, refusal{from.subject(), err.Error()})
			return i.remove(ctx, at)
		}
	}
}

// record reads a message.
func (i *inbox) record(from source, message jetstream.Msg) (r runfile.Record, err error) {
	key := i.keys(from.agent)
	if key == "" {
		return r, errors.New("there is no such agent")
	}
	if !isFrom(key, &nats.Msg{Subject: message.Subject(), Header: message.Headers(), Data: message.Data()}) {
		return r, errors.New("that agent did not sign it")
	}
	if r.Number, err = strconv.Atoi(message.Headers().Get(numberHeader)); err != nil {
		return r, errors.New("it has no number")
	}
	if r.Checksum, err = hex.DecodeString(message.Headers().Get(checksumHeader)); err != nil {
		return r, errors.New("it has no checksum")
	}
	r.Kind, r.Text = message.Headers().Get(kindHeader), message.Data()
	return r, nil
}

// write adds a record to the run file of its source.
func (i *inbox) write(ctx context.Context, from source, record runfile.Record) error {
	file, err := i.file(ctx, from, record)
	if err != nil {
		return err
	}
	return file.Receive(record)
}

// file is the run file of a source, which the record begins if there is none.
func (i *inbox) file(ctx context.Context, from source, record runfile.Record) (*runfile.File, error) {
	for n, c := range i.open {
		if c.source == from {
			i.open = append(append(i.open[:n:n], i.open[n+1:]...), c)
			return c.file, nil
		}
	}
	path := filepath.Join(i.directory.Runs(), from.file())
	file, _, err := runfile.Open(ctx, path)
	if errors.Is(err, runfile.Missing) {
		if err := i.room(); err != nil {
			return nil, err
		}
		file, err = runfile.Copy(path, record)
	} else if errors.Is(err, runfile.Foreign) && empty(path) { // the hub was killed before it wrote the first record
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		file, err = runfile.Copy(path, record)
	}
	if err != nil {
		return nil, err
	}
	if len(i.open) >= mostOpen {
		_ = i.open[0].file.Close()
		i.open = i.open[1:]
	}
	i.open = append(i.open, &copied{from, file})
	return file, nil
}

// room reports as an error that there are too many run files.
func (i *inbox) room() error {
	paths, err := i.directory.runs()
	if err != nil {
		return err
	}
	if len(paths) >= mostRuns {
		return fmt.Errorf("%s has %d run files, and at most %d are possible: move those that are no longer needed elsewhere", i.directory.Runs(), len(paths), mostRuns)
	}
	return nil
}

// empty reports whether no record was committed to a file.
func empty(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() == 0
}

// sweep removes from the stream what is on the disk, except for the last record of each
// run, by which the agent knows where to continue.
func (i *inbox) sweep(ctx context.Context) error {
	for subject, at := range i.written {
		if err := i.stream.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(at)); err != nil {
			return err
		}
		delete(i.written, subject)
	}
	return nil
}

func (i *inbox) remove(ctx context.Context, at uint64) error {
	err := i.stream.DeleteMsg(ctx, at)
	if errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
		return nil
	}
	return err
}

func (i *inbox) close() {
	for _, c := range i.open {
		_ = c.file.Close()
	}
	i.open = nil
}
