package policy_test

import (
	"encoding/json"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/reports/policy"
)

// object is a part of a MUD file.
type object = map[string]any

// What RFC 8520 and the modules of its section 7 ask for, looked up in plain
// JSON, so that a mistake in the exporter's own types shows.
var _ = Describe("a MUD file", func() {
	var file, mud object
	var lists map[string]object // by name

	BeforeEach(func() {
		text := export("mud", made(matrix(fan()...), policy.Options{Kind: policy.AllowRequired})).Text
		Expect(json.Unmarshal([]byte(text), &file)).To(Succeed())
		Expect(file).To(HaveLen(2))
		mud = file["ietf-mud:mud"].(object)
		lists = map[string]object{}
		for _, each := range file["ietf-access-control-list:acls"].(object)["acl"].([]any) {
			lists[each.(object)["name"].(string)] = each.(object)
		}
	})

	It("has what it must have", func() {
		Expect(mud).To(HaveKeyWithValue("mud-version", BeEquivalentTo(1)))
		Expect(mud["mud-url"]).To(HavePrefix("https://"))
		Expect(mud["last-update"]).To(MatchRegexp(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`))
		Expect(mud["cache-validity"]).To(And(BeNumerically(">=", 1), BeNumerically("<=", 168)))
		Expect(mud).To(HaveKey("is-supported"))
		Expect(len(mud["systeminfo"].(string))).To(BeNumerically("<=", 60))
	})

	It("names only lists that there are, each in one direction", func() {
		var named []string
		for _, direction := range []string{"from-device-policy", "to-device-policy"} {
			for _, each := range mud[direction].(object)["access-lists"].(object)["access-list"].([]any) {
				named = append(named, each.(object)["name"].(string))
			}
		}
		Expect(named).To(ConsistOf("from-ipv4", "to-ipv4", "from-ipv6", "to-ipv6"))
		for _, name := range named {
			Expect(lists).To(HaveKey(name))
		}
	})

	It("matches the far side by its name and port, in the right direction", func() {
		for _, family := range []string{"ipv4", "ipv6"} {
			Expect(lists["from-"+family]["type"]).To(Equal(family + "-acl-type"))
			Expect(matches(lists["from-"+family])).To(ContainElement(object{
				family: object{"ietf-acldns:dst-dnsname": "api.fan.example", "protocol": 6.0},
				"tcp":  object{"ietf-mud:direction-initiated": "from-device", "destination-port": object{"operator": "eq", "port": 443.0}},
			}))
			Expect(matches(lists["to-"+family])).To(ContainElement(object{
				family: object{"ietf-acldns:src-dnsname": "api.fan.example", "protocol": 6.0},
				"tcp":  object{"ietf-mud:direction-initiated": "from-device", "source-port": object{"operator": "eq", "port": 443.0}},
			}))
		}
		Expect(matches(lists["from-ipv4"])).To(ContainElement(object{
			"ipv4": object{"destination-ipv4-network": "192.0.2.33/32", "protocol": 17.0},
			"udp":  object{"destination-port": object{"operator": "eq", "port": 123.0}},
		}))
	})

	It("allows DNS by its class, and DHCP at home", func() {
		Expect(fmt.Sprint(matches(lists["from-ipv4"]))).To(And(
			ContainSubstring("controller:urn:ietf:params:mud:dns"), ContainSubstring("local-networks:[<nil>]")))
	})

	It("says nothing twice and denies nothing", func() {
		for _, list := range lists {
			seen := map[string]bool{}
			for _, each := range entries(list) {
				name := each["name"].(string)
				Expect(seen).NotTo(HaveKey(name))
				seen[name] = true
				Expect(each["actions"]).To(Equal(object{"forwarding": "accept"}))
			}
		}
	})

	It("cannot block", func() {
		format, err := policy.Find("mud")
		Expect(err).NotTo(HaveOccurred())
		_, err = format.Export(made(matrix(fan()...), policy.Options{Kind: policy.BlockOptional}))
		Expect(err).To(MatchError(ContainSubstring("choose --policy allow-required")))
	})
})

func entries(list object) []object {
	var all []object
	for _, each := range list["aces"].(object)["ace"].([]any) {
		all = append(all, each.(object))
	}
	return all
}

func matches(list object) []object {
	var all []object
	for _, each := range entries(list) {
		all = append(all, each["matches"].(object))
	}
	return all
}
