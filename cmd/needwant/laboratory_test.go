package main_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
)

// laboratory is a hub and three agents with eight simulated devices each, on separate
// machines: network namespaces that a switch connects.
type laboratory struct {
	wire   *netns.Namespace
	hub    *station
	alone  *station // does the same without a hub
	agents []*station
	nodes  []*station // NATS servers of a cluster, if the hub does not use the built-in one
	url    string     // of the server that the hub has or uses
	ca     []byte     // PEM
	ports  int
}

// The needs of the simulated devices: each kind of device has one of these.
var kinds = []string{"a", "a || b", "a && (b || c)", "(a || b) && c"}

const (
	devicesEach = 8 // of an agent

	kindWorld = `apiVersion: needwant/v1
kind: World
name: lamp
device: {model: some.lamp.v1, firmware: "1.0", token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 330ms, patience: 3, poll: 330ms}
destinations:
  a: {addresses: [203.0.113.10], protocol: tcp, port: 443}
  b: {addresses: [203.0.113.11], protocol: tcp, port: 443}
  c: {addresses: [203.0.113.12], protocol: tcp, port: 443}
  d: {addresses: [203.0.113.13], protocol: udp, port: 8053}
  e: {addresses: [203.0.113.14], protocol: udp, port: 8053}
functions: {status: "%s", control: "%s"}
`
	kindSpec = `apiVersion: needwant/v1
kind: Scenarios
device: {name: %s}
gateway: {placement: lab, world: %s}
block: {faults: [reject]}
timing: {settle: 2500ms, recover: 10s, observe: 2s}
scenarios:
  status: {retry: {attempts: 3, every: 200ms}, timeout: 1s, steps: [{miio: get_status}]}
`
)

func newLaboratory(ctx context.Context) *laboratory {
	GinkgoHelper()
	l := &laboratory{wire: netnstest.New()}
	Expect(l.wire.AddBridge("switch")).To(Succeed())
	l.hub = l.station(ctx)
	directory := filepath.Join(l.hub.folder, "laboratory")
	Expect(os.Mkdir(directory, 0o700)).To(Succeed())
	Expect(syscall.Mount("tmpfs", directory, "tmpfs", 0, "size=200m")).To(Succeed())
	DeferCleanup(func() { Expect(syscall.Unmount(directory, syscall.MNT_DETACH)).To(Succeed()) })
	l.hub.arguments = []string{"hub", "--dir", directory, "--listen", l.hub.address + ":4222"}
	l.url = "tls://" + l.hub.address + ":4222"
	l.alone = l.station(ctx)
	l.alone.bisects(len(kinds))
	return l
}

// bisects makes an agent of a machine: it has so many devices.
func (s *station) bisects(devices int) {
	GinkgoHelper()
	s.arguments = []string{"agent", "--order", "exact"}
	for i := range devices {
		name := fmt.Sprintf("lamp%d", i)
		world, needs := filepath.Join(s.folder, name+".world.yaml"), kinds[i%len(kinds)]
		Expect(os.WriteFile(world, fmt.Appendf(nil, kindWorld, needs, needs), 0o600)).To(Succeed())
		spec := filepath.Join(s.folder, name+".yaml")
		Expect(os.WriteFile(spec, fmt.Appendf(nil, kindSpec, name, world), 0o600)).To(Succeed())
		s.arguments = append(s.arguments, spec)
	}
}

// status waits until the hub shows a line about an agent.
func (l *laboratory) status(ctx context.Context, line string) {
	GinkgoHelper()
	Eventually(func() string {
		output, _ := l.hub.machine.Command(ctx, program, "hub", "status", "--dir", l.hub.arguments[2]).Output()
		return string(output)
	}).WithContext(ctx).WithTimeout(time.Minute).WithPolling(time.Second).Should(MatchRegexp(line))
}

// fill fills the disk of the hub.
func (l *laboratory) fill() (filler string) {
	GinkgoHelper()
	filler = filepath.Join(l.hub.folder, "laboratory", "filler")
	file, err := os.Create(filler)
	Expect(err).NotTo(HaveOccurred())
	for block := make([]byte, 1<<20); err == nil; {
		_, err = file.Write(block)
	}
	Expect(file.Close()).To(Succeed())
	Expect(err).To(MatchError(syscall.ENOSPC))
	return filler
}

// size is how many bytes the files of a part of the hub's directory have.
func (l *laboratory) size(part string) (size int64) {
	_ = filepath.WalkDir(filepath.Join(l.hub.folder, "laboratory", part), func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if info, err := entry.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return size
}

// changes waits until the hub writes to a part of its directory.
func (l *laboratory) changes(ctx context.Context, part string) {
	GinkgoHelper()
	before := l.size(part)
	Eventually(func() int64 { return l.size(part) }).WithContext(ctx).WithPolling(time.Millisecond).ShouldNot(Equal(before))
}

// copies are the hub's copies of an agent's runs that have so many records at least.
func (l *laboratory) copies(ctx context.Context, agent string, least int) (found []string) {
	all, _ := filepath.Glob(filepath.Join(l.hub.folder, "laboratory", "runs", agent+".*.run"))
	for _, path := range all {
		if records, err := runfile.Records(ctx, path, 0); err == nil && len(records) >= least {
			found = append(found, path)
		}
	}
	return found
}

// received is how many records the hub has of each run of the agents that are cut off.
func (l *laboratory) received(ctx context.Context) map[string]int {
	all := map[string]int{}
	for _, path := range append(l.copies(ctx, "agent1", 0), l.copies(ctx, "agent2", 0)...) {
		records, _ := runfile.Records(ctx, path, 0)
		all[path] = len(records)
	}
	return all
}

// repeat sends the messages of agents again, in any order, until the function that it
// returns ends that. It returns how many the stream took.
func (l *laboratory) repeat(ctx context.Context) (end func() int) {
	GinkgoHelper()
	connection := l.connect(ctx)
	var mu sync.Mutex
	var kept []*nats.Msg
	_, err := connection.Subscribe("needwant.run.>", func(message *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		again := nats.NewMsg(message.Subject)
		again.Data = message.Data
		for _, name := range []string{"Record", "Kind", "Checksum", "Signature"} {
			again.Header.Set("Needwant-"+name, message.Header.Get("Needwant-"+name))
		}
		kept = append(kept, again)
	})
	Expect(err).NotTo(HaveOccurred())
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	taken, over := 0, make(chan struct{})
	go func() {
		defer close(over)
		for life.Err() == nil {
			mu.Lock()
			var message *nats.Msg
			if len(kept) > 0 {
				message = kept[rand.IntN(len(kept))]
			}
			mu.Unlock()
			if message != nil {
				if _, err := connection.RequestMsg(message, time.Second); err == nil {
					taken++
				}
			}
			select {
			case <-life.Done():
			case <-time.After(250 * time.Millisecond):
			}
		}
	}()
	end = sync.OnceValue(func() int {
		cancel()
		<-over
		connection.Close()
		return taken
	})
	DeferCleanup(end)
	return end
}

// connect connects with the hub's own key.
func (l *laboratory) connect(ctx context.Context) *nats.Conn {
	GinkgoHelper()
	directory := filepath.Join(l.hub.folder, "laboratory")
	text, err := os.ReadFile(filepath.Join(directory, "hub.json"))
	Expect(err).NotTo(HaveOccurred())
	var own struct{ Seed string }
	Expect(json.Unmarshal(text, &own)).To(Succeed())
	key, err := nkeys.FromSeed([]byte(own.Seed))
	Expect(err).NotTo(HaveOccurred())
	public, err := key.PublicKey()
	Expect(err).NotTo(HaveOccurred())
	ca, name := l.ca, ""
	if ca == nil {
		name = "needwant-hub"
		ca, err = os.ReadFile(filepath.Join(directory, "certificate.pem"))
		Expect(err).NotTo(HaveOccurred())
	}
	pool := x509.NewCertPool()
	Expect(pool.AppendCertsFromPEM(ca)).To(BeTrue())
	connection, err := nats.Connect(l.url, nats.Nkey(public, key.Sign), nats.MaxReconnects(-1), nats.ReconnectWait(time.Second),
		nats.Secure(&tls.Config{RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS13}), nats.SetCustomDialer(dialer{ctx, l.hub.machine}))
	Expect(err).NotTo(HaveOccurred())
	return connection
}

// dialer connects from a namespace.
type dialer struct {
	ctx       context.Context
	namespace *netns.Namespace
}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.namespace.Dial(d.ctx, network, address)
}

// matrix is what a run file says that its device needs. How fast a device answers depends on what
// else this machine does, so a device that answers late is not another finding.
func matrix(ctx context.Context, path string) map[string]string {
	GinkgoHelper()
	run, err := runfile.Load(ctx, path)
	Expect(err).NotTo(HaveOccurred())
	for i, result := range run.Results {
		Expect(result.Trial.Number).To(Equal(i+1), "%s: a trial is missing, or there twice", path)
	}
	found := map[string]string{}
	for _, column := range harness.Judge(run).Columns {
		for destination, cell := range column.Cells {
			verdict := cell.Verdict
			if verdict == harness.Degraded {
				verdict = harness.Optional
			}
			found[column.Column.ID+" "+destination.String()] = string(verdict)
		}
	}
	return found
}

// expectWhole expects each run of the agents at the hub, record by record, and the same
// matrices as without a hub.
func (l *laboratory) expectWhole(ctx context.Context) {
	GinkgoHelper()
	for i := range l.agents {
		for d := range devicesEach {
			name := fmt.Sprintf("lamp%d", d)
			original := filepath.Join(l.agents[i].folder, name+".run")
			records, err := runfile.Records(ctx, original, 0)
			Expect(err).NotTo(HaveOccurred())
			copies := l.copies(ctx, fmt.Sprintf("agent%d.%s", i, name), 0)
			Expect(copies).To(HaveLen(1))
			Eventually(func() ([]runfile.Record, error) { return runfile.Records(ctx, copies[0], 0) }).
				WithContext(ctx).WithTimeout(time.Minute).Should(Equal(records), copies[0])
			Expect(matrix(ctx, copies[0])).To(Equal(matrix(ctx, filepath.Join(l.alone.folder, fmt.Sprintf("lamp%d.run", d%len(kinds))))), copies[0])
		}
	}
}

// add adds an agent with its devices.
func (l *laboratory) add(ctx context.Context) {
	GinkgoHelper()
	s, name := l.station(ctx), fmt.Sprintf("agent%d", len(l.agents))
	s.bisects(devicesEach)
	credentials := filepath.Join(s.folder, name+".creds")
	added := needwant(ctx, "hub", "add", name, "--dir", l.hub.arguments[2], "--out", credentials)
	Expect(added.Code).To(Equal(0), added.Stderr)
	s.arguments = append(s.arguments, "--hub", l.url, "--creds", credentials)
	l.agents = append(l.agents, s)
}

// start starts everything.
func (l *laboratory) start(ctx context.Context) {
	GinkgoHelper()
	for range 3 {
		l.add(ctx)
	}
	l.serve(ctx)
	l.hub.start()
	l.hub.says(ctx, "The hub")
	for _, s := range append(l.agents, l.alone) {
		s.start()
	}
}

// endure does to a laboratory what may happen to it. Store is the part of the hub's directory that
// changes when a record arrives.
func (l *laboratory) endure(ctx context.Context, store string) {
	GinkgoHelper()
	l.start(ctx)
	repeated := l.repeat(ctx)
	for i := range l.agents {
		Eventually(func() []string { return l.copies(ctx, fmt.Sprintf("agent%d", i), 3) }).WithContext(ctx).Should(HaveLen(devicesEach))
	}

	By("killing an agent")
	l.agents[0].kill(ctx)
	l.agents[0].start()

	By("killing the hub while it writes a record, and while it stores one")
	for _, part := range []string{"runs", store} {
		l.changes(ctx, part)
		l.hub.kill(ctx)
		l.hub.start()
		l.hub.says(ctx, "The hub")
		l.changes(ctx, "runs")
	}
	if len(l.nodes) > 0 {
		By("killing a server of the cluster")
		l.nodes[0].kill(ctx)
		l.changes(ctx, "runs")
	}

	By("cutting two agents off")
	netnstest.Shell(ctx, l.agents[1].machine, "iptables -A INPUT -j DROP; iptables -A OUTPUT -j DROP")
	Expect(l.wire.SetDown(l.agents[2].port)).To(Succeed())
	l.status(ctx, `agent1 +no`)
	l.status(ctx, `agent2 +no`)
	had := l.received(ctx)

	By("filling the disk of the hub")
	filler := l.fill()
	l.hub.says(ctx, "less than 68 MiB left")
	Consistently(l.received).WithArguments(ctx).Within(30 * time.Second).WithPolling(time.Second).Should(Equal(had)) // longer than any limit of time
	Expect(os.Remove(filler)).To(Succeed())
	l.hub.says(ctx, "the hub receives records again")
	netnstest.Shell(ctx, l.agents[1].machine, "iptables -F")
	Expect(l.wire.SetUp(l.agents[2].port)).To(Succeed())
	l.status(ctx, `agent1 +yes`)
	l.status(ctx, `agent2 +yes`)

	for _, s := range append(l.agents, l.alone) {
		s.complete(ctx)
	}
	Expect(repeated()).To(BeNumerically(">", 50))
	l.expectWhole(ctx)
	Expect(l.hub.command.Process.Signal(syscall.SIGTERM)).To(Succeed())
	l.hub.end(ctx, 0)
	for _, s := range append(l.agents, l.alone, l.hub) {
		s.gone(ctx, nil)
		Expect(filepath.Glob(filepath.Join(s.folder, "*"))).To(HaveEach(MatchRegexp(`\.(yaml|run|creds)$|/laboratory$`)), "left behind")
	}
}

var _ = Describe("a laboratory of a hub and three agents", Label("root", "slow", "norace"), func() {
	const whatever = "loses no trial and counts none twice, whatever is killed, cut off, full or sent again"

	It(whatever, func(ctx SpecContext) {
		before := host()
		newLaboratory(ctx).endure(ctx, "jetstream")
		Expect(host()).To(Equal(before))
	}, SpecTimeout(20*time.Minute))

	It(whatever+", with a cluster of three NATS servers of which one dies", func(ctx SpecContext) {
		before := host()
		l := newLaboratory(ctx)
		l.cluster(ctx)
		l.endure(ctx, "runs")
		Expect(host()).To(Equal(before))
	}, SpecTimeout(20*time.Minute))
})
