//go:build e2e

package peers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
)

// onlineWorld is the internet of a device that looks in two ways whether it is online, and
// in five ways what time it is. One clock asks for the pool of Debian, which is how it is
// packaged there. Another asks the server that DHCP names, if it names one.
const onlineWorld = `
apiVersion: needwant/v1
kind: World
name: online
device: {model: some.display.v1, token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 1s}
destinations:
  page: {addresses: [203.0.113.12], protocol: tcp, port: 80, content_with: [probe]}
  ping: {addresses: [203.0.113.13], protocol: icmp}
  dig:  {addresses: [203.0.113.14], protocol: udp, port: 123}
  sync: {host: 0.debian.pool.ntp.org, addresses: [203.0.113.15], protocol: udp, port: 123}
  ntpd: {host: ntp.display.example, addresses: [203.0.113.16], protocol: udp, port: 123}
  sntp: {addresses: [203.0.113.17], protocol: udp, port: 123}
  dhcp: {addresses: [203.0.113.18], protocol: udp, port: 123}
`

// onlineDevice does what real devices do, and notes in DIR when a look succeeded. The
// programs are in CLOCKS, and in NTPD that of busybox. None of them may set the machine's clock:
// ntpdig and sntp do not, and the others have not got the capability.
const onlineDevice = `
again() { while :; do "$1" && date +%s >DIR/$1; sleep 0.5; done; }
page() { test "$(curl --silent --max-time 1 --output /dev/null --write-out '%{http_code}' http://203.0.113.12/generate_204)" = 204; }
ping() { busybox ping -c 1 -W 1 203.0.113.13 >/dev/null 2>&1; }
ask() { PYTHONPATH=CLOCKS/usr/lib/python3/dist-packages python3 CLOCKS/usr/bin/ntpdig -t 1 "$1" >/dev/null 2>&1; }
dig() { ask 203.0.113.14; }
sntp() { timeout 1 CLOCKS/bin/toybox sntp -q 203.0.113.17 >/dev/null 2>&1; }
dhcp() {
	busybox udhcpc -i eth0 -n -q -f -t 3 -T 1 -r 192.168.50.10 -O ntpsrv -s DIR/leased >/dev/null 2>&1
	server=$(cat DIR/server)
	ask "${server:-203.0.113.18}"
}
ntpd() { timeout 1.5 setpriv --bounding-set=-sys_time --inh-caps=-sys_time NTPD/busybox ntpd -d -w -p ntp.display.example 2>&1 | grep -q 'reply from'; }
sync() {
	LD_LIBRARY_PATH=$(echo CLOCKS/usr/lib/*/systemd) SYSTEMD_LOG_TARGET=console timeout 1.5 setpriv --bounding-set=-sys_time --inh-caps=-sys_time \
		--reuid=nobody --regid=nogroup --clear-groups CLOCKS/lib/systemd/systemd-timesyncd 2>&1 | grep -q 'Contacted time server'
}
echo nameserver 192.168.50.1 >DIR/resolv.conf
mount --bind DIR/resolv.conf /etc/resolv.conf
printf '#!/bin/sh\necho "$ntpsrv" >DIR/server\n' >DIR/leased
chmod +x DIR/leased
for look in page ping dig sntp dhcp ntpd; do again $look & done
again sync
`

const onlineSpec = `
apiVersion: needwant/v1
kind: Scenarios
device: {name: display, mac: "7c:49:eb:00:00:01", address: 192.168.50.10}
gateway: {placement: nic, inside: inside, uplink: uplink}
block: {faults: [reject], keep: [dhcp, dns], stand_ins: [ntp, probe, icmp]}
timing: {settle: 6s, recover: 40s, observe: 6s}
scenarios:
`

// looked demands that a look has succeeded in the last seconds.
const looked = `
  %[1]s:
    title: Does the look by %[1]s succeed?
    steps: [{exec: {command: [sh, -ec, "test $(($(date +%%s) - $(cat DIR/%[1]s))) -le 4"]}}]
`

var _ = Describe("busybox, curl, ntpdig, systemd-timesyncd and toybox as a device", Label("e2e"), SpecPriority(1), func() {
	It("are content with the gateway's own page, replies and time, and so need nothing from outside", func(ctx SpecContext) {
		world, err := lab.Parse("online.yaml", []byte(onlineWorld))
		Expect(err).NotTo(HaveOccurred())
		l, err := lab.Start(ctx, world, lab.Options{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(l.Close)
		directory := GinkgoT().TempDir()
		Expect(os.Chmod(directory, 0o755)).To(Succeed())
		programs, err := filepath.Abs("../../../.cache/peers")
		Expect(err).NotTo(HaveOccurred())
		runUntilTheEnd(l.VacateDevice(), "unshare", apart(strings.NewReplacer("DIR", directory, "CLOCKS", filepath.Join(programs, "clocks"), "NTPD", filepath.Join(programs, "ntpd")).Replace(onlineDevice))...)
		spec := onlineSpec
		for _, look := range []string{"page", "ping", "dig", "sync", "ntpd", "sntp", "dhcp"} {
			spec += fmt.Sprintf(looked, look)
		}
		judgement := harness.Judge(bisect(ctx, l, written("online.yaml", strings.ReplaceAll(spec, "DIR", directory))))
		kinds, ways := map[string]harness.StandIn{}, map[string]harness.Way{}
		for _, column := range judgement.Columns {
			for d, cell := range column.Cells {
				for _, kind := range cell.Replaceable {
					Expect(cell.Verdict).To(Equal(harness.Required), "%s", d)
					kinds[d.String()], ways[d.String()] = kind, cell.Ways[0]
				}
			}
		}
		Expect(kinds).To(Equal(map[string]harness.StandIn{
			"tcp/80/203.0.113.12": harness.ProbePages, "icmp/echo/203.0.113.13": harness.EchoReply,
			"udp/123/203.0.113.14": harness.TimeServer, "udp/123/0.debian.pool.ntp.org": harness.TimeServer,
			"udp/123/ntp.display.example": harness.TimeServer, "udp/123/203.0.113.17": harness.TimeServer, "udp/123/203.0.113.18": harness.TimeServer,
		}))
		Expect(ways).To(Equal(map[string]harness.Way{
			"tcp/80/203.0.113.12": harness.WayRedirect, "icmp/echo/203.0.113.13": harness.WayRedirect,
			"udp/123/203.0.113.14": harness.WayRedirect, "udp/123/0.debian.pool.ntp.org": harness.WayName,
			"udp/123/ntp.display.example": harness.WayName, "udp/123/203.0.113.17": harness.WayRedirect, "udp/123/203.0.113.18": harness.WayOption,
		}))
		Expect(judgement.Outside).To(HaveExactElements(HaveField("Left", BeEmpty())))
	}, SpecTimeout(40*time.Minute))
})
