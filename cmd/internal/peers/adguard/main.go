// Program adguard says which names AdGuard Home's filter engine blocks or rewrites. It
// reads filter lists, asks for each name of standard input on behalf of one client, and
// prints the blocked ones, and NAME=ADDRESS for those that get an address of a rule. It has a module of its own, since the engine has another
// licence (GPL-3) than needwant. Only the specs use it.
//
//	adguard CLIENT-ADDRESS LIST... < names
package main

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"

	"github.com/AdguardTeam/urlfilter"
	"github.com/AdguardTeam/urlfilter/filterlist"
	"github.com/AdguardTeam/urlfilter/rules"
	"github.com/miekg/dns"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(client string, paths []string) error {
	address, err := netip.ParseAddr(client)
	if err != nil {
		return err
	}
	var lists []filterlist.Interface
	for i, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lists = append(lists, filterlist.NewString(&filterlist.StringConfig{ID: rules.ListID(i + 1), RulesText: string(text), IgnoreCosmetic: true}))
	}
	storage, err := filterlist.NewRuleStorage(lists)
	if err != nil {
		return err
	}
	engine := urlfilter.NewDNSEngine(storage)
	names := bufio.NewScanner(os.Stdin)
	for names.Scan() {
		found, matched := engine.MatchRequest(&urlfilter.DNSRequest{Hostname: names.Text(), ClientIP: address, DNSType: dns.TypeA})
		if rewrites := found.DNSRewrites(); len(rewrites) > 0 { // AdGuard Home looks for them first
			for _, rule := range rewrites {
				if rule.DNSRewrite.RRType == dns.TypeA {
					fmt.Printf("%s=%v\n", names.Text(), rule.DNSRewrite.Value)
				}
			}
			continue
		}
		if matched && (found.NetworkRule == nil || !found.NetworkRule.Whitelist) {
			fmt.Println(names.Text())
		}
	}
	return names.Err()
}
