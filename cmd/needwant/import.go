package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/cmd/internal/geoip"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/seen"
	"github.com/needwant/needwant/reports"
)

// importFlags are the flags of the import command.
type importFlags struct {
	devices []string
	from    string
	format  string
	out     string
	quiet   bool
	geoip   []string
}

func importCommand() *cobra.Command {
	flags := &importFlags{}
	command := &cobra.Command{
		Use:   "import FILE...",
		Short: "Make the table from a capture or a log that you have",
		Long: `Reads captures and logs, and prints what one device contacts: a table with ??? instead
of verdicts. Give it all your files: a firewall's log has the ports, a resolver's log has
the names. FILE may be compressed with gzip. FILE - is the standard input, which is read
until it ends or you press Ctrl-C.

--out also saves the list in FILE.seen. needwant bisect SPEC --seen FILE.seen begins with
this list, so it tests even a destination that the device contacts once a day.

` + importHelp(),
		Example: `  needwant import --device 192.168.1.50 /var/log/kern.log /var/log/dnsmasq.log
  needwant import --device 7c:49:eb:00:00:01 --format md capture.pcapng
  needwant import --device 192.168.1.50 --out s50.seen /etc/pihole/pihole-FTL.db
  conntrack -E -o timestamp | needwant import --device 192.168.1.50 -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return flags.run(command, args) },
	}
	set := command.Flags()
	set.StringSliceVar(&flags.devices, "device", nil, "the device's IP `ADDRESS`, MAC address or name, if the data has several devices; may be given several times for one device")
	set.StringVar(&flags.from, "from", "", "the format of the files, if it is not recognised: see above")
	set.StringVar(&flags.format, "format", "text", "the format of the table: "+strings.Join(reports.SeenFormats(), ", "))
	completeFlag(command, "from", seenFormats()...)
	completeFlag(command, "format", reports.SeenFormats()...)
	set.StringVar(&flags.out, "out", "", "also save the list in this `FILE.seen`, for bisect, lab, check and observe --seen")
	geoipFlag(command, &flags.geoip)
	set.BoolVarP(&flags.quiet, "quiet", "q", false, "show no progress")
	return command
}

// importHelp lists the formats with what they cannot show.
func importHelp() string {
	var help strings.Builder
	help.WriteString("Formats, and what they cannot show:\n")
	for _, format := range seen.Formats() {
		fmt.Fprintf(&help, "  %-10s %s\n             %s\n", format.Name, format.About, format.Cannot)
	}
	return strings.TrimRight(help.String(), "\n")
}

func (f *importFlags) run(command *cobra.Command, files []string) error {
	if err := f.check(); err != nil {
		return usage(err)
	}
	read, done := &share{}, func() {}
	if !f.quiet {
		done = screenOf(command.ErrOrStderr()).show(read.lines)
	}
	list, err := seen.Import(command.Context(), files, seen.Options{
		Devices: f.devices, Format: f.from, Stdin: command.InOrStdin(), Now: time.Now(), Progress: read.tell,
	})
	done()
	if err != nil {
		return importError(command.Context(), err)
	}
	if f.out != "" {
		if err := replaceFile(f.out, list.Write); err != nil {
			return unfit(err)
		}
	}
	if err := f.show(command.OutOrStdout(), list); err != nil {
		return unfit(err)
	}
	if !f.quiet {
		laid(command.ErrOrStderr(), f.next(list))
	}
	return nil
}

// next says where the list was saved, and what to do with it.
func (f *importFlags) next(list seen.List) string {
	if f.out == "" {
		return "Next: the same with " + typed("--out FILE.seen") + " saves the list; " + typed("sudo -E needwant bisect SPEC --seen FILE.seen") + " finds out which of these are needed."
	}
	noun := "destinations"
	if len(list.Rows) == 1 {
		noun = "destination"
	}
	return fmt.Sprintf("%s: %d %s of %s. Next: %s finds out which are needed.", f.out, len(list.Rows), noun, list.Device, typed("sudo -E needwant bisect SPEC --seen %s", quoted(f.out)))
}

// show prints the table.
func (f *importFlags) show(out io.Writer, list seen.List) (err error) {
	databases, err := geoip.Open(f.geoip...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, databases.Close()) }()
	return reports.RenderSeen(out, f.format, list, screenOf(out).columns(), databases.Place)
}

// check reads the flags, and creates nothing.
func (f *importFlags) check() error {
	if _, err := seen.NewTable(f.devices...); err != nil {
		return err
	}
	if f.from != "" {
		if _, err := seen.Find(f.from); err != nil {
			return err
		}
	}
	return reports.RenderSeen(io.Discard, f.format, seen.List{}, 0, nil)
}

// importError gives an error its exit code: a wrong device or file is the user's, and what
// this machine refuses, e.g. for lack of rights, is the machine's.
func importError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return exit(codeInterrupted, context.Canceled)
	}
	refused, ok := errors.AsType[*fs.PathError](err)
	if ok && !errors.Is(refused, fs.ErrNotExist) && !errors.Is(refused, unix.ENOTDIR) {
		return unfit(err)
	}
	return usage(err)
}

// seenFlag adds the flag for a list that an import wrote.
func seenFlag(command *cobra.Command, path *string) {
	command.Flags().StringVar(path, "seen", "", "begin with the destinations in this `FILE.seen` (see needwant import --out)")
}

// readSeen reads the list of --seen, if there is one, for an experiment that sees
// packets, or names alone.
func readSeen(out io.Writer, path string, namesAlone bool) ([]harness.Contact, error) {
	if path == "" {
		return nil, nil
	}
	list, err := seen.Read(path)
	if err != nil {
		return nil, usage(err)
	}
	if namesAlone {
		return list.Names(), nil
	}
	if names := list.NamesOnly(); len(names) > 0 {
		const most = 10
		text := strings.Join(names[:min(most, len(names))], ", ")
		if more := len(names) - most; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		laid(out, visible(fmt.Sprintf("%s has no port for %s. A name is tested once the device contacts it.", path, text)))
	}
	return list.Contacts(), nil
}

// share shows on a terminal how much of a file was read.
type share struct {
	mu   sync.Mutex
	text string
}

func (s *share) tell(file string, read, size int64) {
	const mega = 1 << 20
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = fmt.Sprintf("%s: %d MB", file, read/mega)
	if size > 0 {
		s.text = fmt.Sprintf("%s: %d of %d MB, %d %%", file, read/mega, size/mega, 100*read/size)
	}
}

func (s *share) lines(int, int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text == "" {
		return nil
	}
	return []string{s.text}
}
