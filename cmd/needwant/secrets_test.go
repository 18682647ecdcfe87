package main_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

// forms are the ways in which a secret may be written: as it is, its bytes, and
// both in hexadecimal, in the two alphabets of base64, and as a crash prints the
// beginning of an array.
func forms(secret string) (all [][]byte) {
	kinds := [][]byte{[]byte(secret)}
	if raw, err := hex.DecodeString(secret); err == nil {
		kinds = append(kinds, raw)
	}
	for _, kind := range kinds {
		all = append(all, fmt.Appendf(nil, "0x%x, 0x%x, 0x%x, 0x%x, 0x%x", kind[0], kind[1], kind[2], kind[3], kind[4]))
		text := hex.EncodeToString(kind)
		all = append(all, kind, []byte(text), []byte(strings.ToUpper(text)))
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for shift := range 3 { // as part of a longer text it may begin at any of three places
				coded := alphabet.EncodeToString(append(make([]byte, shift), kind...))
				all = append(all, []byte(coded[shift+1:len(coded)-2]))
			}
		}
	}
	return all
}

var _ = Describe("a secret", Label("root"), SpecPriority(1), func() {
	It("is in nothing that leaves the program: logs, events, run file, reports, exports, packets, arguments", Label("whole"), func(ctx SpecContext) {
		h := newHome(ctx)
		secrets := append(forms(h.Device.Token), forms(h.Assistant.Token)...)
		clean := func(where string, text []byte) {
			GinkgoHelper()
			Expect(text).NotTo(BeEmpty(), where)
			for _, secret := range secrets {
				Expect(bytes.Contains(text, secret)).To(BeFalse(), "%s has %q", where, secret)
			}
		}
		said := func(where string, run ended) { clean(where, []byte(run.Stdout+run.Stderr)) }

		arguments := h.spied(ctx, func() {
			said("bisect", h.needwant(ctx, "bisect", h.spec(), "--allow-actuation", "--order", "1", "--wait", "30s", "--json", "--pcap", "plug.pcapng"))
			said("verify", h.needwant(ctx, "verify", "plug.run", "--allow-actuation", "--for", "1s", "--json"))
			said("check", h.needwant(ctx, "check", h.spec(), "--allow-actuation", "--json"))
			said("observe", h.needwant(ctx, "observe", h.spec(), "--for", "1s", "--json"))
			said("check with a wrong token", h.needwant(ctx, "check", h.spec("env:PLUG_TOKEN", "env:WRONG_TOKEN"), "--allow-actuation", "--wait", "3s"))
			said("doctor", h.needwant(ctx, "doctor", h.spec()))
		})
		Expect(string(arguments)).To(MatchRegexp(`ip6?tables`), "children were seen")
		clean("an argument", arguments)
		for _, file := range []string{"plug.run", "plug.pcapng"} {
			text, err := os.ReadFile(filepath.Join(h.folder, file))
			Expect(err).NotTo(HaveOccurred())
			clean(file, text)
		}
		for _, format := range reports.Formats() {
			said("report "+format.Name, h.needwant(ctx, "report", "plug.run", "--format", format.Name))
		}
		for _, format := range policy.Formats() {
			for _, kind := range policy.Kinds() {
				said("export "+format.Name, h.needwant(ctx, "export", "plug.run", "--format", format.Name, "--policy", string(kind), "--placeholder"))
			}
		}
		said("watch", h.needwant(ctx, "watch", "plug.run"))
	}, SpecTimeout(3*time.Minute))

	It("is in no core dump, neither of the program nor of those that it starts", func(ctx SpecContext) {
		spec := file("spec.yaml", labSpec+"  it: {steps: [{exec: {command: [grep, core file, /proc/self/limits]}, expect: 'stdout == \"\"'}]}\n")
		run := needwant(ctx, "check", spec, "--json")
		Expect(run.Stdout + run.Stderr).To(MatchRegexp(`Max core file size +1 +1 +bytes`))
	}, SpecTimeout(time.Minute))

	It("would be found in each of its forms", func() {
		const token = "00112233445566778899aabbccddeeff"
		raw, err := hex.DecodeString(token)
		Expect(err).NotTo(HaveOccurred())
		for _, text := range []string{
			"token " + token, "token " + strings.ToUpper(token), "\x00" + string(raw) + "\x00",
			base64.StdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString([]byte("user:" + token + "!")),
			hex.EncodeToString([]byte(token)), "seal({0x0, 0x11, 0x22, 0x33, 0x44, ...})",
		} {
			found := false
			for _, form := range forms(token) {
				found = found || bytes.Contains([]byte(text), form)
			}
			Expect(found).To(BeTrue(), "%q", text)
		}
	})
})

// spied collects the arguments of the program and its children while something
// is done.
func (h *home) spied(ctx context.Context, do func()) []byte {
	GinkgoHelper()
	life, end := context.WithCancel(ctx)
	seen := make(chan []byte)
	go func() {
		spy := spy{marker: []byte("RUNTIME_DIRECTORY=" + h.runtime), watched: map[int]bool{}, known: map[string]bool{}}
		again := time.NewTicker(5 * time.Millisecond)
		defer again.Stop()
		for life.Err() == nil {
			<-again.C
			spy.look()
		}
		seen <- spy.arguments
	}()
	do()
	end()
	return <-seen
}

// spy looks at the processes that have a marker in their environment. Of all others it
// looks again and again only at those that are new, since a machine has many.
type spy struct {
	marker    []byte
	looks     int
	newest    [2]int // the newest process at the last look but one, and at the last
	watched   map[int]bool
	known     map[string]bool
	arguments []byte
}

// everyLook is how often all processes are looked at: a child has the marker from its
// first moment, but what begins the program gets it later.
const everyLook = 40

func (s *spy) look() {
	newest := newestProcess()
	if s.looks%everyLook == 0 || newest == 0 || newest < s.newest[1] {
		for _, process := range marked(string(s.marker)) {
			s.watch(filepath.Base(process))
		}
	} else {
		for id := s.newest[0] + 1; id <= newest; id++ {
			environment, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", id))
			if bytes.Contains(environment, s.marker) {
				s.watched[id] = true
			}
		}
	}
	s.looks++
	s.newest = [2]int{s.newest[1], newest}
	for id := range s.watched {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", id))
		if err != nil || len(text) == 0 {
			delete(s.watched, id) // it ended
		} else if !s.known[string(text)] {
			s.known[string(text)] = true
			s.arguments = append(s.arguments, text...)
		}
	}
}

func (s *spy) watch(process string) {
	if id, err := strconv.Atoi(process); err == nil {
		s.watched[id] = true
	}
}

// newestProcess is the number of the process that began last, or 0 if the kernel does
// not say.
func newestProcess() (id int) {
	text, _ := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if len(fields) == 5 {
		id, _ = strconv.Atoi(fields[4])
	}
	return id
}
