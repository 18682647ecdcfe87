package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/capture"
)

// recording keeps the packets of an experiment.
type recording struct {
	file *capture.File // nil where nobody asked for it
	taps []*capture.Tap
}

// tapped is a lane whose device can be listened to.
type tapped interface {
	Capture(file *capture.File, name string, secrets [][]byte) (*capture.Tap, error)
}

// record lets --pcap have what passes on the lanes, except for secrets. The lanes
// that it returns say which trial a packet belongs to. Close it in any case.
func (d *display) record(lanes []harness.Lane, secrets []string) (said []harness.Lane, r *recording, err error) {
	r = &recording{}
	if d.pcap == "" {
		return lanes, r, nil
	}
	if r.file, err = capture.Create(d.pcap); err != nil {
		return nil, r, usage(err)
	}
	for i, lane := range lanes {
		able, can := lane.(tapped)
		if !can {
			return nil, r, unfit(errors.Join(errors.New("--pcap: this lane cannot be listened to"), r.end()))
		}
		tap, err := able.Capture(r.file, fmt.Sprintf("lane %d", i+1), forms(secrets))
		if err != nil {
			return nil, r, unfit(errors.Join(err, r.end()))
		}
		r.taps = append(r.taps, tap)
		said = append(said, &spoken{lane, tap})
	}
	return said, r, nil
}

// forms are the ways in which a secret may stand in a packet: as it is written,
// and where that is in hexadecimal, as bytes and in capital letters.
func forms(secrets []string) (all [][]byte) {
	for _, secret := range secrets {
		all = append(all, []byte(secret))
		if raw, err := hex.DecodeString(secret); err == nil {
			all = append(all, raw, []byte(strings.ToUpper(secret)), []byte(strings.ToLower(secret)))
		}
	}
	return all
}

// close ends the recording. That packets are missing is no reason to lose an
// experiment: it is told.
func (r *recording) close(notes io.Writer) {
	if err := r.end(); err != nil {
		fmt.Fprintln(notes, err)
	}
}

func (r *recording) end() error {
	if r.file == nil {
		return nil
	}
	var errs []error
	for _, tap := range r.taps {
		errs = append(errs, tap.Close())
	}
	errs = append(errs, r.file.Close())
	r.file, r.taps = nil, nil
	return errors.Join(errs...)
}

// spoken is a lane that says of each packet which trial it belongs to.
type spoken struct {
	harness.Lane
	tap *capture.Tap
}

// Whatever the lane may be told, it is told through the recording, too.
var _ interface {
	harness.Abandoner
	harness.Lifter
	harness.Learner
} = (*spoken)(nil)

// Run carries out one trial.
func (s *spoken) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	s.tap.Say(remark(trial))
	defer s.tap.Say("between two trials")
	return s.Lane.Run(ctx, trial)
}

// Abandon gives the trial up, where the lane can.
func (s *spoken) Abandon() {
	if able, can := s.Lane.(harness.Abandoner); can {
		able.Abandon()
	}
}

// Lift gives a trial up at once, where the lane can.
func (s *spoken) Lift(trial int) {
	if able, can := s.Lane.(harness.Lifter); can {
		able.Lift(trial)
	}
}

// Learn tells the lane how often destinations are contacted, where it can be told.
func (s *spoken) Learn(periods map[harness.Destination]time.Duration) {
	if able, can := s.Lane.(harness.Learner); can {
		able.Learn(periods)
	}
}

// few is how many destinations a remark names.
const few = 3

// remark says in a few words what a trial is.
func remark(trial harness.Trial) string {
	if trial.Control() {
		return fmt.Sprintf("trial %d: nothing blocked", trial.Number)
	}
	var names []string
	for _, destination := range trial.Block[:min(few, len(trial.Block))] {
		names = append(names, destination.String())
	}
	if more := len(trial.Block) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("trial %d: %s of %s", trial.Number, trial.Fault, strings.Join(names, ", "))
}
