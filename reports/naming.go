package reports

import (
	"fmt"
	"strings"

	"github.com/needwant/needwant/harness"
)

// resolver is the name that stands for the resolver which the gateway gives the
// device; its address differs from home to home.
const resolver = "resolver"

// HostName is what people call a destination's host.
func HostName(name string) string {
	if name == resolver {
		return "the gateway's own resolver"
	}
	return name
}

// called is what sentences call destinations, those of one service together:
// "a.example on tcp/443; b.example and c.example on udp/123".
func called(destinations ...harness.Destination) string {
	var services []string
	hosts := map[string][]string{}
	for _, d := range destinations {
		service := how(d)
		if hosts[service] == nil {
			services = append(services, service)
		}
		hosts[service] = append(hosts[service], HostName(d.Name))
	}
	return strings.Join(each(services, func(service string) string {
		return enumerate(hosts[service]) + " " + service
	}), "; ")
}

// how says in a sentence by which protocol and port a host is contacted:
// "on udp/123", "on every udp port", "via ping".
func how(d harness.Destination) string {
	switch {
	case d.Protocol == harness.DNS:
		return "by name"
	case d.Protocol == harness.ICMP:
		return "via ping"
	case d.EveryPort():
		return "on every " + d.Protocol + " port"
	}
	return "on " + d.Protocol + "/" + d.PortText()
}

// serviceOf is a destination's protocol, port and service in a table: "udp/123 NTP".
func serviceOf(d Destination) string {
	return strings.TrimSpace(portOf(d) + " " + d.Service)
}

// portOf is a destination's protocol and port in a table: "udp/123".
func portOf(d Destination) string {
	if d.ID.Protocol == harness.DNS {
		return "DNS name"
	}
	return d.ID.Protocol + "/" + d.ID.PortText()
}

// enumerate joins words as "a, b and c".
func enumerate(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// inTrials names trials, as "trials 3, 9"; "" for none.
func inTrials(trials []int) string {
	switch len(trials) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("trial %d", trials[0])
	}
	return "trials " + numbers(trials)
}

func numbers(trials []int) string {
	return strings.Join(each(trials, func(n int) string { return fmt.Sprint(n) }), ", ")
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
