package peers

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os/exec"

	"github.com/needwant/needwant/harness/search"
)

//go:embed device.py
var picireScript string

// Picire drives picire 21.8, an implementation of ddmin in Python by its authors.
type Picire struct {
	modules string // the folder of picire and what it imports
}

// InstallPicire installs picire from PyPI into a folder. It needs Python 3 with pip.
func InstallPicire(ctx context.Context, folder string) (Picire, error) {
	install := exec.CommandContext(ctx, "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
		"--target", folder, "picire==21.8", "setuptools==80.10.2")
	if out, err := install.CombinedOutput(); err != nil {
		return Picire{}, fmt.Errorf("installing picire: %w: %s", err, bytes.TrimSpace(out))
	}
	return Picire{folder}, nil
}

// Found is what picire makes of one device: the cuts that it takes it to have, all of one
// member, and in how many different trials.
type Found struct {
	Cuts   []search.Set
	Trials int
}

// Explain gives picire devices with the destinations 0 … n-1 and these cuts, all to one process.
func (p Picire) Explain(ctx context.Context, n int, devices [][]search.Set) ([]Found, error) {
	type device struct {
		N    int     `json:"n"`
		Cuts [][]int `json:"cuts"`
	}
	var asked []device
	for _, cuts := range devices {
		d := device{N: n, Cuts: [][]int{}}
		for _, cut := range cuts {
			d.Cuts = append(d.Cuts, cut.Members())
		}
		asked = append(asked, d)
	}
	input, err := json.Marshal(asked)
	if err != nil {
		return nil, fmt.Errorf("asking picire: %w", err)
	}
	command := exec.CommandContext(ctx, "python3", "-W", "ignore", "-c", picireScript)
	command.Env = append(command.Environ(), "PYTHONPATH="+p.modules, "PYTHONDONTWRITEBYTECODE=1")
	var output, log bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &output, &log
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("running picire: %w: %s", err, bytes.TrimSpace(log.Bytes()))
	}
	var answers []struct {
		Allowed []int `json:"allowed"`
		Trials  int   `json:"trials"`
	}
	if err := json.Unmarshal(output.Bytes(), &answers); err != nil {
		return nil, fmt.Errorf("reading what picire found: %w", err)
	}
	if len(answers) != len(devices) {
		return nil, fmt.Errorf("reading what picire found: %d answers for %d devices", len(answers), len(devices))
	}
	var found []Found
	for _, a := range answers {
		found = append(found, Found{singles(search.Of(a.Allowed...)), a.Trials})
	}
	return found, nil
}
