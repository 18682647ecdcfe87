//go:build e2e

package peers_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
)

// onlineWorld is the internet of a device that looks whether it is online in two ways.
const onlineWorld = `
apiVersion: needwant/v1
kind: World
name: online
device: {model: some.display.v1, token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 1s}
destinations:
  page: {addresses: [203.0.113.12], protocol: tcp, port: 80, content_with: [probe]}
  ping: {addresses: [203.0.113.13], protocol: icmp}
`

// onlineDevice does what real devices do, and notes in DIR when a look succeeded.
const onlineDevice = `
while :; do
	status=$(curl --silent --max-time 1 --output /dev/null --write-out '%{http_code}' http://203.0.113.12/generate_204)
	if test "$status" = 204; then date +%s >DIR/page; fi
	if busybox ping -c 1 -W 1 203.0.113.13 >/dev/null 2>&1; then date +%s >DIR/ping; fi
	sleep 0.5
done
`

const onlineSpec = `
apiVersion: needwant/v1
kind: Scenarios
device: {name: display, mac: "7c:49:eb:00:00:01", address: 192.168.50.10}
gateway: {placement: nic, inside: inside, uplink: uplink}
block: {faults: [reject], keep: [dhcp, dns], stand_ins: [probe, icmp]}
timing: {settle: 6s, recover: 40s, observe: 6s}
scenarios:
`

// looked demands that a look has succeeded in the last seconds.
const looked = `
  %[1]s:
    title: Does the look by %[1]s succeed?
    steps: [{exec: {command: [sh, -ec, "test $(($(date +%%s) - $(cat DIR/%[1]s))) -le 4"]}}]
`

var _ = Describe("busybox and curl as a device", Label("e2e"), func() {
	It("are content with the gateway's own page and replies, and so need nothing from outside", func(ctx SpecContext) {
		world, err := lab.Parse("online.yaml", []byte(onlineWorld))
		Expect(err).NotTo(HaveOccurred())
		l, err := lab.Start(ctx, world, lab.Options{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(l.Close)
		directory := GinkgoT().TempDir()
		device := l.VacateDevice().Command(context.Background(), "sh", "-c", strings.ReplaceAll(onlineDevice, "DIR", directory))
		device.Stdout, device.Stderr = GinkgoWriter, GinkgoWriter
		Expect(device.Start()).To(Succeed())
		DeferCleanup(func() {
			_ = device.Process.Kill()
			_ = device.Wait() // it was killed
		})
		spec := onlineSpec
		for _, look := range []string{"page", "ping"} {
			spec += fmt.Sprintf(looked, look)
		}
		judgement := harness.Judge(bisect(ctx, l, written("online.yaml", strings.ReplaceAll(spec, "DIR", directory))))
		kinds := map[string]harness.StandIn{}
		for _, column := range judgement.Columns {
			for d, cell := range column.Cells {
				for _, kind := range cell.Replaceable {
					Expect(cell.Verdict).To(Equal(harness.Required), "%s", d)
					kinds[d.String()] = kind
				}
			}
		}
		Expect(kinds).To(Equal(map[string]harness.StandIn{
			"tcp/80/203.0.113.12": harness.ProbePages, "icmp/echo/203.0.113.13": harness.EchoReply,
		}))
		Expect(judgement.Outside).To(HaveExactElements(HaveField("Left", BeEmpty())))
	}, SpecTimeout(10*time.Minute))
})
