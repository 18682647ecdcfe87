package hub

import "github.com/nats-io/nats.go"

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
)
