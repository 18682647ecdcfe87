package seen

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/needwant/needwant/netns/gateway/names"
)

// logged is one line of AdGuard Home's querylog.json (internal/querylog/decode.go).
type logged struct {
	At       time.Time  `json:"T"`
	Name     string     `json:"QH"`
	Type     string     `json:"QT"`
	From     netip.Addr `json:"IP"`
	ClientID string     `json:"CID"`
	Answer   []byte     `json:"Answer"` // the DNS message
}

func isAdGuard(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.HasPrefix(line, []byte("{")) && bytes.Contains(line, []byte(`"QH":`)) && bytes.Contains(line, []byte(`"IP":`))
}

func readAdGuard(in *input, t *Table) error {
	return in.each(func(line []byte, whole bool) error {
		var entry logged
		if err := json.Unmarshal(line, &entry); err != nil {
			return wrong(whole, "JSON", err)
		}
		in.source.Records++
		if entry.ClientID != "" {
			t.Identify(entry.From, "", entry.ClientID)
		}
		if entry.Type != "PTR" {
			t.Query(entry.At, entry.From, entry.Name, 1)
		}
		var answer dns.Msg
		if len(entry.Answer) > 0 && answer.Unpack(entry.Answer) == nil {
			resolved := names.Resolved(&answer)
			t.Answer(entry.From, resolved.Name, "dns", resolved.Addresses...)
		}
		return nil
	})
}
