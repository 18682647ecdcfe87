package scenarios

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Demand is something that carrying out a file does on this machine, or sends from
// it, apart from asking the device itself. A file from someone else must not do it
// unseen.
type Demand struct {
	Does string // e.g. "run the program", "read the file"
	What string // e.g. "adb devices", "/etc/s50.token"
	File string // the path that is read, as the file has it; "" if none is
}

// String says in one line what is demanded.
func (d Demand) String() string { return d.Does + " " + d.What }

// Demands lists what carrying out the file does on this machine, each once. Nothing
// is read for it.
func (f File) Demands() (all []Demand) {
	add := func(d Demand) {
		if !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	switch place := f.Gateway.Placement; place {
	case Lab:
	case ByDNS:
		add(Demand{Does: "answer DNS queries on this machine", What: "with those of " + cmp.Or(f.Gateway.Resolver, "its resolver")})
	default:
		add(Demand{Does: "change this machine's network:", What: strings.TrimSpace(fmt.Sprintf("placement %s %s %s", place, f.Gateway.Inside, f.Gateway.Uplink))})
	}
	for _, spec := range f.Scenarios {
		for _, step := range spec.Steps {
			for _, d := range demandsOf(step.Do) {
				add(d)
			}
		}
	}
	if f.Firmware != nil {
		for _, d := range demandsOf(f.Firmware.Do) {
			add(d)
		}
	}
	for _, power := range f.powers() {
		for _, d := range powerDemands(power) {
			add(d)
		}
	}
	for _, text := range texts(reflect.ValueOf(f)) {
		if d, ok := reading(text); ok {
			add(d)
		}
	}
	return all
}

// demandsOf lists the programs that an action runs, and where it sends something.
func demandsOf(action Action) []Demand {
	switch action := action.(type) {
	case *Exec:
		return []Demand{{Does: "run the program", What: fmt.Sprintf("%q", action.Command)}}
	case *Ginkgo:
		return []Demand{{Does: "build and run the Ginkgo suite", What: action.Package + action.Binary}}
	case *HTTP:
		return []Demand{{Does: "send to", What: strings.TrimSpace(action.Method + " " + action.URL)}}
	case *MQTT:
		return []Demand{{Does: "send to the MQTT broker", What: action.Broker}}
	case *Hass:
		return []Demand{{Does: "send to Home Assistant at", What: action.URL}}
	}
	return nil
}

func powerDemands(p *Power) (all []Demand) {
	for _, way := range []struct {
		does   string
		toggle *Toggle
	}{{"run the program", p.Exec}, {"send to", p.HTTP}} {
		if way.toggle != nil {
			all = append(all, Demand{Does: way.does, What: way.toggle.Off}, Demand{Does: way.does, What: way.toggle.On})
		}
	}
	if p.Hass != "" {
		all = append(all, Demand{Does: "switch by Home Assistant", What: strings.TrimSpace(p.Hass + " " + p.URL)})
	}
	return all
}

// reading is the demand of a text that says where a secret is.
func reading(text string) (Demand, bool) {
	if !pointsElsewhere(text) {
		return Demand{}, false
	}
	kind, place, _ := strings.Cut(text, ":")
	if kind == "file" {
		return Demand{Does: "read the file", What: place, File: place}, true
	}
	return Demand{Does: "read the environment variable", What: place}, true
}

// texts are all texts within a value, however deep: whatever an action does with
// them, none is overlooked.
func texts(v reflect.Value) (all []string) {
	switch v.Kind() {
	case reflect.String:
		return []string{v.String()}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return texts(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			all = append(all, texts(v.Index(i))...)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			all = append(append(all, texts(key)...), texts(v.MapIndex(key))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				all = append(all, texts(v.Field(i))...)
			}
		}
	}
	return all
}
