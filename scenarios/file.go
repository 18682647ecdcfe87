package scenarios

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// File is a spec file: a device, where it stands, and what its owner cares
// about. Get one from [Find], [Load] or [Parse]: they fill in what the text
// leaves out and refuse what makes no sense.
type File struct {
	APIVersion string  `yaml:"apiVersion" jsonschema:"enum=needwant/v1" about:"The version of this format."`
	Kind       string  `yaml:"kind" jsonschema:"enum=Scenarios" about:"What the file is."`
	About      string  `yaml:"about,omitempty" about:"One sentence for people."`
	Device     Device  `yaml:"device,omitempty" about:"The device under test."`
	Firmware   *Step   `yaml:"firmware,omitempty" about:"How to read the device's firmware: a step that saves it as firmware, made from this machine, for example {miio: {method: miIO.info}, save: {firmware: result.fw_ver}}. Reports name the firmware, and an agent tests a result again when the firmware changes."`
	Gateway    Gateway `yaml:"gateway" about:"How the device is connected, and what blocks."`
	Secrets    Secrets `yaml:"secrets,omitempty" about:"Where secrets are: env:NAME or file:PATH, never the secret itself."`
	Block      Block   `yaml:"block,omitempty" about:"How to block, and what never to."`
	Timing     Timing  `yaml:"timing,omitempty" about:"How long the parts of a trial take."`
	Trials     Trials  `yaml:"trials,omitempty" about:"How many trials, and how far an answer is trusted."`
	Regimes    Regimes `yaml:"regimes,omitempty" about:"In which states of the device to judge. The default is steady."`
	Scenarios  List    `yaml:"scenarios" about:"What the owner cares about, by name. Each is a column of the table."`
	Notify     *Notify `yaml:"notify,omitempty" about:"Tells a person that a question waits, and that the run is over."`
	AbortIf    string  `yaml:"abort_if,omitempty" about:"Ends the experiment and puts the network back, over offline_s, elapsed_s, trials."`

	path   string // as it was given, for errors
	folder string // of the file, for the secrets in files
	text   string
}

// List is the scenarios in the order of the text.
type List []Spec

// Device is what is known of the device under test.
type Device struct {
	Name    string     `yaml:"name,omitempty" about:"What you call it."`
	Model   string     `yaml:"model,omitempty" about:"As the device or its box has it, for example roborock.vacuum.s5."`
	MAC     string     `yaml:"mac,omitempty" about:"Its MAC address, in quotes. Needed with onearm, ap and host, where it is one of several clients."`
	Maker   []string   `yaml:"maker,omitempty" about:"The maker's domains, for example [xiaomi.com, mi.com]. Reports call destinations of these domains first party, and no others."`
	Address netip.Addr `yaml:"address,omitempty" about:"Its IP address: in the home network with placement host and dns, otherwise behind the gateway, in a network that the home does not use. Left out with placement lab."`
}

// Gateway says where the gateway stands. Which keys it needs depends on the
// placement.
type Gateway struct {
	Placement   string       `yaml:"placement"`
	World       string       `yaml:"world,omitempty" about:"lab: the world, a name of needwant world list or a file."`
	Inside      string       `yaml:"inside,omitempty" about:"nic, vlan, ap, host: the link to the device, for example eth1."`
	Uplink      string       `yaml:"uplink,omitempty" about:"nic, vlan, onearm, ap, host: the link to the home network, for example eth0."`
	VLAN        int          `yaml:"vlan,omitempty" jsonschema:"minimum=1,maximum=4094" about:"vlan: the number of the device's VLAN."`
	Forward     []Port       `yaml:"forward,omitempty" about:"nic, vlan, onearm, ap: ports of the gateway's own address in the home network that lead to the device, for example [udp/54321]: for a controller that has no route to the device."`
	Controllers []netip.Addr `yaml:"controllers,omitempty" about:"nic, vlan, onearm, ap: hosts of the home network that the device may call by itself, for example the MQTT broker. All others it may only answer."`
	Isolate     *bool        `yaml:"isolate,omitempty" about:"nic, vlan, onearm, ap: false lets the device call all of the home network. The default is true."`
	Others      string       `yaml:"other_protocols,omitempty" jsonschema:"enum=drop,enum=allow" about:"nic, vlan, onearm, ap, host: what becomes of what the device sends to the internet that cannot be tested, because it is neither TCP nor UDP nor an ICMP echo: drop (the default) or allow. It is reported either way."`
	Resolver    string       `yaml:"resolver,omitempty" about:"dns: the resolver that the answers come from, such as a Pi-hole or the home router: 192.168.1.1, or 192.168.1.2:5353. The default is the first one of this machine (/etc/resolv.conf)."`
	Listen      netip.Addr   `yaml:"listen,omitempty" about:"dns: the address of this machine that the device queries. The default is its address in the device's network."`
	SSID        string       `yaml:"ssid,omitempty" about:"ap: the name of the Wi-Fi."`
	Passphrase  Secret       `yaml:"passphrase,omitempty" about:"ap: where the passphrase is, env:NAME or file:PATH."`
}

// Secrets says where the secrets are.
type Secrets struct {
	Miio Secret `yaml:"miio,omitempty" about:"The device's miIO token, 32 hexadecimal digits."`
	Hass Secret `yaml:"hass,omitempty" about:"A long-lived access token of Home Assistant."`
}

// Block says how to block.
type Block struct {
	Faults   []string `yaml:"faults,omitempty"`
	Only     *Only    `yaml:"only,omitempty" about:"Test only the names of a blocklist. Everything else stays reachable, and is not judged. The fault is nxdomain then."`
	Keep     []string `yaml:"keep,omitempty" jsonschema:"enum=dhcp,enum=dns" about:"What is never blocked: dhcp (the default), dns."`
	Always   []string `yaml:"always,omitempty" about:"What is blocked in every trial, in the controls too, and not judged: a host, *.domain, an address, or protocol/port/name with * for a protocol or a port. For a device that works only while it does not reach one of its hosts."`
	StandIns []string `yaml:"stand_ins,omitempty" jsonschema:"enum=ntp,enum=dns,enum=probe,enum=icmp,enum=tls,enum=tcp,enum=miio-cloud" about:"What the gateway answers in the end instead of what is needed, to see what could be replaced: ntp (a time server), dns (a resolver that is built in as an address), probe (pages of connectivity checks over HTTP), icmp (replies to pings), tls (a TLS server on port 443 with a certificate that no device can know), tcp (accepts connections on other ports and says nothing), miio-cloud (echoes keep-alives on udp/8053); [] for nothing. Without this key it is all but tls, tcp and miio-cloud, but nothing with placement dns or with only."`
}

// Only names a blocklist.
type Only struct {
	List string `yaml:"list" about:"The file: hosts, plain domains, AdBlock, dnsmasq, RPZ or Unbound. A relative path begins where the spec is."`
}

// Timing says how long the parts of a trial take.
type Timing struct {
	Settle  time.Duration `yaml:"settle,omitempty" about:"The time from the block to the checks. The default is 90s. In a lab, the default is the time that the world's device needs to notice a block, and less is an error."`
	Recover time.Duration `yaml:"recover,omitempty" about:"The longest wait for the device to work again after a block. The default is 60s; in a lab, ten times the default of settle, plus 2s."`
	Longest time.Duration `yaml:"longest,omitempty" about:"How long a block is held at most while needwant waits for a destination that the device contacts seldom, for example once an hour. The default is 30m, or 40s in a lab."`
	Provoke string        `yaml:"provoke,omitempty" jsonschema:"enum=lease,enum=link,enum=start,enum=never" about:"What may be done, if that saves time, to make the device contact what it contacts seldom. lease: it is given a new lease (placements nic, vlan, ap and lab). link: its link is also taken down and up (nic and lab). start: it is also restarted (with the regime cold_boot). never: it is left alone. The default is all that the spec can."`
	Observe time.Duration `yaml:"observe,omitempty" about:"How long to watch before the first block. The default is 30m, and no longer than any trial in a lab."`
}

// Trials says how many trials to make.
type Trials struct {
	ControlEvery int     `yaml:"control_every,omitempty" jsonschema:"minimum=1" about:"There is a control after this many trials. The default is 8."`
	MaxNoise     float64 `yaml:"max_noise,omitempty" jsonschema:"minimum=0,maximum=0.3" about:"The largest share of the scenarios' results, 0 to 0.3, that you expect to be wrong by chance. With 0, the default, every single result counts as true."`
	Budget       int     `yaml:"budget,omitempty" jsonschema:"minimum=0" about:"The most trials that block something. 0, the default, is a limit that grows with the destinations and that only a run without an end reaches."`
}

// Regimes are the states of the device in which to judge; nil where not.
type Regimes struct {
	Steady   *Steady   `yaml:"steady,omitempty" about:"The device runs when the block begins."`
	ColdBoot *ColdBoot `yaml:"cold_boot,omitempty" about:"The device is power-cycled while blocked."`
}

// Steady has no settings.
type Steady struct{}

// ColdBoot says how to power-cycle the device.
type ColdBoot struct {
	Power   *Power        `yaml:"power,omitempty" about:"How to switch the device off and on. Without it, a lab uses its own switch."`
	Timeout time.Duration `yaml:"timeout,omitempty" about:"The longest time for switching off, and again for switching on. The default is 1m, or 10m if a person switches."`
	Wait    time.Duration `yaml:"wait,omitempty" about:"What the device needs to start. The default is 3m, or nothing in a lab."`
}

// Text is the file as it was read.
func (f File) Text() string { return f.text }

// Folder is where the file lies: relative paths in it begin there.
func (f File) Folder() string { return f.folder }

// Port is a port with its protocol, as "udp/54321".
type Port string

// Split gives the protocol, tcp or udp, and the number, from 1.
func (p Port) Split() (protocol string, number uint16, err error) {
	protocol, text, _ := strings.Cut(string(p), "/")
	value, err := strconv.ParseUint(text, 10, 16)
	if err != nil || value == 0 || (protocol != "tcp" && protocol != "udp") {
		return "", 0, fmt.Errorf("%q is not a port of tcp or udp", string(p))
	}
	return protocol, uint16(value), nil
}
