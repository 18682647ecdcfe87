// Command needwant finds out by experiment which of a device's network flows
// are needed, and which are merely wanted.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/clipperhouse/displaywidth"
	"github.com/spf13/cobra"

	"github.com/needwant/needwant/internal/span"
)

func main() {
	if err := errors.Join(noCore(), shed(os.Args[1:])); err != nil {
		fmt.Fprintln(os.Stderr, "needwant:", err)
		os.Exit(codeUnfit)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run carries out one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	stderr = newScreen(stderr)
	result := &output{Writer: stdout}
	root := command(result, stderr)
	root.SetArgs(args)
	used, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = result.lost()
	}
	var exit *exitError
	if lost, ok := errors.AsType[*fs.PathError](err); ok && lost.Op == "write" && !errors.As(err, &exit) {
		exit = &exitError{codeUnfit, err} // of a result: its reader or its space is gone
	}
	if err != nil && exit == nil && !errors.As(err, &exit) { // cobra's own: unknown flags, missing arguments
		exit = &exitError{codeUsage, fmt.Errorf("%s\n  usage: %s\n  %s --help says more", plainly(err.Error()), used.UseLine(), used.CommandPath())}
	}
	if exit == nil {
		return codeDone
	}
	code, text := conclude(ctx, err, exit)
	if text != "" {
		complain(stderr, "needwant: "+filesPlainly(err, text))
	}
	return code
}

// complain writes what is wrong, in lines that fit a terminal. Lines that fit keep their
// form: some show what a file says. One with a mark below it is cut to what is around that.
func complain(out io.Writer, text string) {
	columns := screenOf(out).columns()
	lines := strings.Split(text, "\n")
	for i := range lines[1:] {
		if strings.TrimLeft(lines[i+1], " ") == "^" {
			lines[i], lines[i+1] = around(lines[i], lines[i+1], columns)
		}
	}
	for _, line := range lines {
		if columns == 0 || displaywidth.String(line) <= columns {
			fmt.Fprintln(plain{out}, strings.ReplaceAll(line, span.Joint, " "))
			continue
		}
		rest := strings.TrimLeft(line, " ")
		margin := len(line) - len(rest)
		hanging(out, line[:margin], rest, margin+2)
	}
}

// around cuts a line to what fits around the mark below it. Both are returned; columns are 0 if
// there is room for everything.
func around(line, mark string, columns int) (string, string) {
	const margin, dots = 4, "…"
	all, at := []rune(line), len(mark)-1
	if columns < 20 || len(all) <= columns {
		return line, mark
	}
	if at < columns-margin {
		return string(all[:columns-1]) + dots, mark
	}
	first := at - columns/2
	last := min(len(all), first+columns-margin-2)
	text := dots + string(all[first:last])
	if last < len(all) {
		text += dots
	}
	return strings.Repeat(" ", margin) + text, strings.Repeat(" ", margin+1+at-first) + "^"
}

// words are all that is to be said of an error that ends in an exit: what is
// joined to it, too, as that the network could not be put back.
func words(err error, exit *exitError) string {
	if !errors.Is(err, exit) { // made of it
		return exit.Error()
	}
	return strings.TrimSpace(err.Error())
}

// group is a command that only has others below it.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	command := &cobra.Command{
		Use:   use,
		Short: short,
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 0 {
				return command.Help()
			}
			message := fmt.Sprintf("unknown command %q", args[0])
			if near := command.SuggestionsFor(args[0]); len(near) > 0 {
				message += fmt.Sprintf(": did you mean %q?", near[0])
			}
			return errors.New(message)
		},
	}
	command.SuggestionsMinimumDistance = 2
	command.AddCommand(commands...)
	return command
}

func command(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "needwant",
		Short: "Which network flows does a device need, and which does it merely want?",
		Long: `needwant finds out which hosts a smart device needs. It puts the device behind a gateway,
blocks the hosts that it contacts in chosen sets, and checks what still works. The result
is a table that says, with proof, which hosts are required, which can replace each
other, and which you can block.

Start with:  needwant lab    (a simulated device; needs no root and no hardware)`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       versionNumber(),
	}
	for _, flags := range []string{"LocalFlags", "InheritedFlags"} {
		root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), flags+".FlagUsages ", fmt.Sprintf("%s.FlagUsagesWrapped %d ", flags, helpWidth), 1))
	}
	root.SetVersionTemplate("needwant {{.Version}}\n")
	root.SetOut(stdout)
	root.SetErr(stderr)
	for _, step := range steps() {
		root.AddGroup(&cobra.Group{ID: step.title, Title: step.title})
		for _, command := range step.commands {
			command.GroupID = step.title
			root.AddCommand(command)
		}
	}
	root.AddCommand(guardianCommand(), keeperCommand())
	root.SetHelpCommand(helpCommand())
	root.SetHelpCommandGroupID(otherCommands)
	root.SuggestionsMinimumDistance = 1 // of a short word, every other one is near
	root.SetCompletionCommandGroupID(otherCommands)
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		inOurWords(completion)
	}
	cobra.EnableCommandSorting = false
	fit(root)
	return root
}

// inOurWords gives the command of the flag library that prints completions our help and mistakes.
func inOurWords(completion *cobra.Command) {
	completion.Short = "Print the completions of a shell, e.g. bash"
	completion.Long = "Prints a script that completes commands, flags and names in a shell. The help of each\nshell says how to use it."
	completion.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unknown shell %q: choose one of bash, zsh, fish, powershell", args[0])
		}
		return nil
	}
	completion.RunE = func(command *cobra.Command, _ []string) error { return command.Help() }
	for _, shell := range completion.Commands() {
		shell.Args = noArguments
		before, mac, ok := strings.Cut(shell.Long, "#### macOS:\n")
		if _, after, found := strings.Cut(mac, "\n\nYou"); ok && found { // needwant is for Linux alone
			shell.Long = strings.Replace(before, "#### Linux:\n\n", "", 1) + "You" + after
		}
	}
}

// helpCommand is that of the flag library, except that a command that does not exist is an
// error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		ValidArgsFunction: func(command *cobra.Command, _ []string, _ string) (names []cobra.Completion, directive cobra.ShellCompDirective) {
			for _, other := range command.Root().Commands() {
				if other.IsAvailableCommand() {
					names = append(names, cobra.CompletionWithDesc(other.Name(), other.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(command *cobra.Command, args []string) error {
			found, rest, err := command.Root().Find(args)
			if err != nil || found == command.Root() && len(rest) > 0 {
				return usage(fmt.Errorf("there is no command %q: needwant --help lists them", strings.Join(args, " ")))
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

const otherCommands = "Other commands:"

// step is a group of commands, in the order in which they are needed.
type step struct {
	title    string
	commands []*cobra.Command
}

func steps() []step {
	return []step{
		{"Try it, without hardware:", []*cobra.Command{labCommand(), worldCommand(), importCommand()}},
		{"1. Describe your device:", []*cobra.Command{scenarioCommand()}},
		{"2. Check the set-up:", []*cobra.Command{doctorCommand(), checkCommand(), observeCommand()}},
		{"3. Run the experiment:", []*cobra.Command{bisectCommand(), agentCommand(), hubCommand(), whyCommand(), recheckCommand(), watchCommand(), resumeCommand()}},
		{"4. Use the result:", []*cobra.Command{reportCommand(), exportCommand(), verifyCommand(), gatewayCommand(), catalogCommand()}},
		{otherCommands, []*cobra.Command{restoreCommand(), manCommand(), versionCommand()}},
	}
}
