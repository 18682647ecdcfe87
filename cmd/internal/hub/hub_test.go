package hub_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/needwant/needwant/cmd/internal/hub"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

// said is what somebody was told.
type said struct {
	mu  sync.Mutex
	all []string
}

func (s *said) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, text)
	GinkgoWriter.Println(text)
}

func (s *said) texts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.all...)
}

// laboratory is a hub with its directory.
type laboratory struct {
	directory hub.Directory
	address   string
	hub       *hub.Hub
	said      said
	stop      func()
}

func newLaboratory() *laboratory {
	l := &laboratory{directory: hub.Directory(GinkgoT().TempDir()), address: "127.0.0.1:0"}
	l.start()
	DeferCleanup(func() { l.stop() })
	return l
}

// start starts the hub, at the address that it had before.
func (l *laboratory) start() {
	GinkgoHelper()
	h, err := hub.New(l.directory, l.address, l.said.say)
	Expect(err).NotTo(HaveOccurred())
	l.address, l.hub = h.Address(), h
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.Run(ctx)
	}()
	l.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
}

// credentials adds an agent.
func (l *laboratory) credentials(agent string) string {
	GinkgoHelper()
	file := filepath.Join(GinkgoT().TempDir(), agent+".creds")
	Expect(l.directory.Add(agent, file)).To(Succeed())
	return file
}

// link adds an agent, and connects it.
func (l *laboratory) link(agent string, s *said) *hub.Link {
	GinkgoHelper()
	return l.connect(l.credentials(agent), s)
}

func (l *laboratory) connect(credentials string, s *said) *hub.Link {
	GinkgoHelper()
	var link *hub.Link
	Eventually(func() (err error) { // the hub looks for new agents each second
		link, err = hub.Connect("tls://"+l.address, credentials, s.say)
		return err
	}).WithTimeout(10 * time.Second).Should(Succeed())
	DeferCleanup(link.Close)
	return link
}

// copy is the hub's copy of a run file.
func (l *laboratory) copy(agent, device, run string) string {
	return filepath.Join(l.directory.Runs(), agent+"."+device+"."+run+".run")
}

// experiment is a run file that grows.
type experiment struct {
	path string
	file *runfile.File
}

func begin(id string) *experiment {
	GinkgoHelper()
	e := &experiment{path: filepath.Join(GinkgoT().TempDir(), "lamp.run")}
	var err error
	e.file, err = runfile.Create(e.path, harness.Run{
		ID: id, Started: time.Now(), Device: harness.Device{Name: "lamp"}, Settings: harness.Settings{Order: "exact"},
		Scenarios: []harness.ScenarioInfo{{Name: "app", Title: "Required for app?"}},
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { _ = e.file.Close() })
	return e
}

// trials adds trials.
func (e *experiment) trials(from, to int) {
	GinkgoHelper()
	for n := from; n <= to; n++ {
		Expect(e.file.Append(harness.Result{
			Trial:    harness.Trial{Number: n, Fault: harness.Reject, Regime: harness.Steady},
			Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}}, Recovered: true,
		})).To(Succeed())
	}
}

// same expects a copy to become equal to the file.
func (e *experiment) same(ctx context.Context, copied string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		original, err := runfile.Records(ctx, e.path, 0)
		g.Expect(err).NotTo(HaveOccurred())
		received, err := runfile.Records(ctx, copied, 0)
		g.Expect(err).NotTo(HaveOccurred())
		count := len(received)
		g.Expect(count).To(Equal(len(original))) // shows no record, which would be done at each look
		g.Expect(received).To(Equal(original))
	}).WithContext(ctx).WithPolling(50 * time.Millisecond).Should(Succeed())
}

// sending sends a file in the background until the spec ends.
func sending(link *hub.Link, path string) (end func() bool) {
	ctx, cancel := context.WithCancel(context.Background())
	drain, whole := make(chan struct{}), make(chan bool, 1)
	go func() { whole <- link.Send(ctx, path, "lamp", drain) }()
	end = sync.OnceValue(func() bool {
		close(drain)
		defer cancel()
		select {
		case all := <-whole:
			return all
		case <-time.After(20 * time.Second):
			cancel()
			return <-whole
		}
	})
	DeferCleanup(func() { cancel(); end() })
	return end
}

var _ = Describe("a hub", func() {
	It("has each record of a run file, while it grows and after either side was started again", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		credentials := l.credentials("garage")
		link := l.connect(credentials, s)
		e := begin("RUN")
		e.trials(1, 3)
		end := sending(link, e.path)
		copied := l.copy("garage", "lamp", "RUN")
		e.same(ctx, copied)
		e.trials(4, 6)
		e.same(ctx, copied)

		for round := range 2 { // the hub goes away, and the experiment continues
			l.stop()
			e.trials(7+3*round, 9+3*round)
			l.start()
			e.same(ctx, copied)
		}
		Expect(end()).To(BeTrue())
		Expect(slices.DeleteFunc(s.texts(), func(text string) bool { return !strings.Contains(text, "connect") })).To(HaveExactElements(
			ContainSubstring("is lost"), ContainSubstring("connected"), ContainSubstring("is lost"), ContainSubstring("connected")))

		again := l.connect(credentials, s) // another process of the agent
		e.trials(13, 15)
		Expect(sending(again, e.path)()).To(BeTrue())
		e.same(ctx, copied)
	}, SpecTimeout(time.Minute))

	DescribeTable("is filled again from run files", func(ctx SpecContext, lost ...string) {
		l, s := newLaboratory(), &said{}
		link := l.link("garage", s)
		e := begin("RUN")
		e.trials(1, 150)
		sending(link, e.path)
		copied := l.copy("garage", "lamp", "RUN")
		e.same(ctx, copied)
		l.stop()
		for _, part := range lost {
			Expect(os.RemoveAll(filepath.Join(string(l.directory), part))).To(Succeed())
		}
		e.trials(151, 152)
		l.start()
		e.same(ctx, copied)
		e.trials(153, 154)
		e.same(ctx, copied)
	},
		Entry("when it lost those that it had", SpecTimeout(time.Minute), "runs"),
		Entry("when it lost its stream", SpecTimeout(time.Minute), "jetstream"),
		Entry("when it lost both", SpecTimeout(time.Minute), "runs", "jetstream"),
	)

	It("loses nothing when its stream is full", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		link := l.link("garage", s)
		e := begin("RUN")
		sending(link, e.path)
		copied := l.copy("garage", "lamp", "RUN")
		e.same(ctx, copied)

		// The hub takes nothing from the stream while it cannot write.
		l.stop()
		aside := l.directory.Runs() + "-aside"
		Expect(os.Rename(l.directory.Runs(), aside)).To(Succeed())
		l.start()
		Expect(os.Remove(l.directory.Runs())).To(Succeed())
		const room = 20_000 // bytes
		Eventually(func() error { _, err := l.directory.Limit(ctx, room); return err }).WithContext(ctx).Should(Succeed())
		e.trials(1, 100)
		Eventually(s.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("the hub has no room for it")))
		Expect(l.directory.Limit(ctx, room)).To(BeNumerically("<=", room))

		Expect(os.Rename(aside, l.directory.Runs())).To(Succeed())
		e.same(ctx, copied)
	}, SpecTimeout(2*time.Minute))

	It("rejects who has no credentials, or those of another hub", func() {
		l, other, s := newLaboratory(), newLaboratory(), &said{}
		credentials := l.credentials("garage")
		l.connect(credentials, s)
		_, err := hub.Connect("tls://"+other.address, credentials, s.say)
		Expect(err).To(MatchError(ContainSubstring("is not the one that wrote these credentials")))

		Expect(l.directory.Remove("garage")).To(Succeed())
		Eventually(s.texts).WithTimeout(10 * time.Second).Should(ContainElement(ContainSubstring("lets this agent in no longer")))
		_, err = hub.Connect("tls://"+l.address, credentials, s.say)
		Expect(err).To(MatchError(ContainSubstring("does not accept these credentials")))
	})

	It("lets in only the holder of a key that it knows", func() {
		l := newLaboratory()
		l.link("garage", &said{})
		garage, err := os.ReadFile(filepath.Join(string(l.directory), "agents", "garage"))
		Expect(err).NotTo(HaveOccurred())
		known := strings.TrimSpace(string(garage))
		key, err := nkeys.CreateUser()
		Expect(err).NotTo(HaveOccurred())
		unknown, err := key.PublicKey()
		Expect(err).NotTo(HaveOccurred())
		pool := x509.NewCertPool()
		certificate, err := os.ReadFile(filepath.Join(string(l.directory), "certificate.pem"))
		Expect(err).NotTo(HaveOccurred())
		Expect(pool.AppendCertsFromPEM(certificate)).To(BeTrue())
		secure := nats.Secure(&tls.Config{RootCAs: pool, ServerName: "needwant-hub", MinVersion: tls.VersionTLS13})
		nothing := func([]byte) ([]byte, error) { return nil, nil }
		for what, login := range map[string][]nats.Option{
			"nobody": nil, "an unknown key": {nats.Nkey(unknown, key.Sign)}, "a known key, signed by another one": {nats.Nkey(known, key.Sign)},
			"a known key, not signed": {nats.Nkey(known, nothing)}, "no key": {nats.Nkey("garage", key.Sign)}, "a name and a password": {nats.UserInfo(known, known)},
		} {
			connection, err := nats.Connect("tls://"+l.address, append(login, secure)...)
			if err == nil {
				connection.Close()
			}
			Expect(err).To(MatchError(nats.ErrAuthorization), what)
		}
	})

	It("changes nothing for a message that is not its sender's, comes again, or no record can be", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		link, thief := l.link("garage", s), l.link("thief", s)
		e := begin("RUN")
		e.trials(1, 5)
		sending(link, e.path)
		copied := l.copy("garage", "lamp", "RUN")
		e.same(ctx, copied)
		records, err := runfile.Records(ctx, e.path, 0)
		Expect(err).NotTo(HaveOccurred())
		last := records[len(records)-1]
		following := runfile.Record{Number: last.Number + 1, Kind: "result", Text: []byte(`{"trial":{"number":6,"fault":"reject","regime":"steady"}}`)}
		sum := sha256.Sum256([]byte(string(last.Checksum) + following.Kind + "\x00" + string(following.Text)))
		following.Checksum = sum[:]
		subject := hub.RecordSubject("garage", "lamp", "RUN")
		reported := func(text string) {
			GinkgoHelper()
			Eventually(l.said.texts).WithContext(ctx).Should(ContainElement(ContainSubstring(text)))
			Expect(runfile.Records(ctx, copied, 0)).To(Equal(records))
		}

		By("another agent's subject")
		Expect(thief.Connection().PublishMsg(message(thief, subject, following))).To(Succeed())
		Eventually(s.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("the hub does not allow it")))

		By("another agent's subject, by way of an answer of the server")
		own := message(thief, hub.RecordSubject("thief", "lamp", "RUN"), following)
		own.Reply = subject
		Expect(thief.Connection().PublishMsg(own)).To(Succeed())
		reported("agent garage: a message about device lamp is rejected: that agent did not sign it")

		By("another agent's subject, by way of a record of the thief's that the server has")
		loot := begin("RUN")
		sending(thief, loot.path)
		loot.same(ctx, l.copy("thief", "lamp", "RUN"))
		get := nats.NewMsg(hub.DirectGet + "." + hub.RecordSubject("thief", "lamp", "RUN"))
		get.Reply, get.Data = hub.RecordSubject("garage", "fan", "RUN"), []byte(`{"last_by_subj":"`+hub.RecordSubject("thief", "lamp", "RUN")+`"}`)
		Expect(thief.Connection().PublishMsg(get)).To(Succeed())
		reported("agent garage: a message about device fan is rejected: that agent did not sign it")

		By("a record that another agent sent")
		get = nats.NewMsg(hub.DirectGet + "." + subject)
		get.Reply = thief.Connection().NewRespInbox()
		Expect(thief.Connection().PublishMsg(get)).To(Succeed())
		Eventually(s.texts).WithContext(ctx).Should(ContainElement(ContainSubstring(`Publish to "` + get.Subject)))

		By("the same record again")
		for _, record := range []runfile.Record{records[2], records[0], last} {
			_, err = link.Connection().RequestMsgWithContext(ctx, message(link, subject, record))
			Expect(err).NotTo(HaveOccurred())
		}

		By("a record that changes what was")
		changed := following
		changed.Number = 3
		Expect(link.Connection().PublishMsg(message(link, subject, changed))).To(Succeed())
		reported("record 3 is rejected, and nothing was changed")
		Eventually(s.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("the hub takes no more records of a run")))

		By("what is not a record")
		Expect(thief.Connection().PublishMsg(message(thief, hub.RecordSubject("thief", "lamp", "OTHER"), runfile.Record{Number: 1, Kind: "run", Text: []byte(`{}`)}))).To(Succeed())
		reported("agent thief, device lamp: record 1 is rejected")
		Expect(filepath.Glob(filepath.Join(l.directory.Runs(), "*"))).To(Equal([]string{copied, l.copy("thief", "lamp", "RUN")}))

		By("a message that is too large")
		large := nats.NewMsg(subject)
		large.Data = make([]byte, hub.MostRecord+1)
		Expect(link.Connection().PublishMsg(large)).To(MatchError(nats.ErrMaxPayload))
		Expect(runfile.Records(ctx, copied, 0)).To(Equal(records))
	}, SpecTimeout(time.Minute))
})

// message is a record that an agent signed.
func message(link *hub.Link, subject string, record runfile.Record) *nats.Msg {
	GinkgoHelper()
	m := nats.NewMsg(subject)
	m.Data = record.Text
	m.Header.Set(hub.NumberHeader, strconv.Itoa(record.Number))
	m.Header.Set(hub.KindHeader, record.Kind)
	m.Header.Set(hub.ChecksumHeader, hex.EncodeToString(record.Checksum))
	Expect(link.Sign(m)).To(Succeed())
	return m
}
