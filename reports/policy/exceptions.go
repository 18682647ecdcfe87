package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/needwant/needwant/reports"
)

// AllowExceptions is what an export of [Exceptions] is called.
const AllowExceptions Kind = "exceptions"

// Exceptions are the names to allow although a blocklist has them: one of the
// smallest sets with which everything works.
type Exceptions struct {
	Names  []string
	Device Device
	Proof  []string // what stands behind it, in sentences

	simulated bool
}

// NewExceptions takes them from a run that tested the names of a blocklist. The error
// says why there are none.
func NewExceptions(m reports.Matrix, device Device) (Exceptions, error) {
	switch {
	case m.Run.Only == nil:
		return Exceptions{}, errors.New("the run did not test a blocklist: exceptions need a run with --only LIST")
	case len(m.Allow) == 0:
		return Exceptions{}, errors.New("it is not known yet which names to allow: the run ended too early")
	case len(m.Allow[0]) == 0:
		return Exceptions{}, errors.New("there is nothing to allow: the list is not the cause")
	}
	device, err := device.of(m.Device)
	if err != nil {
		return Exceptions{}, err
	}
	e := Exceptions{Device: device, simulated: m.Run.Simulated, Proof: []string{sentence("%s", m.Summary)}}
	if others := len(m.Allow) - 1; others > 0 {
		e.Proof = append(e.Proof, sentence("This is one of %d sets that are enough; allow is the list of them in the JSON report.", others+1))
	}
	for _, id := range m.Allow[0] {
		name := strings.TrimPrefix(strings.TrimPrefix(id, "dns/"), "*.")
		if !wellFormed(name) {
			return Exceptions{}, fmt.Errorf("%s is not a name that can be allowed", short(harmless(name), 100))
		}
		e.Names = append(e.Names, name)
	}
	return e, nil
}

// ExceptionFormats lists the programs for which [Exceptions.Write] writes.
func ExceptionFormats() []string { return []string{"adguard", "pihole", "dnsmasq", "rpz"} }

// Write writes the exceptions for one program.
func (e Exceptions) Write(format string) (string, error) {
	d := &draft{mark: "#"}
	var how string
	var line func(name string) string
	switch format {
	case "adguard":
		d.mark, how = "!", "Add these to the custom filtering rules. An exception is for the name and all names below it."
		client := ""
		if len(e.Device.Addresses) > 0 {
			client = "$client=" + adguardClient(e.Device)
		}
		line = func(name string) string { return "@@||" + name + "^" + client }
	case "pihole":
		how = "Add these to the allowed domains, each as an exact match. They are allowed for every device."
		line = func(name string) string { return name }
	case "dnsmasq":
		how = "Load these after the list. They are for every device, for the name and all names below it; a line of the list like address=/NAME/0.0.0.0 for the same name has to be deleted."
		line = func(name string) string { return "server=/" + name + "/#" }
	case "rpz":
		d.mark, how = ";", "Put these into a zone of their own before the list's, since the first zone with a name decides. They are for every device, and for the name alone."
		line = func(name string) string { return name + " CNAME rpz-passthru." }
	default:
		return "", fmt.Errorf("%s cannot write exceptions: choose one of %s", format, strings.Join(ExceptionFormats(), ", "))
	}
	if e.simulated {
		d.comment("SIMULATED DEVICE: the run describes a world of the lab. Do not load this for a real device.")
	}
	d.comment("needwant: exceptions from a blocklist for %s", e.Device.title())
	for _, sentence := range append(e.Proof, how) {
		d.comment("%s", sentence)
	}
	for _, name := range e.Names {
		d.line("%s", line(name))
	}
	return d.body.String(), nil
}
