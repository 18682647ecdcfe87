package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/scenarios"
)

// firmwareOf reads the device's firmware, for a run that is about to begin. The run begins all the
// same if that fails.
func firmwareOf(ctx context.Context, out io.Writer, file scenarios.File) string {
	firmware, err := file.ReadFirmware(ctx)
	if err != nil {
		laid(out, "The device's firmware could not be read: "+reports.Clean(err.Error()))
	}
	return firmware
}

// firmwareWatch waits for a device to report another firmware.
type firmwareWatch struct {
	before string // "" if it is not known: then no firmware is another one
	next   time.Time
	each   time.Duration
	read   func(ctx context.Context) (string, error)
	say    func(text string)
}

// wait waits until due, or until there is another firmware. It reports whether ctx lets the caller continue.
func (w firmwareWatch) wait(ctx context.Context, due time.Time) bool {
	told := ""
	for ctx.Err() == nil && time.Now().Before(due) {
		if w.before == "" || w.next.After(due) {
			w.next = due
		}
		if span.Wait(ctx, time.Until(w.next)) != nil || !time.Now().Before(due) {
			break
		}
		firmware, err := w.read(ctx)
		w.next = time.Now().Add(w.each)
		switch {
		case ctx.Err() != nil:
		case err != nil && err.Error() != told:
			told = err.Error()
			w.say("the device's firmware could not be read: " + told)
		case err == nil && firmware != w.before:
			w.say(fmt.Sprintf("the firmware is %s now, and was %s: the result is tested again", firmware, w.before))
			return true
		}
	}
	return ctx.Err() == nil
}
