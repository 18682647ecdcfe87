package runfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/needwant/needwant/harness"
)

// The kinds of record. A file from [Create] starts with one run record.
const (
	runRecord    = "run"    // a harness.Run without its results
	resultRecord = "result" // a harness.Result
	orderRecord  = "order"  // a harness.Order
	endRecord    = "end"    // an ending
)

// ending is what [File.Finish] records. A run that was resumed has several;
// the one after its last result counts.
type ending struct {
	Status   harness.Status `json:"status"`
	Why      string         `json:"why,omitempty"`
	Duration time.Duration  `json:"duration"`
}

// record is one row of the journal.
type record struct {
	kind     string
	json     []byte
	checksum []byte
}

// tip is the last record of a journal; the zero tip is that of an empty one.
type tip struct {
	seq      int
	checksum []byte
}

func (t tip) equal(other tip) bool {
	return t.seq == other.seq && bytes.Equal(t.checksum, other.checksum)
}

// next makes the record that follows the tip.
func (t tip) next(kind string, value any) (record, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return record{}, fmt.Errorf("encoding a %s record: %w", kind, err)
	}
	return record{kind, text, t.sum(kind, text)}, nil
}

// follow moves the tip on to the next record, which must belong there.
func (t tip) follow(seq int, r record) (tip, error) {
	if seq != t.seq+1 {
		return t, problem(Damaged, "record %d is missing", t.seq+1)
	}
	if !bytes.Equal(r.checksum, t.sum(r.kind, r.json)) {
		return t, problem(Damaged, "record %d does not match its checksum", seq)
	}
	return tip{seq, r.checksum}, nil
}

func (t tip) sum(kind string, text []byte) []byte {
	hash := sha256.New()
	hash.Write(t.checksum)
	hash.Write([]byte(kind + "\x00"))
	hash.Write(text)
	return hash.Sum(nil)
}
