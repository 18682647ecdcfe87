package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"

	"github.com/needwant/needwant/harness"
)

// Sentence is the result in plain words, e.g. "You can block 5 of 7 destinations.
// The app needs one Amazon server and any one of five time servers; Home Assistant
// needs none." It claims no more than the table does.
func (m Matrix) Sentence() string { return read(m).sentence() }

func (r reading) sentence() string {
	switch {
	case r.Run.Only != nil:
		return r.onlySentence()
	case r.Run.Status == harness.Failed && !r.Run.Worked:
		return "There is no result, since it does not work with nothing blocked."
	case len(r.Rows) == 0 || len(r.Columns) == 0:
		return "There is no result, since nothing was judged."
	}
	sentences := []string{r.rechecked(), r.brokeDown(), r.blockable(), capital(strings.Join(r.clauses(), "; ")) + "."}
	sentences = append(sentences, each(r.Outside, r.outside)...)
	sentences = append(sentences, r.insecure(), r.unequal())
	if worse := r.cells(harness.Degraded); worse > 0 {
		sentences = append(sentences, fmt.Sprintf("%s degraded: blocked, it works, but worse.", capital(are(worse, "cell"))))
	}
	if open, all := r.open(); open > 0 {
		sentences = append(sentences, fmt.Sprintf("%d of %s still open.", open, are(all, "cell")))
	}
	return strings.Join(slices.DeleteFunc(sentences, func(s string) bool { return s == "" }), " ")
}

// brokeDown says that the device worked at first, and then did not any more; "" if it
// did not happen.
func (r reading) brokeDown() string {
	if r.Run.Status != harness.Failed || !r.Run.Worked {
		return ""
	}
	return "The run ended early, since the device stopped working with nothing blocked."
}

// are is "1 cell is" or "14 cells are".
func are(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " is"
	}
	return fmt.Sprintf("%d %ss are", n, thing)
}

// cells counts the cells with a verdict.
func (r reading) cells(verdict harness.Verdict) (n int) {
	for _, row := range r.Rows {
		for _, cell := range row.Cells {
			if cell.Verdict == verdict {
				n++
			}
		}
	}
	return n
}

// blockable says how much can be blocked with every scenario still working.
func (r reading) blockable() string {
	device := ""
	if r.Run.Simulated {
		device = " of this simulated device"
	}
	all := count(len(r.Rows), "destination") + device
	i := slices.IndexFunc(r.Safe, func(s Safe) bool {
		return !slices.ContainsFunc(r.Columns, func(c Column) bool { return !slices.Contains(s.Columns, c.ID) })
	})
	if i < 0 {
		return "It is not known yet how many of the " + all + " you can block at once."
	}
	n := len(r.Safe[i].Destinations)
	switch {
	case n == 0:
		text := "you can block none of the " + all + "."
		if len(r.Rows) == 1 {
			text = "you cannot block the only destination" + device + "."
		}
		if open, _ := r.open(); open > 0 {
			return "It is not known yet which of the " + all + " you can block."
		}
		return capital(text)
	case r.Safe[i].Trial == 0:
		return fmt.Sprintf("You can block %d of %s, though no single trial blocked all of them at once.", n, all)
	}
	text := fmt.Sprintf("You can block %d of %s.", n, all)
	if r.Safe[i].Held > 0 {
		them := fmt.Sprintf("all %d at once", n)
		if n == 1 {
			them = "it"
		}
		text += fmt.Sprintf(" Trial %d blocked %s for %s.", r.Safe[i].Trial, them, r.Safe[i].Lasted())
	}
	return text
}

// clauses say for each scenario what it needs.
func (r reading) clauses() []string {
	var clauses []string
	for _, c := range r.Columns {
		same := slices.DeleteFunc(slices.Clone(r.Columns), func(o Column) bool { return o.Scenario != c.Scenario })
		subject := spoken(c.Scenario)
		if slices.ContainsFunc(same, func(o Column) bool { return r.needed(o) != r.needed(c) }) {
			subject += " (" + distinction(c, same) + ")"
		}
		if clause := subject + " " + r.needed(c); !slices.Contains(clauses, clause) {
			clauses = append(clauses, clause)
		}
	}
	const most = 6
	if more := len(clauses) - most; more > 0 {
		clauses = append(clauses[:most:most], "of "+strconv.Itoa(more)+" more, see the table")
	}
	return clauses
}

// spoken is how a sentence calls a scenario.
func spoken(scenario string) string {
	switch scenario {
	case "native_app":
		return "the app"
	case "hass":
		return "Home Assistant"
	}
	return strings.ReplaceAll(scenario, "_", " ")
}

// needed is a verb with what a column needs: "needs one Amazon server and any one of
// five time servers".
func (r reading) needed(column Column) string {
	var single []harness.Destination
	var groups [][]harness.Destination
	for _, cut := range r.Cuts {
		switch {
		case cut.Column != column.ID:
		case len(cut.Destinations) == 1:
			single = append(single, cut.Destinations[0])
		default:
			groups = append(groups, cut.Destinations)
		}
	}
	parts := append(kinds(single), choicesOf(groups)...)
	const most = 4
	if more := len(parts) - most; more > 0 {
		parts = append(parts[:most:most], fmt.Sprintf("%s more", number(more)))
	}
	switch {
	case len(parts) == 0 && r.settled(column):
		return "needs none"
	case len(parts) == 0:
		return "is not known yet to need any"
	case r.settled(column):
		return "needs " + enumerate(parts)
	}
	return "needs " + enumerate(parts) + ", and maybe more"
}

// choicesOf describes groups of alternatives: "any one of five time servers".
func choicesOf(groups [][]harness.Destination) []string {
	var parts []string
	told := map[harness.Destination]bool{}
	odd := 0 // groups that no number of a set describes
	for _, group := range minimal(groups) {
		members, needed := chosen(groups, group[0])
		switch {
		case told[group[0]]:
		case needed == 0:
			odd++
		default:
			parts = append(parts, fmt.Sprintf("any %s of %s", number(needed), set(members)))
		}
		for _, member := range members {
			told[member] = true
		}
	}
	if odd > 0 {
		parts = append(parts, "others of which some stand in for each other")
	}
	return parts
}

// set is "five time servers", or "five servers" if they are not of one kind.
func set(members []harness.Destination) string {
	same := kinds(members)
	if len(same) == 1 {
		return same[0]
	}
	return number(len(members)) + " servers"
}

// kinds counts destinations by their kind: "one Amazon server", "two time servers".
func kinds(destinations []harness.Destination) []string {
	var order []string
	counts := map[string]int{}
	for _, d := range destinations {
		k := kind(d)
		if counts[k] == 0 {
			order = append(order, k)
		}
		counts[k]++
	}
	return each(order, func(k string) string {
		switch {
		case k == ownResolver: // there is one
			return k
		case counts[k] == 1:
			return "one " + k
		case k == nameless:
			return number(counts[k]) + " servers without a name"
		}
		return number(counts[k]) + " " + k + "s"
	})
}

// The kinds whose names are more than a noun with what is before it.
const (
	ownResolver = "the gateway's DNS resolver"
	nameless    = "server without a name"
)

// kind is what a destination is, for a reader who knows no ports.
func kind(d harness.Destination) string {
	domain := domainOf(d.Host())
	switch {
	case d.Protocol == harness.ICMP:
		return "pinged host"
	case d.Name == resolver:
		return ownResolver
	case d.Service() == "NTP":
		return "time server"
	case d.Service() == "DNS" || d.Service() == "DoT":
		return "DNS server"
	case domain == "":
		return nameless
	case owners()[domain] != "":
		return owners()[domain] + " server"
	}
	return domain + " server"
}

// owners names the companies whose domains a reader may not know.
func owners() map[string]string {
	return map[string]string{
		"amazonaws.com": "Amazon", "aliyuncs.com": "Alibaba", "azure.com": "Microsoft", "windows.net": "Microsoft", "googleapis.com": "Google",
		"google.com": "Google", "apple.com": "Apple", "mi.com": "Xiaomi", "xiaomi.com": "Xiaomi", "xiaomi.net": "Xiaomi", "tuyaeu.com": "Tuya", "tuyaus.com": "Tuya",
	}
}

// domainOf is the domain that a host's name was registered in; "" if it has no name.
func domainOf(host string) string {
	for domain := range owners() {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return domain
		}
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimPrefix(host, "*."))
	if err != nil {
		return strings.TrimPrefix(host, "*.")
	}
	return domain
}

// number is a number as prose has it: in words up to ten.
func number(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if n < len(words) {
		return words[n]
	}
	return strconv.Itoa(n)
}

func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return text
	}
	return string(unicode.ToUpper(first)) + text[size:]
}
