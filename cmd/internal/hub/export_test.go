package hub

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Connect connects to the server of a hub under way as the hub itself.
func (d Directory) Connect() (*nats.Conn, error) {
	address, err := d.address()
	if err != nil {
		return nil, err
	}
	login, err := d.login()
	if err != nil {
		return nil, err
	}
	return nats.Connect(address, login...)
}

// Limit changes how many bytes the stream of a hub under way may have, and how many it has.
func (d Directory) Limit(ctx context.Context, bytes int64) (uint64, error) {
	connection, err := d.Connect()
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	js, err := jetstream.New(connection)
	if err != nil {
		return 0, err
	}
	stream, err := js.Stream(ctx, streamName)
	if err != nil {
		return 0, err
	}
	config := stream.CachedInfo().Config
	config.MaxBytes = bytes
	_, err = js.UpdateStream(ctx, config)
	return stream.CachedInfo().State.Bytes, err
}

// For specs: what an agent with bad intentions would do.

// RecordSubject is where the records of a run go.
var RecordSubject = recordSubject

// Connection is the link's own.
func (l *Link) Connection() *nats.Conn { return l.connection }

// Sign signs a message as this agent.
func (l *Link) Sign(message *nats.Msg) error { return l.signer.sign(message) }

// The headers of a record.
const (
	NumberHeader   = numberHeader
	KindHeader     = kindHeader
	ChecksumHeader = checksumHeader
	MostRecord     = mostRecord
	DirectGet      = directGet
	MostDevices    = mostDevices
)

// HelloSubjects are the subjects of requests for devices.
const HelloSubjects = helloSubjects

// The subjects of what happens in experiments, and of what people want of them.
const (
	SceneSubjects = sceneSubjects
	ActSubjects   = actSubjects
)

// The subjects of letters between agents.
const (
	LetterSubjects   = letterSubjects
	DeliverySubjects = deliverySubjects
	MostLetter       = mostLetter
)

// QueueSubjects are the subjects of requests about the queue.
const QueueSubjects = queueSubjects

// Give is what an agent gets from the queue for a device that is free.
func Give(known Known, now time.Time) (next Known, given *Entry) { return known.give(now) }
