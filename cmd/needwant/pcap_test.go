package main_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("--pcap", Label("root"), func() {
	It("keeps a file that Wireshark opens, with the trial of each packet", Label("peer"), func(ctx SpecContext) {
		if _, err := exec.LookPath("tshark"); err != nil && os.Getenv("CI") == "" {
			Skip("tshark is not installed")
		}
		folder := GinkgoT().TempDir()
		packets, kept := filepath.Join(folder, "lamp.pcapng"), filepath.Join(folder, "lamp.run")
		run := needwant(ctx, "lab", file("lamp.yaml", lampWorld), "--pcap", packets, "--out", kept, "--quiet")
		Expect(run.Code).To(Equal(0), run.Stderr)

		// What tried the blocked destination in a trial says so.
		result, err := runfile.Load(context.Background(), kept)
		Expect(err).NotTo(HaveOccurred())
		tried := regexp.MustCompile(`^trial (\d+): reject of `)
		found := map[int]bool{}
		for _, line := range tshark(ctx, packets, "tcp.dstport == 443 && tcp.flags.syn == 1 && frame.comment contains \"stats.lamp\"") {
			if trial := tried.FindStringSubmatch(line); trial != nil {
				number, err := strconv.Atoi(trial[1])
				Expect(err).NotTo(HaveOccurred())
				found[number] = true
			}
		}
		Expect(found).NotTo(BeEmpty())
		for _, result := range result.Results {
			for _, blocked := range result.Trial.Block {
				if contact, _ := result.Seen.Contact(blocked); blocked.Name == "stats.lamp.example" && contact.Attempts > 0 {
					Expect(found).To(HaveKey(result.Trial.Number))
				}
			}
		}
		// The other port of miIO's packets is a random one, which tshark may take for that of another protocol.
		Expect(tshark(ctx, packets, "_ws.malformed && !(udp.port == 54321)", "frame.number", "_ws.col.Protocol", "_ws.col.Info")).To(BeEmpty())
	}, SpecTimeout(time.Minute))

	It("refuses a file that is there already, before anything is done", func(ctx SpecContext) {
		run := needwant(ctx, "lab", "all-optional", "--pcap", file("there.pcapng", ""), "--discard")
		Expect(run.Code).To(Equal(2), run.Stderr)
		Expect(run.Stderr).To(ContainSubstring("choose another name"))
	}, SpecTimeout(time.Minute))
})

// tshark lists the comments of the packets that a filter lets through, and more fields.
func tshark(ctx SpecContext, path, filter string, fields ...string) []string {
	GinkgoHelper()
	command := exec.CommandContext(ctx, "tshark", "-r", path, "-Y", filter, "-T", "fields", "-e", "frame.comment")
	for _, field := range fields {
		command.Args = append(command.Args, "-e", field)
	}
	command.Stderr = GinkgoWriter
	output, err := command.Output()
	Expect(err).NotTo(HaveOccurred())
	return strings.FieldsFunc(string(output), func(r rune) bool { return r == '\n' })
}
