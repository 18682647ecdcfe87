package main

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/clipperhouse/displaywidth"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/scenarios"
)

// ending is what a command that ran for long says last, on stderr: where the run was
// saved, the state of the network, and what to do next.
type ending struct {
	saved   string            // the run file; "" if the run is not saved
	unsaved string            // why not, if that was not wanted
	spec    string            // as the user named it; "" for a world, or if the file does not exist
	gateway scenarios.Gateway // of the spec; no placement if the network was not touched now
	policy  string            // the run file whose policy the gateway applied; "" if none
	page    bool              // the HTML report was written just now
}

// write says it of a run. A run that failed with nothing blocked, or was interrupted,
// has its next command in its error.
func (e ending) write(out io.Writer, run harness.Run) {
	say := func(format string, args ...any) { laid(out, fmt.Sprintf(format, args...)) }
	if e.saved != "" {
		say("The run is saved in %s.", e.saved)
	}
	if e.unsaved != "" {
		say("%s. Next time: --out FILE saves it elsewhere.", e.unsaved)
	}
	if state := network(e.gateway, e.spec, e.policy); state != "" {
		say("%s", state)
	}
	if next := e.next(run); next != "" {
		say("Next: %s", next)
	}
}

// next is the command that a run leads to, and what it does.
func (e ending) next(run harness.Run) string {
	file := quoted(e.saved)
	switch {
	case e.saved == "":
		return ""
	case run.Status == harness.OverBudget:
		return moreBudget(run, e.saved) + " continues the run."
	case run.Status != harness.Complete:
		return ""
	case run.Settings.Only != nil:
		return e.exceptions(run)
	case run.Settings.Simulated:
		return e.browser("; ") + ownDevice
	case needsAll(harness.Judge(run)):
		return e.browser(". ") + "There are no rules to write, since nothing can be blocked."
	}
	if run.Settings.ByName {
		return typed("needwant export %s%s --format adguard", file, e.device(run)) + " writes the list (or dnsmasq, hosts); " +
			onRun(run, "verify %s%s", file, e.permission()) + " tests it on the device."
	}
	return typed("needwant export %s%s --format nft", file, e.device(run)) + " writes the rules; " + onRun(run, "verify %s%s", file, e.permission()) + " tests them on the device."
}

// ownDevice is what a run on a simulated device leads to.
const ownDevice = "needwant scenario new describes your own device."

// browser is the command that shows the run in a browser, and what comes before the next
// sentence; "" if that page was written just now.
func (e ending) browser(between string) string {
	if e.page {
		return ""
	}
	return typed("needwant report %s --format html > report.html", quoted(e.saved)) + " shows it in a browser" + between
}

// onTerminal writes a message for a person. A program that reads the output does not need it.
func onTerminal(out io.Writer, text string) {
	if screenOf(out).live() {
		laid(out, text)
	}
}

// reported writes what a report of a run leads to. Only a person at a terminal needs that.
func (e ending) reported(out io.Writer, run harness.Run) {
	if !screenOf(out).live() {
		return
	}
	if run.Status != harness.Complete {
		laid(out, e.saved+" holds "+held(run, e.saved)+".")
	} else if next := e.next(run); next != "" {
		laid(out, "Next: "+next)
	}
}

// exported is the same of rules or a list, given the flags with which verify tests them.
func (e ending) exported(out io.Writer, run harness.Run, flags string) {
	switch {
	case !screenOf(out).live():
	case run.Settings.Simulated:
		laid(out, "Next: "+ownDevice)
	case run.Status != harness.Complete:
		laid(out, e.saved+" holds "+held(run, e.saved)+".")
	case run.Settings.Only == nil:
		laid(out, "Next: "+onRun(run, "verify %s%s%s", quoted(e.saved), flags, e.permission())+" tests on the device that it works with this policy.")
	}
}

// needsAll reports whether it is known that nothing can be blocked with everything still
// working.
func needsAll(judgement harness.Judgement) bool {
	return slices.ContainsFunc(judgement.Safe, func(s harness.SafeList) bool {
		return len(s.Columns) == len(judgement.Columns) && len(s.Destinations) == 0
	})
}

// exceptions is the command that writes the names to allow; "" if there are none.
func (e ending) exceptions(run harness.Run) string {
	if allow := harness.Judge(run).Allow; len(allow) == 0 || len(allow[0]) == 0 {
		return ""
	}
	simulated := ""
	if run.Settings.Simulated {
		simulated = " --simulated"
	}
	return typed("needwant export %s --policy exceptions --format adguard%s%s", quoted(e.saved), e.device(run), simulated) +
		" writes the exceptions for your list; pihole, dnsmasq and rpz are formats, too."
}

// device is the flag of export that says what the device's address is: its spec, or without
// one, the address that needwant why was given, which is the device's name then.
func (e ending) device(run harness.Run) string {
	if e.spec != "" {
		return " --spec " + quoted(e.spec)
	}
	if address, err := netip.ParseAddr(run.Device.Name); err == nil {
		return " --address " + quoted(address.String())
	}
	return ""
}

// permission is the flag that the scenarios of the spec need.
func (e ending) permission() string {
	if file, err := scenarios.Find(e.spec); e.spec != "" && err == nil {
		return permission(file)
	}
	return ""
}

// left says of a command that had a device behind the gateway, and is over, what came of it,
// how the network is, and what to do next. An empty text is left out.
func (e ending) left(out io.Writer, result, next string) {
	for _, line := range []string{result, network(e.gateway, e.spec, e.policy), next} {
		if line != "" {
			laid(out, line)
		}
	}
}

// asRoot is a command of needwant as it must be typed for a device behind this gateway.
func asRoot(gateway scenarios.Gateway, command string) string {
	if gateway.Placement == scenarios.Lab {
		return typed("needwant %s", command)
	}
	return typed("sudo -E needwant %s", command)
}

// onRun is a command of needwant as it must be typed for the device of a run.
func onRun(run harness.Run, format string, args ...any) string {
	if run.Settings.Simulated {
		return typed("needwant "+format, args...)
	}
	return typed("sudo -E needwant "+format, args...)
}

// resuming is the command that continues a run.
func resuming(run harness.Run, path string) string {
	lent := func(r harness.Replica) bool { _, lent, _ := lentReplica(r.Source); return lent }
	if slices.ContainsFunc(run.Settings.Replicas, lent) {
		return onRun(run, "resume %s --hub ADDRESS --creds FILE", quoted(path))
	}
	return onRun(run, "resume %s", quoted(path))
}

// moreBudget is the command that continues a run whose budget is used up.
func moreBudget(run harness.Run, path string) string {
	return resuming(run, path) + typed(" --budget %d", 2*max(1, len(run.Results)))
}

// network says how the network is after a command that put a device behind a gateway,
// which applied the policy of a run file if it is named.
func network(gateway scenarios.Gateway, spec, policy string) string {
	var back string
	switch gateway.Placement {
	case "":
		return ""
	case scenarios.Lab:
		return "Your network was not touched: the lab ran in namespaces of its own, which are gone."
	case scenarios.ByDNS:
		return "Your network was not changed. If the device used this machine as its DNS server, a process keeps answering it, with nothing blocked: " +
			"set its DNS server back, then end that process with: " + typed("sudo needwant restore")
	case "host":
		return "The network is as it was: this machine forwards the device's traffic as before."
	case "ap":
		back = "The network is as it was: the Wi-Fi " + gateway.SSID + " is gone, so the device is offline now."
	case "onearm":
		back = "The network is as it was. If your router gives the device no address, the device is offline now."
	default:
		back = fmt.Sprintf("The network is as it was: %s is back. The device has no gateway now.", gateway.Inside)
	}
	if spec == "" {
		return back + " needwant scenario new writes a spec, with which needwant gateway keeps it online."
	}
	if policy != "" {
		return back + " This keeps it online, with the same blocked: " + typed("sudo -E needwant gateway %s --policy %s", quoted(spec), quoted(policy))
	}
	return back + " This keeps it online: " + typed("sudo -E needwant gateway %s", quoted(spec))
}

// specName returns the spec of a run, as the user named it. It is "" if that file does not
// exist: needwant why needs none, and a file may have been moved.
func specName(run harness.Run) string {
	if _, err := scenarios.Find(run.Settings.Source); err != nil {
		return ""
	}
	return run.Settings.Source
}

// typed is a command line, which laid does not break: someone copies it.
func typed(format string, args ...any) string {
	return strings.ReplaceAll(fmt.Sprintf(format, args...), " ", span.Joint)
}

// fileColumns is how wide the lines of a result are in a file, or for another program. Reports
// as text are as wide.
const fileColumns = 100

// laid writes a message, on a terminal in lines that fit it. A command line that does not fit
// is left to the terminal, which copies it in one piece. In a log, a message is one line.
func laid(out io.Writer, text string) { hanging(out, "", text, 2) }

// hanging is the same behind a head, with the further lines indented.
func hanging(out io.Writer, head, text string, indent int) {
	inLines(out, screenOf(out).columns(), head, text, indent)
}

// resultLine is hanging for a part of a command's result, whose lines are short in a file too.
func resultLine(out io.Writer, head, text string, indent int) {
	inLines(out, cmp.Or(screenOf(out).columns(), fileColumns), head, text, indent)
}

// inLines writes a text in lines of so many columns; 0 is one line.
func inLines(out io.Writer, columns int, head, text string, indent int) {
	line := ""
	write := func() { fmt.Fprintln(out, head+line) }
	for word := range strings.SplitSeq(span.Joined(text), " ") {
		word = reports.Clean(strings.ReplaceAll(word, span.Joint, " "))
		switch {
		case line == "":
			line = word
		case columns == 0 || displaywidth.String(head+line)+1+displaywidth.String(word) <= columns:
			line += " " + word
		default:
			write()
			head, line = strings.Repeat(" ", indent), word
		}
	}
	write()
}

// quoted is a file's name as a shell takes it.
func quoted(path string) string {
	plain := func(r rune) bool {
		return r < 128 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:@", r))
	}
	if path != "" && !strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
