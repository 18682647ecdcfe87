package lab

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// World is a simulated device with its internet, as a file states it. Get one
// from [Find], [Load], [Parse], [Make] or [Random]: they fill in what the file leaves
// out and refuse what makes no sense.
type World struct {
	APIVersion   string                 `yaml:"apiVersion" jsonschema:"enum=needwant/v1" about:"The version of this format."`
	Kind         string                 `yaml:"kind" jsonschema:"enum=World" about:"What the file is."`
	Name         string                 `yaml:"name" about:"What the world is called in lists and reports."`
	About        string                 `yaml:"about,omitempty" about:"One sentence for people."`
	Device       Device                 `yaml:"device" about:"The simulated device."`
	Tempo        Tempo                  `yaml:"tempo,omitempty" about:"How fast everything happens."`
	Destinations map[string]Destination `yaml:"destinations" about:"What the device contacts, by an id that expressions use."`
	Functions    Functions              `yaml:"functions,omitempty" about:"What must be reached for each function of the device to work. Missing means true."`
	Boot         Functions              `yaml:"boot,omitempty" about:"What must have been reached at once at least one time since the start, latched until the restart."`
	Failure      Failure                `yaml:"failure,omitempty" jsonschema:"enum=silent,enum=error,enum=mute" about:"How a function fails: silent (the default) does not answer, error answers -9999 user ack timeout, mute is silent and gives no hello either while info fails."`
	Noise        Noise                  `yaml:"noise,omitempty" about:"How unreliable the device is even when all is well."`
	Assistant    Assistant              `yaml:"assistant,omitempty" about:"How the Home Assistant stand-in behaves."`
	Duty         Duty                   `yaml:"duty,omitempty" about:"While a function's need is not met it still answers for up, then fails for down, repeating."`
	Late         Late                   `yaml:"late,omitempty" about:"How functions that work may be slow."`
	Scenarios    []string               `yaml:"scenarios,omitempty" jsonschema:"enum=native_app,enum=hass,enum=hass_local,enum=info,enum=remote" about:"What to judge: native_app, hass, hass_local, info, remote. The default is native_app and hass."`
	Watch        Watch                  `yaml:"watch,omitempty" about:"Judges the scenarios all the time while a block is held. Without it they are judged once, when it has settled."`
	Monotone     *bool                  `yaml:"monotone,omitempty" about:"false allows a world in which blocking more repairs a function."`

	text string
}

// Device says what the simulated device is.
type Device struct {
	Model    string     `yaml:"model" about:"As miIO.info gives it, for example roborock.vacuum.s5."`
	Firmware string     `yaml:"firmware,omitempty" about:"As miIO.info gives it. Left out, the device has none."`
	Token    string     `yaml:"token,omitempty" jsonschema:"pattern=^[0-9a-fA-F]{32}$" about:"The miIO token, 32 hexadecimal digits."`
	Resolver netip.Addr `yaml:"resolver,omitempty" about:"Asks this address for names, not the gateway. It is a destination of its own then, udp/53."`
	AsksTime bool       `yaml:"time_by_dhcp,omitempty" about:"true: asks by DHCP who gives the time (option 42), and then asks that server instead of its own."`
	OwnOnly  bool       `yaml:"own_subnet,omitempty" about:"true: answers only who asks from an address in the device's own subnet."`
}

// Tempo says how fast the device and its controllers are.
type Tempo struct {
	Contact  time.Duration `yaml:"contact,omitempty" about:"Each active destination is tried once in this time, 10ms to 10m. The default is 200ms."`
	Patience int           `yaml:"patience,omitempty" jsonschema:"minimum=1,maximum=100" about:"A destination counts as reached when one of this many tries succeeded. The default is 3."`
	Poll     time.Duration `yaml:"poll,omitempty" about:"The Home Assistant stand-in polls once in this time, 10ms to 10m. The default is 400ms."`
}

// Destination is one thing that the device contacts.
type Destination struct {
	Host      string         `yaml:"host,omitempty" about:"The name that the device asks for. Without one it contacts the address."`
	Addresses []netip.Addr   `yaml:"addresses" jsonschema:"minItems=1" about:"IPv4 and IPv6 addresses of the name; exactly one if there is no name."`
	Rotate    time.Duration  `yaml:"rotate,omitempty" about:"Answer one address at a time, moving on after this time."`
	TTL       *time.Duration `yaml:"ttl,omitempty" about:"How long the device may keep the addresses, in whole seconds. The default is 1s; 0s means not at all."`
	Protocol  string         `yaml:"protocol" jsonschema:"enum=tcp,enum=udp,enum=icmp" about:"tcp, udp or icmp."`
	Port      uint16         `yaml:"port,omitempty" jsonschema:"minimum=1,maximum=65535" about:"1 to 65535; icmp has none. tcp/443 is TLS, udp/123 NTP, udp/8053 a miIO keep-alive, udp/53 a query; everything else an echo. icmp is an ICMP echo request and its reply."`
	Service   string         `yaml:"service,omitempty" about:"What people call it, for example NTP."`
	After     []string       `yaml:"after,omitempty" about:"Contacted only while none of these destinations is reached."`
	When      When           `yaml:"when,omitempty" jsonschema:"pattern=^(always|boot|use:(info|status|control|remote))$" about:"always (the default), boot (only while starting), or use:FUNCTION (only when that function is called)."`
	Every     time.Duration  `yaml:"every,omitempty" about:"Contacted once in this time, from tempo.contact to 8760h. The default is tempo.contact. Until the first contact since the start is over, it is tried once in tempo.contact."`
	Patience  int            `yaml:"patience,omitempty" jsonschema:"minimum=1,maximum=100" about:"It counts as reached when one of its last contacts succeeded, this many of them. The default is tempo.patience."`
	AtStart   *bool          `yaml:"at_start,omitempty" about:"false: not contacted when the device starts, but some time within every. Starting does not wait for it, and it counts as reached until it was missed as often as it has patience. The default is true."`
	OnLink    bool           `yaml:"on_link,omitempty" about:"true: contacted also as soon as the device's link was down and is up again."`
	OnLease   bool           `yaml:"on_lease,omitempty" about:"true: contacted also as soon as the device has a new lease, since the renewal of its old one was rejected."`
	Sticks    time.Duration  `yaml:"sticks,omitempty" about:"Left alone for this long, each time that it was tried without success as often as the device has patience."`
	Content   *[]string      `yaml:"content_with,omitempty" jsonschema:"enum=ntp,enum=probe,enum=tls,enum=tcp,enum=miio-cloud" about:"Stand-ins that satisfy the device as well as the server. For udp/123 ntp (the default), or [] for a device that checks whose server answers. For tcp/80 probe: it asks for /generate_204, and wants the status 204. For tcp/443 tls: it shakes hands, and does not verify the certificate. For udp/8053 miio-cloud (the default). For any other port of TCP tcp: it wants the connection to be accepted, and says nothing."`
	Hangs     []Hang         `yaml:"hangs,omitempty" jsonschema:"enum=silence,enum=no_name" about:"What makes its client hang, so that a watchdog restarts the device after patience such tries in a row: silence (no answer) or no_name (the answer that the name does not exist)."`
}

// Hang is what a destination's client does not get over by itself.
type Hang string

// What a client may hang on.
const (
	OnSilence Hang = "silence" // neither an answer nor a refusal
	OnNoName  Hang = "no_name" // the resolver says that there is no such name, or that it has no address
)

func hangNames() []string { return []string{string(OnSilence), string(OnNoName)} }

// When says at what times a destination is contacted.
type When string

// The times at which a destination is contacted. A [When] may also be "use:"
// with the name of a function.
const (
	Always When = "always"
	AtBoot When = "boot"
)

// Use is the function whose calls contact the destination, or "".
func (w When) Use() string {
	function, _ := strings.CutPrefix(string(w), "use:")
	if function == string(w) {
		return ""
	}
	return function
}

// Functions holds an expression for each function of the device.
type Functions struct {
	Info    Expression `yaml:"info,omitempty" about:"miIO.info answers."`
	Status  Expression `yaml:"status,omitempty" about:"get_status and the other reads answer."`
	Control Expression `yaml:"control,omitempty" about:"app_start, find_me and the other actions answer."`
	Remote  Expression `yaml:"remote,omitempty" about:"A command from the phone through the cloud is obeyed."`
}

// The functions of a device.
const (
	Info    = "info"
	Status  = "status"
	Control = "control"
	Remote  = "remote"
)

func functionNames() []string { return []string{Info, Status, Control, Remote} }

// Of is the expression of one function, "" if there is none.
func (f Functions) Of(function string) Expression {
	switch function {
	case Info:
		return f.Info
	case Status:
		return f.Status
	case Control:
		return f.Control
	case Remote:
		return f.Remote
	}
	return ""
}

// Failure is how a function fails.
type Failure string

// The ways in which a function fails.
const (
	Silent    Failure = "silent" // does not answer
	WithError Failure = "error"  // answers -9999, user ack timeout
	Mute      Failure = "mute"   // does not answer, nor greet while info fails
)

// Noise is what makes a healthy device unreliable.
type Noise struct {
	Deaf  float64 `yaml:"deaf,omitempty" jsonschema:"minimum=0,maximum=1" about:"Each miIO request but hello is ignored with this probability."`
	Spell Spell   `yaml:"spell,omitempty" about:"Times in which the device is deaf to everything."`
}

// Spell is a bad time that outlives retries: each Every, with this Chance, the
// device is deaf to all for For.
type Spell struct {
	Chance float64       `yaml:"chance,omitempty" jsonschema:"minimum=0,maximum=1" about:"Probability of a spell."`
	Every  time.Duration `yaml:"every,omitempty" about:"How often the chance comes."`
	For    time.Duration `yaml:"for,omitempty" about:"How long a spell lasts."`
}

// Duty is the cycle of a function whose need is not met.
type Duty struct {
	Up   time.Duration `yaml:"up,omitempty" about:"Still answers for this long."`
	Down time.Duration `yaml:"down,omitempty" about:"Then fails for this long."`
}

// Assistant is how the Home Assistant stand-in behaves.
type Assistant struct {
	Fallback Fallback      `yaml:"fallback,omitempty" jsonschema:"enum=cloud" about:"cloud: a poll that fails is answered with what the vendor's cloud knows, without a word. Left out, the entity goes unavailable."`
	Cooldown time.Duration `yaml:"cooldown,omitempty" about:"A poll that is asked for within this time of the last such poll is deferred, as Home Assistant does within 10s. The default is none."`
}

// Fallback is where a controller turns to when the device does not answer it.
type Fallback string

// FromCloud asks the vendor's cloud, which knows the device's state while a
// stream from the device to it is alive.
const FromCloud Fallback = "cloud"

// Late is a function that works, and takes its time.
type Late struct {
	By     time.Duration `yaml:"by,omitempty" about:"An answer comes so much later."`
	Unless Functions     `yaml:"unless,omitempty" about:"What must be reached for each function to answer at once. Missing means true."`
}

// Watch is how scenarios are judged that are checked again and again.
type Watch struct {
	Every time.Duration `yaml:"every,omitempty" about:"From one check to the next, 10ms at least."`
	For   time.Duration `yaml:"for,omitempty" about:"The block is held at least this long."`
	Ratio float64       `yaml:"ratio,omitempty" jsonschema:"minimum=0,maximum=1" about:"A scenario passes when it works for this part of the time."`
}

// The scenarios that a world can be judged by.
const (
	NativeApp     = "native_app" // one read and one action over miIO from the app host
	InfoOnly      = "info"       // one miIO.info from the app host, as a client that looks whether the device is there
	HomeAssistant = "hass"       // the entity of the Home Assistant stand-in
	HassLocal     = "hass_local" // the same, and the state must have come from the device itself
	RemoteCommand = "remote"     // the phone, through the cloud
)

func scenarioNames() []string {
	return []string{NativeApp, InfoOnly, HomeAssistant, HassLocal, RemoteCommand}
}

// Text is the world as YAML, such that [Parse] gives the same world again.
func (w World) Text() string { return w.text }

// Settle is how long the device needs, after something became unreachable, to
// notice and to try what it has instead: contact times patience and two, one for
// the try that was under way and one for the first that goes elsewhere.
func (w World) Settle() time.Duration {
	return w.Tempo.Contact * time.Duration(w.Tempo.Patience+2)
}

// Longest is the longest time from one contact of a destination to the next.
func (w World) Longest() time.Duration {
	longest := w.Tempo.Contact
	for _, d := range w.Destinations {
		longest = max(longest, d.Every)
	}
	return longest
}

// period is the usual time from one contact of a destination to the next.
func (w World) period(id string) time.Duration {
	return max(w.Tempo.Contact, w.Destinations[id].Every)
}

// patience is how many contacts in a row must fail until a destination counts as lost.
func (w World) patience(id string) int {
	return cmp.Or(w.Destinations[id].Patience, w.Tempo.Patience)
}

// atStart reports whether the device contacts the destination when it starts.
func (d Destination) atStart() bool { return d.AtStart == nil || *d.AtStart }

// staysOpen reports whether the device keeps a connection from one contact to the next.
func (d Destination) staysOpen() bool {
	return d.When == Always && d.Every == 0 && !d.probes() && !d.trusting() && !d.waiting()
}

// The stand-ins that a destination may be content with.
const (
	ownTime  = "ntp"
	ownProbe = "probe"
	anyTLS   = "tls"
	openLine = "tcp"
	ownCloud = "miio-cloud"
)

// probes reports whether the device only looks whether a page has the right status.
func (d Destination) probes() bool { return d.Content != nil && slices.Contains(*d.Content, ownProbe) }

// trusting reports whether the device shakes hands with any TLS server.
func (d Destination) trusting() bool { return d.Content != nil && slices.Contains(*d.Content, anyTLS) }

// waiting reports whether the device only looks whether a connection is accepted.
func (d Destination) waiting() bool {
	return d.Content != nil && slices.Contains(*d.Content, openLine)
}

// picky reports whether the device checks whose time server answers.
func (d Destination) picky() bool { return d.Content != nil && !slices.Contains(*d.Content, ownTime) }

// IDs lists the ids of the destinations, sorted.
func (w World) IDs() []string { return slices.Sorted(maps.Keys(w.Destinations)) }

// ICMP is the protocol of a destination that the device pings.
const ICMP = "icmp"

func protocolNames() []string { return []string{"tcp", "udp", ICMP} }

// ID is the destination's id outside of the world, protocol/port/name, where
// the name is the host, or the address if there is no host. The port of an ICMP
// echo is "echo".
func (d Destination) ID() string {
	name := d.Host
	if name == "" && len(d.Addresses) > 0 {
		name = d.Addresses[0].String()
	}
	if d.Protocol == ICMP {
		return fmt.Sprintf("%s/echo/%s", d.Protocol, name)
	}
	return fmt.Sprintf("%s/%d/%s", d.Protocol, d.Port, name)
}

// ttl is how long an answer for the name may be kept.
func (d Destination) ttl() time.Duration {
	if d.TTL == nil {
		return time.Second
	}
	return *d.TTL
}
