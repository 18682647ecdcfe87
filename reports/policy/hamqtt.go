package policy

import (
	"encoding/json"
	"fmt"
	"slices"
)

// message is one retained message of MQTT.
type message struct {
	Topic   string `json:"topic"`
	Retain  bool   `json:"retain"`
	Payload any    `json:"payload"` // publish strings bare, and all else as JSON
}

// haMQTT writes the messages that make Home Assistant show, by MQTT discovery,
// whether the device depends on anything outside of the home.
func haMQTT(d *draft, p Policy) error {
	id := p.Device.table()
	topic := "needwant/" + p.Device.slug()
	state := "OFF"
	if len(p.Open) > 0 {
		state = "ON"
	}
	sensor := "Needs the internet"
	if p.Simulated {
		sensor += " (simulated device)"
	}
	messages := []message{
		{"homeassistant/binary_sensor/" + id + "/config", true, map[string]any{
			"name":                  sensor,
			"unique_id":             id,
			"device_class":          "problem",
			"state_topic":           topic + "/state",
			"json_attributes_topic": topic + "/attributes",
			"device":                map[string]any{"identifiers": []string{id}, "name": p.Device.Name, "model": p.Device.Model, "sw_version": p.Device.Firmware},
		}},
		{topic + "/state", true, state},
		{topic + "/attributes", true, map[string]any{
			"policy": p.Kind, "scenarios": harmlessAll(p.Columns), "run": harmless(p.Run), "simulated": p.Simulated,
			"open": described(p.Open), "blocked": described(slices.Concat(p.Blocked, p.Always)), "doubts": p.Doubts,
		}},
	}
	d.lose("It shows the policy and enforces nothing.")
	text, err := json.MarshalIndent(messages, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the messages: %w", err)
	}
	d.document(text)
	return nil
}

func described(destinations []Destination) []string {
	words := []string{}
	for _, d := range destinations {
		words = append(words, d.label()+": "+d.Why)
	}
	return words
}

func harmlessAll(texts []string) []string {
	words := []string{}
	for _, text := range texts {
		words = append(words, harmless(text))
	}
	return words
}
