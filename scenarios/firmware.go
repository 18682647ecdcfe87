package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/yamlfile"
)

// A spec may say how to read the device's firmware: with a step that saves it. The step is
// made from this machine, also while the device is not behind the gateway.

// firmwareValue is the name that the step saves the firmware by.
const firmwareValue = "firmware"

// firmwareKinds are the steps that can read a firmware.
func firmwareKinds() []string { return []string{"miio", "hass", "http", "mqtt", "exec"} }

func (f File) checkFirmware() *yamlfile.Flaw {
	if f.Firmware == nil {
		return nil
	}
	at := func(key ...string) []string { return append(keys("firmware"), key[min(len(key), 2):]...) } // without "steps", "0"
	if flaw := (Spec{Name: firmwareValue, Steps: []Step{*f.Firmware}}).checkSteps(at); flaw != nil {
		return flaw
	}
	if kind := kindOf(f.Firmware.Do).Name; !slices.Contains(firmwareKinds(), kind) || f.Firmware.Actuates {
		return yamlfile.FlawAt(at(), "use one of "+strings.Join(firmwareKinds(), ", ")+", which only reads", "%s does not read the firmware", kind)
	}
	if len(f.Firmware.Save) != 1 || f.Firmware.Save[firmwareValue] == "" {
		return yamlfile.FlawAt(at(), "write for example save: {firmware: result.fw_ver}", "nothing says where in the answer the firmware is")
	}
	return nil
}

// longestFirmware is how many bytes a firmware may have.
const longestFirmware = 100

// ReadFirmware reads the device's firmware as the file says; "" if it does not say how. The error
// says why it cannot be read.
func (f File) ReadFirmware(ctx context.Context) (string, error) {
	if f.Firmware == nil {
		return "", nil
	}
	const here = "host"
	engines, err := f.engines(Site{Places: map[string]Place{here: {}}})
	if err != nil {
		return "", err
	}
	script, err := engines[here].script(Spec{Name: firmwareValue, Steps: []Step{*f.Firmware}})
	if err != nil {
		return "", err
	}
	progress := progress{saved: map[string]any{}}
	made, why := script.insist(ctx, script.steps[0], &progress)
	if made.Answer != harness.Pass {
		return "", errors.New(why)
	}
	text := strings.TrimSpace(fmt.Sprint(progress.saved[firmwareValue]))
	if progress.saved[firmwareValue] == nil || text == "" || len(text) > longestFirmware || strings.ContainsFunc(text, unicode.IsControl) {
		return "", fmt.Errorf("the answer is not a firmware: %s", made.Saw)
	}
	return text, nil
}
