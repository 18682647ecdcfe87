package main_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
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

var _ = Describe("a secret", Label("root"), func() {
	It("is in nothing that leaves the program: logs, events, run file, reports, exports, packets, arguments", func(ctx SpecContext) {
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
		known, all := map[string]bool{}, []byte{}
		again := time.NewTicker(5 * time.Millisecond)
		defer again.Stop()
		for life.Err() == nil {
			<-again.C
			for _, process := range marked("RUNTIME_DIRECTORY=" + h.runtime) {
				text, _ := os.ReadFile(process + "/cmdline")
				if !known[string(text)] {
					known[string(text)] = true
					all = append(all, text...)
				}
			}
		}
		seen <- all
	}()
	do()
	end()
	return <-seen
}
