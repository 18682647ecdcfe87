//go:build e2e

package peers_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
	"github.com/needwant/needwant/reports"
)

// severalServers are four time servers. DIR is their directory, CHRONYD the program.
const severalServers = `
ip link set lo up
for server in 11 12 13 14; do
	ip address add 203.0.113.$server/32 dev lo
	CHRONYD -d -x -u root "bindaddress 203.0.113.$server" allow 'local stratum 5' 'cmdport 0' 'bindcmdaddress /' "pidfile DIR/$server.pid" &
done
wait
`

// severalDevice is a chronyd that asks 64 times in a second, so that it soon knows what is out of reach, and wants two servers to
// agree, and two loops, each of which tries again soon if it fails. None of them sets this machine's clock.
const severalDevice = `
echo nameserver 192.168.50.1 >DIR/resolv.conf
mount --bind DIR/resolv.conf /etc/resolv.conf
often() { while :; do if "$2"; then echo yes >DIR/$2; sleep "$1"; else echo no >DIR/$2; sleep 2; fi; done; }
web() { curl --silent --insecure --max-time 2 --output /dev/null https://web.display.example/; }
names() { dig +tcp +short +tries=1 +time=2 @203.0.113.16 web.display.example | grep -q 198.51.100.7; }
often 20 web &
often 45 names &
CHRONYD -d -x -u root 'minsources 2' 'port 0' 'cmdport 0' 'bindcmdaddress DIR/chronyd.sock' 'pidfile DIR/chronyd.pid' \
	'server 203.0.113.11 iburst minpoll -6 maxpoll -6' 'server 203.0.113.12 iburst minpoll -6 maxpoll -6' \
	'server 203.0.113.13 iburst minpoll -6 maxpoll -6' 'server 203.0.113.14 iburst minpoll -6 maxpoll -6'
`

// severalSpec demands that the last try of each loop succeeded, and that chronyd goes by some
// server. chronyd takes 3 to 5 s to see that a server is out of reach, and more than 6 s on a busy machine, so each block settles for longer.
const severalSpec = `
apiVersion: needwant/v1
kind: Scenarios
device: {name: display, mac: "7c:49:eb:00:00:01", address: 192.168.50.10}
gateway: {placement: nic, inside: inside, uplink: uplink}
block: {faults: [reject], keep: [dhcp, dns], stand_ins: []}
timing: {settle: 8s, recover: 60s, observe: 50s}
scenarios:
  works:
    title: Does the display show the time and the news?
    steps:
      - exec:
          command:
            - sh
            - -ec
            - grep -q yes DIR/web; grep -q yes DIR/names; CHRONYC -u root -h DIR/chronyd.sock -c sources | cut -d, -f2 | grep -q '[*]'
`

// apart has unshare run a script so that it ends with all that it started.
func apart(script string) []string {
	return []string{"--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script}
}

var _ = Describe("chronyd, curl and dig as a device that wants two of its four time servers to agree", Label("e2e"), SpecPriority(1), func() {
	It("are decided, however seldom each makes contact: any two of the four are needed", func(ctx SpecContext) {
		directory := GinkgoT().TempDir()
		Expect(os.Chmod(directory, 0o700)).To(Succeed()) // as chronyd demands
		release, err := filepath.Abs("../../../.cache/peers/next/usr")
		Expect(err).NotTo(HaveOccurred())
		filled := strings.NewReplacer("DIR", directory, "CHRONYD", filepath.Join(release, "sbin/chronyd"), "CHRONYC", filepath.Join(release, "bin/chronyc")).Replace

		internet, machine, device := netnstest.New(), netnstest.New(), netnstest.New()
		Expect(netns.Veth(netns.End{Namespace: internet, Name: "eth0"}, netns.End{Namespace: machine, Name: "uplink"})).To(Succeed())
		Expect(netns.Veth(netns.End{Namespace: device, Name: "eth0"}, netns.End{Namespace: machine, Name: "inside"})).To(Succeed())
		netnstest.Shell(ctx, internet, `
			ip address add 192.168.1.1/24 dev eth0
			ip address add 203.0.113.16/32 dev eth0
			ip address add 198.51.100.7/32 dev eth0`)
		netnstest.Shell(ctx, device, `
			ip link set eth0 down
			ip link set eth0 address 7c:49:eb:00:00:01 up
			ip address add 192.168.50.10/24 dev eth0
			ip route add default via 192.168.50.1`)
		netnstest.ServeNames(ctx, internet, "192.168.1.1")
		web := httptest.NewUnstartedServer(http.NotFoundHandler())
		web.Listener, err = internet.Listen(ctx, "tcp", "198.51.100.7:443")
		Expect(err).NotTo(HaveOccurred())
		web.StartTLS()
		DeferCleanup(web.Close)
		runUntilTheEnd(internet, "unshare", apart(filled(severalServers))...)
		runUntilTheEnd(device, "unshare", apart(filled(severalDevice))...)

		run, printed := bisectAtHome(ctx, internet, machine, netip.MustParseAddr("192.168.1.1"), written("display.yaml", filled(severalSpec)))
		for _, result := range run.Results {
			GinkgoWriter.Printf("%d %s %v: %v after %v, %v in all\n", result.Trial.Number, result.Trial.Reason, result.Trial.Block, result.Outcomes["works"].Answer, result.Held, result.Duration)
		}
		Expect(table(run)["works"].Cells).To(Equal(map[string]string{
			"udp/123/203.0.113.11": "alternative", "udp/123/203.0.113.12": "alternative", "udp/123/203.0.113.13": "alternative", "udp/123/203.0.113.14": "alternative",
			"tcp/443/web.display.example": "required", "tcp/53/203.0.113.16": "required",
		}))
		words := strings.Join(strings.Fields(printed), " ")
		Expect(words).To(ContainSubstring("any two of four time servers"))
		Expect(words).To(ContainSubstring("at least two of 203.0.113.11, 203.0.113.12, 203.0.113.13 and 203.0.113.14 on udp/123 are needed"))
		var text bytes.Buffer
		Expect(reports.JSON(&text, reports.New(run, harness.Judge(run)))).To(Succeed())
		var matrix struct {
			Needs []struct {
				AtLeast int      `json:"at_least"`
				Of      []string `json:"of"`
			} `json:"needs"`
		}
		Expect(json.Unmarshal(text.Bytes(), &matrix)).To(Succeed())
		Expect(matrix.Needs).To(ContainElement(SatisfyAll(HaveField("AtLeast", 2), HaveField("Of", HaveLen(4)))))
	}, SpecTimeout(20*time.Minute))
})
