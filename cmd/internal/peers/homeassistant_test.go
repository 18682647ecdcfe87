//go:build e2e

package peers_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/scenarios/hass"
)

// installed is the path of a program that make e2e has installed from one of the
// lists in this directory.
func installed(list, program string) string {
	return filepath.Join("../../../.cache/peers", list, "bin", program)
}

// The releases of Home Assistant core that are used here. Each has a list.
const (
	oldRelease     = "2024.3.3" // the last for Python 3.11; it does not say when a state was reported
	currentRelease = "2026.11.0"
)

// configuration is the least that the REST API, the WebSocket API and a config
// entry need. The integration is loaded by its entry. There is no http block:
// since 2026 Home Assistant tries one out for 5 minutes, and then restarts without
// it unless a person has confirmed it.
const configuration = `
homeassistant: {name: Lab, latitude: 0, longitude: 0, elevation: 0, unit_system: metric, time_zone: UTC}
api:
websocket_api:
config:
logger: {default: warning}
`

// instance is a Home Assistant core with an entity of a lab's device.
type instance struct {
	release string
	device  lab.DeviceSite
	from    *netns.Namespace // the host of its user
	lab.AssistantSite
}

// moveIn starts Home Assistant in the place of a lab's stand-in: at its URL, and
// with its entity.
func moveIn(ctx context.Context, release string, l *lab.Lab) *instance {
	GinkgoHelper()
	home := &instance{release, l.Device, l.App, l.Assistant}
	home.setUp(ctx, l.Vacate())
	return home
}

// setUp starts Home Assistant on a host, makes an account and a long-lived token,
// and adds the device, as its owner would do.
func (h *instance) setUp(ctx context.Context, host *netns.Namespace) {
	GinkgoHelper()
	h.start(ctx, host)
	h.onboard(ctx)
	h.addDevice(ctx)
}

func (h *instance) start(ctx context.Context, host *netns.Namespace) {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	Expect(os.WriteFile(filepath.Join(folder, "configuration.yaml"), []byte(configuration), 0o600)).To(Succeed())
	// Starting takes a processor for several seconds. The devices of other specs
	// go first: they would stand still meanwhile.
	command := host.Command(context.Background(), "nice", "-n", "19", installed("homeassistant-"+h.release, "hass"), "--config", folder, "--skip-pip")
	command.Stdout, command.Stderr = GinkgoWriter, GinkgoWriter
	Expect(command.Start()).To(Succeed())
	DeferCleanup(func() {
		_ = command.Process.Kill() // nothing that it would save is needed
		_ = command.Wait()
	})
	Eventually(func(g Gomega) {
		answer, err := h.do(ctx, http.MethodGet, "/api/onboarding", "", nil)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(answer.Body.Close()).To(Succeed())
		g.Expect(answer.StatusCode).To(Equal(http.StatusOK))
	}).WithContext(ctx).Within(2 * time.Minute).ProbeEvery(500 * time.Millisecond).Should(Succeed())
}

// do sends a request from the user's host.
func (h *instance) do(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, h.URL+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Authorization", "Bearer "+h.Token)
	return h.web().Do(request)
}

func (h *instance) web() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: h.from.Dial, DisableKeepAlives: true}}
}

// post sends JSON, or a form as it is, and returns the fields of the answer.
func (h *instance) post(ctx context.Context, path string, body any) map[string]any {
	GinkgoHelper()
	kind, text := "application/json", ""
	if form, ok := body.(url.Values); ok {
		kind, text = "application/x-www-form-urlencoded", form.Encode()
	} else {
		written, err := json.Marshal(body)
		Expect(err).NotTo(HaveOccurred())
		text = string(written)
	}
	answer, err := h.do(ctx, http.MethodPost, path, kind, strings.NewReader(text))
	Expect(err).NotTo(HaveOccurred())
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	Expect(err).NotTo(HaveOccurred())
	Expect(answer.StatusCode).To(Equal(http.StatusOK), "%s: %s", path, content)
	fields := map[string]any{}
	Expect(json.Unmarshal(content, &fields)).To(Succeed())
	return fields
}

// onboard makes the first account, and a long-lived token for it.
func (h *instance) onboard(ctx context.Context) {
	GinkgoHelper()
	client := h.URL + "/"
	account := h.post(ctx, "/api/onboarding/users", map[string]string{
		"name": "Lab", "username": "lab", "password": "lab", "client_id": client, "language": "en",
	})
	session := h.post(ctx, "/auth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {account["auth_code"].(string)}, "client_id": {client},
	})
	h.Token = session["access_token"].(string) // of half an hour
	h.send(ctx, &h.Token, `{"type": "auth/long_lived_access_token", "client_name": "needwant", "lifespan": 1}`)
}

// send says something over the WebSocket, for what has no other way, and reads
// the answer into what is given.
func (h *instance) send(ctx context.Context, answer any, message string) {
	GinkgoHelper()
	text, err := h.from.Command(ctx, "node", "testdata/socket.mjs", "send", h.URL, h.Token, message).Output()
	Expect(err).NotTo(HaveOccurred())
	Expect(json.Unmarshal(text, answer)).To(Succeed(), "%s", text)
}

// addDevice goes through the dialogues of Settings, Devices: no cloud, the
// address and the token by hand. It renames the entity, which is called after the
// device's model.
func (h *instance) addDevice(ctx context.Context) {
	GinkgoHelper()
	const flows = "/api/config/config_entries/flow"
	flow := h.post(ctx, flows, map[string]string{"handler": "xiaomi_miio"})["flow_id"].(string)
	Expect(h.post(ctx, flows+"/"+flow, map[string]bool{"manual": true})).To(HaveKeyWithValue("step_id", "manual"))
	Expect(h.post(ctx, flows+"/"+flow, map[string]string{"host": h.device.Address.String(), "token": h.device.Token})).
		To(And(HaveKeyWithValue("type", "create_entry"), HaveKeyWithValue("title", h.device.Model)))
	h.awaits(ctx, modelled)
	var renamed map[string]any
	h.send(ctx, &renamed, `{"type": "config/entity_registry/update", "entity_id": "`+modelled+`", "new_entity_id": "`+h.Entity+`"}`)
	Expect(renamed).To(HaveKeyWithValue("entity_entry", HaveKeyWithValue("platform", "xiaomi_miio")))
	h.awaits(ctx, h.Entity)
}

// modelled is the entity that the integration makes.
const modelled = "vacuum.roborock_vacuum_s5"

// awaits waits until an entity is there and shows the device at its dock.
func (h *instance) awaits(ctx context.Context, entity string) {
	GinkgoHelper()
	client := &hass.Client{URL: h.URL, Token: hass.NewToken(h.Token), HTTP: h.web()}
	Eventually(client.State).WithContext(ctx).WithArguments(entity).Within(time.Minute).ProbeEvery(200 * time.Millisecond).
		Should(HaveField("State", "docked"))
}
