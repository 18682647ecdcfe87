//go:build e2e

package policy_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
	"github.com/needwant/needwant/reports/policy"
)

// A DHCP server names the owner's time server to the device, and to no other client of it.
var _ = Describe("the lines for a DHCP server", Label("e2e"), func() {
	DescribeTable("are understood by", func(ctx SpecContext, heading, program string, configuration func(lines string) string, args ...string) {
		p := made(replaceable(), policy.Options{Kind: policy.BlockOptional, Device: at(), TimeServers: []netip.Addr{netip.MustParseAddr("192.168.1.10")}})
		directory := GinkgoT().TempDir()
		path := filepath.Join(directory, "configuration")
		text := configuration(linesFor(heading, export("dhcp", p).Text))
		Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(directory, "leases"), nil, 0o600)).To(Succeed())

		home, client := namespace(), namespace()
		Expect(netns.Veth(netns.End{Namespace: home, Name: "s0"}, netns.End{Namespace: client, Name: "d0"})).To(Succeed())
		netnstest.Shell(ctx, home, "ip address add 192.168.1.1/24 dev s0")
		program, err := filepath.Abs(program)
		Expect(err).NotTo(HaveOccurred())
		server := home.Command(ctx, program, strings.Fields(strings.NewReplacer("FILE", path, "DIRECTORY", directory).Replace(strings.Join(args, " ")))...)
		server.Env = append(os.Environ(), "KEA_LOCKFILE_DIR="+directory, "KEA_PIDFILE_DIR="+directory)
		server.Stdout, server.Stderr = GinkgoWriter, GinkgoWriter
		Expect(server.Start()).To(Succeed())
		DeferCleanup(func() {
			_ = server.Process.Kill()
			_ = server.Wait() // killed
		})

		script := filepath.Join(directory, "leased")
		Expect(os.WriteFile(script, []byte("#!/bin/sh\n[ \"$1\" != bound ] || echo \"has $ip, time from ${ntpsrv:-nobody}.\"\n"), 0o600)).To(Succeed())
		Expect(os.Chmod(script, 0o700)).To(Succeed())
		lease := func(mac string) string {
			return netnstest.Shell(ctx, client, fmt.Sprintf("ip link set d0 down; ip link set d0 address %s; ip link set d0 up\n", mac)+
				"busybox udhcpc -i d0 -n -q -f -t 20 -T 1 -O ntpsrv -s "+script+" 2>/dev/null")
		}
		Expect(lease("7c:49:eb:00:00:01")).To(MatchRegexp(`has 192\.168\.1\.\d+, time from 192\.168\.1\.10\.`))
		Expect(lease("7c:49:eb:00:00:02")).To(MatchRegexp(`has 192\.168\.1\.\d+, time from nobody\.`))
	},
		Entry("dnsmasq", "", "/usr/sbin/dnsmasq", func(lines string) string { return lines }, dnsmasq, SpecTimeout(time.Minute)),
		Entry("dnsmasq as OpenWrt starts it", "OpenWrt, in /etc/config/dhcp", "/usr/sbin/dnsmasq", byOpenWrt, dnsmasq, SpecTimeout(time.Minute)),
		Entry("Kea", "Kea, among the reservations of the subnet", "../../.cache/e2e/dhcp/usr/sbin/kea-dhcp4", func(lines string) string {
			return `{"Dhcp4": {"interfaces-config": {"interfaces": ["s0"]}, "lease-database": {"type": "memfile", "persist": false},
				"subnet4": [{"id": 1, "subnet": "192.168.1.0/24", "pools": [{"pool": "192.168.1.50 - 192.168.1.60"}], "reservations": [` + lines + `]}]}}`
		}, "-c FILE", SpecTimeout(time.Minute)),
		Entry("ISC dhcpd", "ISC dhcpd, in dhcpd.conf", "../../.cache/e2e/dhcp/usr/sbin/dhcpd", func(lines string) string {
			return "subnet 192.168.1.0 netmask 255.255.255.0 { range 192.168.1.50 192.168.1.60; }\n" + lines
		}, "-4 -f -cf FILE -lf DIRECTORY/leases --no-pid s0", SpecTimeout(time.Minute)),
	)
})

// dnsmasq is how it is started.
const dnsmasq = "--no-daemon --conf-file=FILE --port=0 --user=root --log-facility=- --no-ping --leasefile-ro --interface=s0 --dhcp-range=192.168.1.50,192.168.1.60,5m"

// linesFor are the lines of an export below this heading, which is a comment as they are, or
// without a heading all that are not comments.
func linesFor(heading, text string) string {
	GinkgoHelper()
	var lines []string
	below := heading == ""
	for line := range strings.Lines(text) {
		comment, isComment := strings.CutPrefix(strings.TrimRight(line, "\n"), "# ")
		switch {
		case strings.HasSuffix(comment, ":"):
			below = isComment && comment == heading+":" || heading == ""
		case below && isComment == (heading != ""):
			lines = append(lines, comment)
		}
	}
	Expect(lines).NotTo(BeEmpty(), text)
	return strings.Join(lines, "\n") + "\n"
}

// byOpenWrt is what the script that starts dnsmasq in OpenWrt (dnsmasq.init, from 15.05 to
// 23.05 at least) makes of such a section. Of a section "host" without an address and a name
// it makes nothing.
func byOpenWrt(lines string) string {
	GinkgoHelper()
	option := func(name string) string {
		found := regexp.MustCompile(`\n\t(?:option|list) ` + name + ` '(.*)'\n`).FindStringSubmatch(lines)
		Expect(found).To(HaveLen(2), "%s in %s", name, lines)
		return found[1]
	}
	Expect(lines).To(HavePrefix("config mac\n"))
	return fmt.Sprintf("dhcp-mac=%s,%s\ndhcp-option=%s,%s\n", option("networkid"), option("mac"), option("networkid"), option("dhcp_option"))
}
