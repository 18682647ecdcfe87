// Command needwant finds out by experiment which of a device's network flows
// are needed, and which are merely wanted.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run carries out one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := command(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var exit *exitError
	if err != nil && !errors.As(err, &exit) {
		exit = &exitError{codeUsage, err} // cobra's own: unknown flags, missing arguments
	}
	if exit == nil {
		return codeDone
	}
	if exit.err != nil {
		fmt.Fprintf(stderr, "needwant: %v\n", exit.err)
	}
	return exit.code
}

func command(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "needwant",
		Short: "Which network flows does a device need, and which does it merely want?",
		Long: `needwant puts a device behind a gateway that it controls, blocks the device's
destinations in chosen sets, checks what still works, and says with proof which
destinations are required, which stand in for one another, and which can be blocked.

Start with:  needwant lab    (a simulated device; needs no root and no hardware)`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(bisectCommand(), gatewayCommand(), observeCommand(), restoreCommand(), guardianCommand())
	root.AddCommand(labCommand(), checkCommand(), scenarioCommand(), resumeCommand(), reportCommand(), worldCommand(), doctorCommand(), exportCommand(), catalogCommand(), verifyCommand(), watchCommand(), manCommand())
	return root
}
