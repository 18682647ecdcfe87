package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/scenarios"
)

// examination is one thing that must be right about the machine.
type examination struct {
	subject string
	examine func(ctx context.Context) (finding, error)
	remedy  string
}

// finding is what was found to be right, or a note: what is to be known, but keeps needwant
// from nothing.
type finding struct {
	text string
	note bool
}

func (f finding) String() string { return f.text }

func ok(text string) finding { return finding{text: text} }

func note(text string) finding { return finding{text: text, note: true} }

// remediedError is a finding with a remedy that is not the usual one of what was
// examined.
type remediedError struct {
	error
	remedy string
}

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor [SPEC]",
		Short: "Check that this machine is ready, and fix what isn't",
		Long: `Checks that this machine can block and observe a device. For this it uses simulated
devices. With SPEC it also puts the real device behind the gateway for a moment, and
checks that the device's packets cross the gateway. Nothing is blocked for it.

Each line is OK, a note (needwant works, and you should know something), or a problem
with its fix. With a problem, the exit code is 3. The last line says which placements
this machine can use.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			all, err := doctor(command.Context(), append(args, "")[0])
			if err != nil {
				return err
			}
			if err := examineAll(command.Context(), command.OutOrStdout(), all); err != nil {
				return err
			}
			laid(command.ErrOrStderr(), afterDoctor(args))
			return nil
		},
	}
}

// afterDoctor is what to do on a machine without problems.
func afterDoctor(args []string) string {
	if len(args) == 0 {
		return "No problem was found. Next: needwant lab runs the experiment on a simulated device; needwant scenario new describes your own."
	}
	file, _ := scenarios.Find(args[0]) // it was read before
	return "No problem was found. Next: " + asRoot(file.Gateway, "check "+quoted(args[0])+permission(file)) + " runs every check once, with nothing blocked."
}

// examinations lists all that is examined, from what the rest stands on.
func examinations() []examination {
	const install = "install iptables: 'make deps' in the source folder does, or your distribution's package iptables"
	return append([]examination{
		{"privileges", func(context.Context) (finding, error) { return rights(os.ReadFile("/proc/self/uid_map")) }, ""},
		{"iptables", version("iptables-nft"), install},
		{"ip6tables", version("ip6tables-nft"), install},
		{"blocking by ipset", blocking("ipset"), "use --driver iptables; or a kernel with ip_set_hash_ipport, xt_set and xt_NFLOG"},
		{"blocking by iptables", blocking("iptables"), "use a kernel with nf_tables, xt_NFLOG, xt_conntrack and nf_conntrack_netlink"},
	}, machineExaminations()...)
}

// rights says who runs this, by the kernel's map of users: the first of ours,
// and who that is outside of the user namespace.
func rights(uidMap []byte, err error) (finding, error) {
	if err != nil {
		return finding{}, err
	}
	if fields := strings.Fields(string(uidMap)); len(fields) > 1 && fields[1] != "0" {
		return ok(fmt.Sprintf("needwant runs as the user with the number %s, who may run the lab; anything else takes root", fields[1])), nil
	}
	return ok("needwant runs as root"), nil
}

func examineAll(ctx context.Context, out io.Writer, examinations []examination) error {
	problems, shown := 0, screenOf(out)
	tell := func(level, subject, text string) {
		head := fmt.Sprintf("%-7s %-21s ", level, subject)
		for line := range strings.SplitSeq(text, "\n") {
			resultLine(shown, head, line, len(head))
			head = strings.Repeat(" ", len(head))
		}
	}
	for _, e := range examinations {
		stop := shown.show(func(int, int) []string { return []string{"examining: " + e.subject} }) // some take seconds
		found, err := e.examine(ctx)
		stop()
		if ctx.Err() != nil {
			return exit(codeInterrupted, context.Canceled)
		}
		if err == nil {
			level := "OK"
			if found.note {
				level = "note"
			}
			tell(level, e.subject, found.String())
			continue
		}
		problems++
		remedy := e.remedy
		if own, ok := errors.AsType[*remediedError](err); ok {
			remedy = own.remedy
		}
		tell("problem", e.subject, err.Error())
		tell("", "", remedy)
	}
	if problems > 0 {
		return unfit(fmt.Errorf("problems: %d of %d findings. What to do is below each", problems, len(examinations)))
	}
	return nil
}

// version finds a program of the nft backend.
func version(program string) func(context.Context) (finding, error) {
	return func(ctx context.Context) (finding, error) {
		text, err := exec.CommandContext(ctx, program, "--version").CombinedOutput()
		if errors.Is(err, exec.ErrNotFound) {
			return finding{}, fmt.Errorf("%s is not installed", program)
		}
		if err != nil {
			return finding{}, fmt.Errorf("%s --version: %w: %s", program, err, text)
		}
		return ok(strings.TrimSpace(string(text))), nil
	}
}

// blocking blocks everything for a simulated device, over IPv4 and IPv6, and
// looks whether the block bites, is seen, and lifts.
func blocking(driver string) func(context.Context) (finding, error) {
	return func(ctx context.Context) (found finding, err error) {
		for _, slower := range []time.Duration{1, 3, 8} { // a machine may be busy
			found, err = blockOnce(ctx, driver, slower)
			if _, busy := errors.AsType[*remediedError](err); !busy || ctx.Err() != nil {
				break
			}
		}
		return found, err
	}
}

func blockOnce(ctx context.Context, driver string, slower time.Duration) (finding, error) {
	world, err := lab.Find("all-optional")
	if err != nil {
		return finding{}, err
	}
	world.Tempo.Contact *= slower
	world.Tempo.Poll *= slower
	run := lablane.NewRun(world, harness.Settings{Driver: driver})
	lane, err := lablane.Start(ctx, run, world, 1)
	if err != nil {
		return finding{}, err
	}
	defer func() { _ = lane.Close() }() // its namespaces go with it in any case
	return tryBlock(ctx, lane)
}

func tryBlock(ctx context.Context, lane harness.Lane) (finding, error) {
	control, err := lane.Run(ctx, harness.Trial{Number: 1, Fault: harness.Reject, Regime: harness.Steady})
	if err != nil {
		return finding{}, err
	}
	blocked := harness.Trial{Number: 2, Fault: harness.Reject, Regime: harness.Steady}
	for _, contact := range control.Seen.Contacts {
		if contact.Answered {
			blocked.Block = append(blocked.Block, contact.Destination)
		}
	}
	result, err := lane.Run(ctx, blocked)
	if err != nil {
		return finding{}, err
	}
	for _, d := range blocked.Block {
		contact, _ := result.Seen.Contact(d)
		if contact.Attempts == 0 || contact.Answered {
			return finding{}, fmt.Errorf("%s was blocked, tried %d times, and answered: %t", d, contact.Attempts, contact.Answered)
		}
	}
	switch {
	case len(blocked.Block) == 0:
		return finding{}, errors.New("with nothing blocked, a simulated device reached nothing")
	case result.Suspect != "":
		return finding{}, &remediedError{errors.New(result.Suspect), "this says nothing about blocking: run doctor again when the machine has less to do"}
	case !result.Recovered:
		return finding{}, errors.New("after the block was lifted the simulated device did not recover")
	}
	return ok(fmt.Sprintf("a simulated device lost %d destinations over %s, and got them back", len(blocked.Block), versions(result.Seen))), nil
}

// versions are those of IP that the blocked destinations were tried over.
func versions(seen harness.Observation) string {
	var four, six bool
	for _, contact := range seen.Contacts {
		for _, address := range contact.Addresses {
			four = four || address.Is4()
			six = six || address.Is6()
		}
	}
	if four && six {
		return "IPv4 and IPv6"
	}
	if six {
		return "IPv6 alone"
	}
	return "IPv4 alone"
}

// apart reports whether this runs in namespaces of its own, as for an ordinary
// user: then nothing can be said about the machine's own network.
func apart(uidMap []byte, err error) (bool, error) {
	fields := strings.Fields(string(uidMap))
	return len(fields) > 1 && fields[1] != "0", err
}
