package scenarios

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/internal/yamlfile"
)

// Lab is the placement of a simulated device.
const Lab = "lab"

func keys(steps ...string) []string { return steps }

// check finds the first flaw of a file as it is written.
func (f File) check() *yamlfile.Flaw {
	for _, check := range []func() *yamlfile.Flaw{
		f.checkHead, f.checkDevice, f.Device.checkMaker, f.checkFirmware, f.checkGateway, f.checkBlock, f.checkTiming, f.checkTrials, f.checkNotify,
		f.checkScenarios, f.checkSecrets, f.checkRegimes, f.checkPower, f.checkAbort,
	} {
		if flaw := check(); flaw != nil {
			return flaw
		}
	}
	return nil
}

func (f File) checkHead() *yamlfile.Flaw {
	switch {
	case f.APIVersion != "needwant/v1":
		return yamlfile.FlawAt(keys("apiVersion"), "write apiVersion: needwant/v1", "apiVersion is %q", f.APIVersion)
	case f.Kind != "Scenarios":
		return yamlfile.FlawAt(keys("kind"), "write kind: Scenarios", "kind is %q", f.Kind)
	}
	return nil
}

func (f File) checkDevice() *yamlfile.Flaw {
	address := f.Device.Address
	mac, err := net.ParseMAC(f.Device.MAC)
	if f.Device.MAC != "" && (err != nil || len(f.Device.MAC) != len("00:00:00:00:00:00")) {
		return yamlfile.FlawAt(keys("device", "mac"), `write it as "7c:49:eb:00:00:01", in quotes`, "%q is not a MAC address", f.Device.MAC)
	}
	if len(mac) > 0 && (mac[0]&1 != 0 || bytes.Equal(mac, make([]byte, 6))) {
		return yamlfile.FlawAt(keys("device", "mac"), "write the device's own, as its label or the home router's list of devices has it", "%s is not the MAC address of one device", mac)
	}
	if address.IsValid() && (address.IsLoopback() || address.IsMulticast() || address.IsUnspecified()) {
		return yamlfile.FlawAt(keys("device", "address"), "write the device's own, e.g. 192.168.50.10", "%s is not an address of a device", address)
	}
	if f.Gateway.Placement != Lab && f.Device.MAC == "" && !address.IsValid() {
		return yamlfile.FlawAt(keys("device"), "write mac, address, or both", "nothing says which device it is")
	}
	return nil
}

func (f File) checkBlock() *yamlfile.Flaw {
	return firstFlaw(
		f.checkFaults(),
		words(keys("block", "keep"), f.Block.Keep, "word to keep", "dhcp", "dns"),
		f.Block.checkAlways(),
		f.Block.checkOnly(),
		f.checkResolver(),
		f.checkStandIns(),
	)
}

// firstFlaw is the first of the flaws that is one.
func firstFlaw(flaws ...*yamlfile.Flaw) *yamlfile.Flaw {
	for _, flaw := range flaws {
		if flaw != nil {
			return flaw
		}
	}
	return nil
}

// words refuses unknown and repeated words of a list.
func words(path, list []string, noun string, known ...string) *yamlfile.Flaw {
	for i, word := range list {
		at := append(slices.Clone(path), strconv.Itoa(i))
		if !slices.Contains(known, word) {
			return yamlfile.FlawAt(at, yamlfile.Suggest(word, known), "unknown %s %q", noun, word)
		}
		if slices.Contains(list[:i], word) {
			return yamlfile.FlawAt(at, "leave one out", "%s is given twice", word)
		}
	}
	return nil
}

// longestTime is the longest time that a spec may ask for.
const longestTime = 30 * 24 * time.Hour

// never is what timing.provoke is if nothing may be done.
const never = "never"

// able reports whether the device can be provoked by some means. A lease is given by needwant alone, and the link is the
// device's alone. A person is not asked to restart the device in the middle of a trial.
func (f File) able(by harness.Provoker) bool {
	placement, boot := f.Gateway.Placement, f.Regimes.ColdBoot
	switch by {
	case harness.ByLease:
		return slices.Contains([]string{Lab, "nic", "vlan", "ap"}, placement)
	case harness.ByLink:
		return slices.Contains([]string{Lab, "nic"}, placement)
	case harness.ByStart:
		return boot != nil && (boot.Power == nil || boot.Power.Prompt == "")
	}
	return false
}

// Provokers are what the device may be provoked by during a trial, the gentlest first: the means that timing.provoke
// names, and all that are gentler.
func (f File) Provokers() (may []harness.Provoker) {
	for _, by := range harness.Provokers() {
		if f.Timing.Provoke != never && f.able(by) {
			may = append(may, by)
		}
		if string(by) == f.Timing.Provoke {
			break
		}
	}
	return may
}

func (f File) checkTiming() *yamlfile.Flaw {
	for _, time := range []struct {
		key   string
		value time.Duration
	}{{"settle", f.Timing.Settle}, {"recover", f.Timing.Recover}, {"longest", f.Timing.Longest}, {"observe", f.Timing.Observe}} {
		if time.value > longestTime {
			return yamlfile.FlawAt(keys("timing", time.key), "write 720h at most", "%s is %s", time.key, span.Typed(time.value))
		}
	}
	switch by := harness.Provoker(f.Timing.Provoke); {
	case by == "" || by == never || f.able(by):
		return nil
	case !slices.Contains(harness.Provokers(), by):
		return yamlfile.FlawAt(keys("timing", "provoke"), "write lease, link, start or never", "provoke is %q", by)
	case by == harness.ByStart:
		return yamlfile.FlawAt(keys("timing", "provoke"), "add the regime cold_boot with power: hass, http or exec, or leave out provoke", "nothing restarts the device without a person")
	case by == harness.ByLink:
		return yamlfile.FlawAt(keys("timing", "provoke"), "write placement: nic, or leave out provoke", "with placement %s, needwant does not take the device's link down", f.Gateway.Placement)
	}
	return yamlfile.FlawAt(keys("timing", "provoke"), "write placement: nic, or leave out provoke", "with placement %s, needwant is not the only one that gives the device a lease", f.Gateway.Placement)
}

func (f File) checkTrials() *yamlfile.Flaw {
	switch t := f.Trials; {
	case t.ControlEvery < 0:
		return yamlfile.FlawAt(keys("trials", "control_every"), "write a number from 1, e.g. 8", "control_every is %d", t.ControlEvery)
	case t.Budget < 0:
		return yamlfile.FlawAt(keys("trials", "budget"), "write a number of trials, or 0 for the usual limit", "budget is %d", t.Budget)
	case !(t.MaxNoise >= 0 && t.MaxNoise <= 0.3):
		return yamlfile.FlawAt(keys("trials", "max_noise"), "write a number from 0 to 0.3: a device that fails more often cannot be judged", "max_noise is %v", t.MaxNoise)
	}
	return nil
}

func (f File) checkRegimes() *yamlfile.Flaw {
	boot := f.Regimes.ColdBoot
	if boot == nil {
		return nil
	}
	at := keys("regimes", "cold_boot")
	if boot.Timeout > time.Hour {
		return yamlfile.FlawAt(append(at, "timeout"), "write 1h at most", "timeout is %s", span.Typed(boot.Timeout))
	}
	if boot.Power == nil {
		if f.Gateway.Placement != Lab {
			return yamlfile.FlawAt(at, "give it power, as power: {hass: switch.s50_plug, off: 10s}", "nothing says how to power-cycle the device")
		}
		return nil
	}
	if mistake := boot.Power.check(); mistake != nil {
		return argumentFlaw(append(at, "power"), mistake)
	}
	if boot.Power.byItself() && f.Gateway.Placement != Lab {
		return yamlfile.FlawAt(append(at, "power"), "write hass, http, exec or prompt", "nothing says how to power-cycle the device")
	}
	return nil
}

// checkPower refuses a switch of Home Assistant that is nowhere.
func (f File) checkPower() *yamlfile.Flaw {
	if f.homeURL() != "" {
		return nil
	}
	if boot := f.Regimes.ColdBoot; boot != nil && boot.Power != nil && boot.Power.homeless() {
		return yamlfile.FlawAt(keys("regimes", "cold_boot", "power", "hass"), "write url: http://192.168.1.5:8123 beside it", "nothing says where that Home Assistant is")
	}
	for _, spec := range f.Scenarios {
		for i, step := range spec.Steps {
			if power, ok := step.Do.(*Power); ok && power.homeless() {
				return yamlfile.FlawAt(keys("scenarios", spec.Name, "steps", strconv.Itoa(i), "power", "hass"), "write url: http://192.168.1.5:8123 beside it", "nothing says where that Home Assistant is")
			}
		}
	}
	return nil
}

// homeURL is the Home Assistant of the first hass step, "" if there is none.
func (f File) homeURL() string {
	for _, spec := range f.Scenarios {
		for _, step := range spec.Steps {
			if look, ok := step.Do.(*Hass); ok {
				return look.URL
			}
		}
	}
	return ""
}

// powers are all of the file's switches.
func (f File) powers() (all []*Power) {
	if boot := f.Regimes.ColdBoot; boot != nil && boot.Power != nil {
		all = append(all, boot.Power)
	}
	for _, spec := range f.Scenarios {
		for _, step := range spec.Steps {
			if power, ok := step.Do.(*Power); ok {
				all = append(all, power)
			}
		}
	}
	return all
}

// conditionFlaw places a mistake in an expression; nil when there is none.
func conditionFlaw(path []string, err error) *yamlfile.Flaw {
	if err == nil {
		return nil
	}
	flaw := yamlfile.FlawAt(path, "", "%s", err.Error())
	if wrong, ok := errors.AsType[*conditionError](err); ok {
		flaw.Message, flaw.Remedy, flaw.Inside = wrong.message, wrong.remedy(), true
		if !strings.Contains(strings.TrimSpace(wrong.text), "\n") {
			flaw.Column = wrong.column
		}
	}
	return flaw
}

// argumentFlaw places a mistake in the arguments of an action.
func argumentFlaw(path []string, mistake *ArgumentError) *yamlfile.Flaw {
	path = slices.Clone(path)
	if mistake.Argument != "" {
		path = append(path, strings.Split(mistake.Argument, ".")...)
	}
	flaw := yamlfile.FlawAt(path, mistake.Remedy, "%s", mistake.Message)
	flaw.Secret = mistake.secret
	return flaw
}

// fillIn gives the file what its text leaves out.
func (f *File) fillIn() {
	switch {
	case len(f.Block.Faults) > 0:
	case f.Block.Only != nil:
		f.Block.Faults = []string{"nxdomain"}
	default:
		f.Block.Faults = f.Gateway.Faults()[:1]
	}
	if f.Block.Keep == nil && f.Gateway.Placement != ByDNS {
		f.Block.Keep = []string{"dhcp"}
	}
	if f.Regimes == (Regimes{}) {
		f.Regimes.Steady = &Steady{}
	}
	if f.Trials.ControlEvery == 0 {
		f.Trials.ControlEvery = 8
	}
	if f.Gateway.Placement != Lab {
		setDefault(&f.Timing.Settle, 90*time.Second)
		setDefault(&f.Timing.Recover, time.Minute)
		setDefault(&f.Timing.Longest, 30*time.Minute)
		setDefault(&f.Timing.Observe, 30*time.Minute)
		if boot := f.Regimes.ColdBoot; boot != nil {
			setDefault(&boot.Wait, 3*time.Minute)
		}
	}
	for _, power := range f.powers() {
		if power.homeless() {
			power.URL = f.homeURL()
		}
	}
	for i := range f.Scenarios {
		if spec := &f.Scenarios[i]; spec.During == continuous {
			setDefault(&spec.Every, defaultEvery)
			setDefault(&spec.PassWhen, defaultPassWhen)
		}
	}
}

func setDefault[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// uses reports whether some step is of this kind.
func (f File) uses(kind string) bool {
	if f.Firmware != nil && kindOf(f.Firmware.Do).Name == kind {
		return true
	}
	for _, spec := range f.Scenarios {
		for _, step := range spec.Steps {
			if kindOf(step.Do).Name == kind {
				return true
			}
		}
	}
	return false
}

func (f File) checkSecrets() *yamlfile.Flaw {
	if f.Gateway.Placement == Lab {
		return nil
	}
	switch {
	case f.uses("miio") && f.Secrets.Miio == "":
		return yamlfile.FlawAt(keys("secrets"), "write secrets: {miio: env:TOKEN}, and export TOKEN=... before", "miio steps need the device's token")
	case f.uses("miio") && !f.Device.Address.IsValid():
		return yamlfile.FlawAt(keys("device"), "write device: {address: 192.168.50.10}", "miio steps need the device's address")
	case f.usesHome() && f.Secrets.Hass == "":
		return yamlfile.FlawAt(keys("secrets"), "write secrets: {hass: env:HASS_TOKEN}, and export HASS_TOKEN=... before", "Home Assistant needs an access token")
	}
	return nil
}

// checkMaker accepts domains as they are registered: a report compares the domain of
// each destination with them.
func (d Device) checkMaker() *yamlfile.Flaw {
	for i, text := range d.Maker {
		at := keys("device", "maker", strconv.Itoa(i))
		domain, err := publicsuffix.EffectiveTLDPlusOne(text)
		switch {
		case err != nil:
			return yamlfile.FlawAt(at, "write it like xiaomi.com", "%q is not a domain", text)
		case domain != text:
			return yamlfile.FlawAt(at, "write "+domain, "%s is a name below a registered domain", text)
		case slices.Contains(d.Maker[:i], text):
			return yamlfile.FlawAt(at, "leave one out", "%s is given twice", text)
		}
	}
	return nil
}
