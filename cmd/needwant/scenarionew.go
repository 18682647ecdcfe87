package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/scenarios"
)

// question is one thing that a new spec needs to know: a flag, and what is asked
// on a terminal where the flag is not given.
type question struct {
	flag  string
	asks  string // what is asked
	usual func(d *scenarios.Draft) string
	set   func(d *scenarios.Draft, answer string) error
	// wanted tells whether the draft, as far as it is known, needs it; nil: always.
	wanted func(d *scenarios.Draft) bool
}

func newScenarioCommand() *cobra.Command {
	questions := questions()
	values := make([]string, len(questions))
	var from string
	command := &cobra.Command{
		Use:   "new [FILE]",
		Short: "Write a spec with comments; asks on a terminal, or takes flags",
		Long: `Writes a spec for a device of yours, with comments, made of one that comes along
('needwant scenario list'). On a terminal it asks for what no flag says; elsewhere
it takes the example's values, to be changed in the file. FILE - is the standard
output; the default is the device's name with .yaml.`,
		Args: cobra.MaximumNArgs(1),
	}
	command.Flags().StringVar(&from, "like", "roborock-s50", "the spec to begin with, as 'needwant scenario list' shows")
	completeFlag(command, "like", templates()...)
	for i, q := range questions {
		command.Flags().StringVar(&values[i], q.flag, "", q.asks)
	}
	command.RunE = func(command *cobra.Command, args []string) error {
		asking := interviewing(command.InOrStdin(), command.ErrOrStderr(), interactive())
		draft, err := asking.draft(command, from, questions, values)
		if err = errors.Join(err, command.Context().Err()); err != nil {
			return usage(err)
		}
		return writeNew(command, draft, append(args, fileOf(draft))[0])
	}
	return command
}

// fileOf is the usual name of a draft's file.
func fileOf(draft scenarios.Draft) string {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_", r) {
			return r
		}
		return '-'
	}, strings.ToLower(draft.Device.Name))
	if name == "" {
		name = draft.From
	}
	return name + ".yaml"
}

func questions() []question {
	realDevice := func(d *scenarios.Draft) bool { return !d.Lab() }
	needs := func(key string) func(d *scenarios.Draft) bool {
		return func(d *scenarios.Draft) bool {
			for _, needed := range d.Settings() {
				if needed == key {
					return true
				}
			}
			return false
		}
	}
	text := func(field func(d *scenarios.Draft) *string) (func(*scenarios.Draft) string, func(*scenarios.Draft, string) error) {
		return func(d *scenarios.Draft) string { return *field(d) },
			func(d *scenarios.Draft, answer string) error { *field(d) = answer; return nil }
	}
	ask := func(flag, asks string, field func(d *scenarios.Draft) *string, wanted func(*scenarios.Draft) bool) question {
		usual, set := text(field)
		return question{flag, asks, usual, set, wanted}
	}
	return []question{
		{"placement", "where the gateway stands: lab, nic, vlan, onearm, ap, host",
			func(d *scenarios.Draft) string { return d.Gateway.Placement },
			place, nil},
		{"world", "the simulated device, of 'needwant world list'",
			func(d *scenarios.Draft) string { return d.Gateway.World },
			func(d *scenarios.Draft, answer string) error {
				d.Gateway.World = answer
				_, err := lab.Find(answer)
				return err
			}, needs("world")},
		ask("inside", "the network link to the device, as eth1", func(d *scenarios.Draft) *string { return &d.Gateway.Inside }, needs("inside")),
		ask("uplink", "the network link to your home network, as eth0", func(d *scenarios.Draft) *string { return &d.Gateway.Uplink }, needs("uplink")),
		{"vlan", "the number of the device's VLAN",
			func(d *scenarios.Draft) string { return strconv.Itoa(d.Gateway.VLAN) },
			func(d *scenarios.Draft, answer string) (err error) {
				if d.Gateway.VLAN, err = strconv.Atoi(answer); err != nil {
					return fmt.Errorf("%q is no number: write one from 1 to 4094", answer)
				}
				return nil
			}, needs("vlan")},
		ask("ssid", "the name of the Wi-Fi", func(d *scenarios.Draft) *string { return &d.Gateway.SSID }, needs("ssid")),
		ask("passphrase", "where its passphrase is, env:NAME or file:PATH", func(d *scenarios.Draft) *string { return (*string)(&d.Gateway.Passphrase) }, needs("passphrase")),
		ask("name", "what you call the device", func(d *scenarios.Draft) *string { return &d.Device.Name }, realDevice),
		ask("model", "its model", func(d *scenarios.Draft) *string { return &d.Device.Model }, realDevice),
		ask("mac", "its hardware address (MAC)", func(d *scenarios.Draft) *string { return &d.Device.MAC }, realDevice),
		{"address", "its IP address behind the gateway",
			func(d *scenarios.Draft) string { return d.Device.Address.String() },
			func(d *scenarios.Draft, answer string) (err error) {
				if d.Device.Address, err = netip.ParseAddr(answer); err != nil {
					return fmt.Errorf("%q is no IP address: write one as 192.168.50.10", answer)
				}
				return nil
			}, realDevice},
		ask("miio-token", "where its miIO token is, env:NAME or file:PATH", func(d *scenarios.Draft) *string { return (*string)(&d.Secrets.Miio) },
			func(d *scenarios.Draft) bool { return realDevice(d) && d.UsesMiio() }),
		ask("hass-url", "where your Home Assistant is, as http://192.168.1.5:8123", func(d *scenarios.Draft) *string { return &d.HassURL },
			func(d *scenarios.Draft) bool { return d.UsesHass() }),
		ask("entity", "the device's entity there, as vacuum.s50", func(d *scenarios.Draft) *string { return &d.Entity },
			func(d *scenarios.Draft) bool { return d.UsesHass() }),
		ask("hass-token", "where a long-lived access token of it is, env:NAME or file:PATH", func(d *scenarios.Draft) *string { return (*string)(&d.Secrets.Hass) },
			func(d *scenarios.Draft) bool { return realDevice(d) && d.UsesHass() }),
	}
}

// interview asks a person, where there is one.
type interview struct {
	out   io.Writer
	lines <-chan string // what is typed; nil where nobody is there
}

// interviewing reads what is typed, where somebody types.
func interviewing(in io.Reader, out io.Writer, can bool) interview {
	if !can {
		return interview{out: out}
	}
	return interview{out, typedLines(in)}
}

// draft fills a draft from the flags, and from answers.
func (i interview) draft(command *cobra.Command, from string, questions []question, values []string) (scenarios.Draft, error) {
	ctx := command.Context()
	draft, err := i.begin(ctx, from, command.Flags().Changed("like"))
	if err != nil {
		return draft, err
	}
	for number, q := range questions {
		given := command.Flags().Changed(q.flag)
		if q.wanted != nil && !q.wanted(&draft) {
			if given {
				return draft, fmt.Errorf("--%s: a spec like %s with placement %s has no such thing: leave it out", q.flag, draft.From, draft.Gateway.Placement)
			}
			continue
		}
		if given {
			err = q.take(&draft, values[number])
		} else {
			err = i.insist(ctx, q, &draft)
		}
		if err != nil {
			return draft, fmt.Errorf("--%s: %w", q.flag, err)
		}
	}
	return draft, nil
}

// begin takes the library's spec that is given, or asks for one until there is
// one.
func (i interview) begin(ctx context.Context, from string, given bool) (scenarios.Draft, error) {
	for {
		answer := from
		if !given {
			answer = i.ask(ctx, "which spec to begin with, of 'needwant scenario list'", from)
		}
		draft, err := scenarios.New(answer)
		if err == nil || answer == from || ctx.Err() != nil {
			return draft, err
		}
		fmt.Fprintf(i.out, "  %v\n", err)
	}
}

// insist asks until the answer makes sense. The usual answer is taken as it is.
func (i interview) insist(ctx context.Context, q question, draft *scenarios.Draft) error {
	for {
		before, usual := *draft, q.usual(draft)
		answer := i.ask(ctx, q.asks, usual)
		err := q.take(draft, answer)
		if err == nil && answer != usual {
			err = q.doubt(*draft)
		}
		if err == nil || answer == usual || ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(i.out, "  %v\n", err)
		*draft = before
	}
}

// doubt says what is wrong with an answer that the draft has now. Of two links the
// second is still to come.
func (q question) doubt(draft scenarios.Draft) error {
	if q.flag == "inside" || q.flag == "uplink" {
		return nil
	}
	_, err := draft.Write("the answer")
	if wrong, ok := errors.AsType[*scenarios.Error](err); ok {
		return fmt.Errorf("%s: %s", wrong.Message, wrong.Remedy)
	}
	return err
}

// take sets what was answered; nothing where the answer is empty.
func (q question) take(draft *scenarios.Draft, answer string) error {
	if answer == "" {
		return nil
	}
	return q.set(draft, answer)
}

// ask puts one question; Enter, and nobody being there, takes the usual answer.
func (i interview) ask(ctx context.Context, asks, usual string) string {
	if i.lines == nil || ctx.Err() != nil {
		return usual
	}
	fmt.Fprintf(i.out, "%s [%s]: ", asks, usual)
	select {
	case line := <-i.lines:
		if line != "" {
			return line
		}
	case <-ctx.Done():
	}
	return usual
}
