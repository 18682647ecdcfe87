package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

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
