package bench

import "github.com/needwant/needwant/harness"

// NewStand is a device that is behind a gateway already, by a way that may go.
func NewStand(bench *harness.Bench, way way) *Stand { return &Stand{Bench: bench, way: way} }
