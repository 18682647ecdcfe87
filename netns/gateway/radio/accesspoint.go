package radio

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns"
)

// Program is what keeps a Wi-Fi open.
const Program = "hostapd"

// The times that hostapd gets: to open a Wi-Fi, and to send everybody away at the
// end, so that they look for another one at once.
const (
	patience = 30 * time.Second
	farewell = 5 * time.Second
)

// unending is when hostapd is given up, which not even a kill has ended: as where
// the kernel is stuck in a radio's driver.
const unending = 2 * farewell

// AccessPoint is a Wi-Fi that is open.
type AccessPoint struct {
	network Network
	end     context.CancelFunc
	open    chan struct{} // closed when it is open
	over    chan struct{} // closed when hostapd has ended

	mutex  sync.Mutex
	ending bool     // we want it to end
	last   []string // what hostapd said last
}

// Open opens a Wi-Fi in a namespace, by hostapd, which dies with this process.
// Its settings come by pipes: the passphrase is in no file, and in no list of
// processes. Tell is told in words how the device fares.
func Open(ctx context.Context, namespace *netns.Namespace, network Network, tell func(text string)) (*AccessPoint, error) {
	if err := errors.Join(network.Validate(), ValidatePassphrase(network.Passphrase)); err != nil {
		return nil, err
	}
	a := &AccessPoint{network: network, open: make(chan struct{}), over: make(chan struct{})}
	if err := a.start(ctx, namespace, tell); err != nil {
		return nil, err
	}
	if err := a.await(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// The paths by which hostapd finds what it is given.
const (
	settingsPath = "/proc/self/fd/3"
	membersPath  = "/proc/self/fd/4"
)

func (a *AccessPoint) start(ctx context.Context, namespace *netns.Namespace, tell func(text string)) error {
	settings, err := filled(a.network.settings(membersPath))
	if err != nil {
		return err
	}
	defer settings.Close()
	members, err := filled(a.network.Only.String() + "\n")
	if err != nil {
		return err
	}
	defer members.Close()

	life, end := context.WithCancel(context.WithoutCancel(ctx))
	command := namespace.Command(life, Program, settingsPath)
	command.ExtraFiles = []*os.File{settings, members}
	command.SysProcAttr.Setsid = true                                                                 // a terminal's signals are not for it
	signal := func(signal syscall.Signal) error { return syscall.Kill(-command.Process.Pid, signal) } // to a script around it, too
	command.Cancel = func() error { return signal(syscall.SIGTERM) }
	command.WaitDelay = farewell
	output, said := io.Pipe() // of our own: WaitDelay is for no other
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		end()
		if errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("%s is not installed, and opens the Wi-Fi: install it ('apt-get install %s'): %w", Program, Program, err)
		}
		return fmt.Errorf("running %s: %w", Program, err)
	}
	a.end = end
	go func() {
		_ = command.Wait()          // how it ended is in what it said
		_ = signal(syscall.SIGKILL) // what it started, and left behind
		_ = said.Close()            // never fails
	}()
	go func() {
		defer close(a.over)
		a.listen(output, tell)
	}()
	return nil
}

// filled is a pipe to read a text from. It must be less than a pipe holds, 64 KiB.
func filled(text string) (*os.File, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(writer, text)
	if err := errors.Join(err, writer.Close()); err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	return reader, nil
}

// fates are what hostapd says of the device, and what to tell of it.
var fates = []struct{ said, told string }{
	{"AP-STA-CONNECTED", "the device has joined the Wi-Fi"},
	{"AP-STA-POSSIBLE-PSK-MISMATCH", "the device tries another passphrase for the Wi-Fi than ours: is it the one that the device knows?"},
}

// listen hears what hostapd says until it ends. The same is told once.
func (a *AccessPoint) listen(output io.Reader, tell func(text string)) {
	told := map[string]bool{}
	for lines := bufio.NewScanner(output); lines.Scan(); {
		line := lines.Text()
		if strings.Contains(line, "AP-ENABLED") && !told["open"] {
			told["open"] = true
			close(a.open)
		}
		if strings.Contains(line, "INTERFACE-DISABLED") { // as by a switch: hostapd would wait, and the device be away
			a.end()
		}
		for _, fate := range fates {
			if strings.Contains(line, fate.said) && !told[fate.said] {
				told[fate.said] = true
				tell(fate.told)
			}
		}
		a.remember(line)
	}
	_, _ = io.Copy(io.Discard, output) // after a line too long: it must not wait for a reader
}

// empty are the lines that hostapd ends with whatever the reason is.
var empty = []string{"AP-DISABLED", "CTRL-EVENT-TERMINATING", "hostapd_free_hapd_data", "deinit", "interface state", "Unable to setup interface", "Configuration file:"}

// remember keeps the last lines that say something.
func (a *AccessPoint) remember(line string) {
	says := func(phrase string) bool { return strings.Contains(line, phrase) }
	if strings.TrimSpace(line) == "" || slices.ContainsFunc(empty, says) {
		return
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.last = append(a.last, strings.TrimSpace(line))
	a.last = a.last[max(0, len(a.last)-4):]
}

func (a *AccessPoint) words() string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if len(a.last) == 0 {
		return "it said nothing"
	}
	return "its last words: " + strings.Join(a.last, "; ")
}

// await returns when the Wi-Fi is open.
func (a *AccessPoint) await(ctx context.Context) error {
	const remedy = "is the radio switched on ('rfkill list')? Is nothing else using it, as wpa_supplicant or another hostapd?"
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-a.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-a.over:
		return fmt.Errorf("%s could not open a Wi-Fi on %s; %s: %s", Program, a.network.Link, a.words(), remedy)
	case <-late.C:
		return fmt.Errorf("%s did not open a Wi-Fi on %s in %s; %s: %s", Program, a.network.Link, span.Words(patience), a.words(), remedy)
	}
}

// Over is closed when hostapd has ended, and the Wi-Fi with it.
func (a *AccessPoint) Over() <-chan struct{} { return a.over }

// Err says why the Wi-Fi is gone; nil while it is open, and where it was closed.
func (a *AccessPoint) Err() error {
	select {
	case <-a.over:
	default:
		return nil
	}
	a.mutex.Lock()
	wanted := a.ending
	a.mutex.Unlock()
	if wanted {
		return nil
	}
	return fmt.Errorf("the Wi-Fi %q is gone: %s has ended; %s: was the radio unplugged, or switched off ('rfkill list')?", a.network.SSID, Program, a.words())
}

// Close sends everybody away and closes the Wi-Fi. It returns when hostapd has
// ended, and fails where even a kill does not end it. Closing twice does nothing
// more.
func (a *AccessPoint) Close() error {
	a.mutex.Lock()
	select {
	case <-a.over: // by itself
	default:
		a.ending = true
	}
	a.mutex.Unlock()
	a.end()
	late := time.NewTimer(unending)
	defer late.Stop()
	select {
	case <-a.over:
		return nil
	case <-late.C:
		return fmt.Errorf("%s on %s has not ended %s after it was told to: end it by hand ('pkill -9 %s'), or restart the machine", Program, a.network.Link, span.Words(unending), Program)
	}
}
