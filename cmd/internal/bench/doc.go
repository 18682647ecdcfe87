// Package bench puts a real device on the bench: it carries out the placement
// that a spec asks for, puts the gateway there, waits for the device, and points
// the spec's scenarios at it. Package lablane does the same with a simulated
// device.
package bench
