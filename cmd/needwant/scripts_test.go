package main_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/needwant/needwant/harness"
)

// The scripts in testdata show each command: its help, a good use, its most common
// mistakes, and what it ends with. Each begins in a folder of its own, in which lamp.run is
// the run of a lamp that needs its one destination, and spare.run that of a lamp that works
// without it. "exits N" runs a program that must end with that exit code.
var _ = Describe("the command line", func() {
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		panic(err)
	}
	for _, path := range scripts {
		It("does what testdata shows of "+strings.TrimSuffix(filepath.Base(path), ".txtar"), func(ctx SpecContext) {
			limit, _ := ctx.Deadline()
			testscript.RunT(script{}, testscript.Params{
				Deadline: limit.Add(-10 * time.Second), // then it ends what it started
				Files:    []string{path},
				Setup: func(env *testscript.Env) error {
					bare := filepath.Dir(program)
					env.Setenv("BARE", bare)
					env.Setenv("PATH", bare+":"+env.Getenv("PATH"))
					env.Setenv("XDG_STATE_HOME", env.WorkDir)
					for name, blocked := range map[string]harness.Answer{"lamp.run": harness.Fail, "spare.run": harness.Pass} {
						if err := os.Rename(lampRun(name, blocked), filepath.Join(env.WorkDir, name)); err != nil {
							return err
						}
					}
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
			})
		}, SpecTimeout(3*time.Minute)) // some carry out whole runs, which wait while the machine is busy
	}

	It("has a script for every command", func(ctx SpecContext) {
		commands := regexp.MustCompile(`(?m)^  ([a-z]+) +[A-Z]`).FindAllStringSubmatch(needwant(ctx, "--help").Stdout, -1)
		Expect(len(commands)).To(BeNumerically(">", 15))
		for _, command := range commands {
			if command[1] != "help" {
				Expect(scripts).To(ContainElement("testdata/" + command[1] + ".txtar"))
			}
		}
	}, SpecTimeout(3*time.Minute))

	It("has the help, a good use and a mistake of every command, and of every command below it", func(ctx SpecContext) {
		var text string
		for _, path := range scripts {
			script, err := os.ReadFile(path)
			Expect(err).NotTo(HaveOccurred())
			text += string(script)
		}
		commands := commandsBelow(ctx)
		Expect(len(commands)).To(BeNumerically(">", 30))
		for _, command := range commands {
			for part, line := range map[string]string{"help": `exec NAME --help$`, "good use": `exec .*NAME($| ([^-\n]|-[^-\n]|--[^h\n]))`, "mistake": `exits \d+ .*NAME\b`} {
				pattern := regexp.MustCompile(`(?m)^` + strings.Replace(line, "NAME", "needwant "+command, 1))
				Expect(pattern.MatchString(text)).To(BeTrue(), "no %s of needwant %s", part, command)
			}
		}
	}, SpecTimeout(3*time.Minute))
})

// commandsBelow are those that the help of a command lists, and those below them.
func commandsBelow(ctx context.Context, parent ...string) (commands []string) {
	GinkgoHelper()
	help := needwant(ctx, append(parent, "--help")...).Stdout
	if len(parent) > 0 {
		_, help, _ = strings.Cut(help, "\nAvailable Commands:\n")
	}
	for _, command := range regexp.MustCompile(`(?m)^  ([a-z]+) +[A-Z]`).FindAllStringSubmatch(help, -1) {
		path := slices.Concat(parent, command[1:])
		if command[1] == "help" {
			continue
		}
		commands = append(commands, strings.Join(path, " "))
		commands = append(commands, commandsBelow(ctx, path...)...)
	}
	return commands
}

// exits runs a program, and fails unless it ends with the exit code.
func exits(ts *testscript.TestScript, not bool, args []string) {
	if not || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if exit, failed := errors.AsType[*exec.ExitError](ts.Exec(args[1], args[2:]...)); failed {
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, and %d was expected", code, want)
	}
}

// script is the spec that runs a script.
type script struct{}

func (script) Skip(args ...any)                       { Skip(fmt.Sprint(args...)) }
func (script) Fatal(args ...any)                      { Fail(fmt.Sprint(args...)) }
func (script) Parallel()                              {}
func (script) Log(args ...any)                        { GinkgoWriter.Println(args...) }
func (script) FailNow()                               { Fail("the script failed: see above") }
func (s script) Run(_ string, run func(testscript.T)) { run(s) }
func (script) Verbose() bool                          { return true }
