package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
)

var _ = Describe("needwant gateway --policy", Label("root"), func() {
	DescribeTable("blocks what export blocks", func(ctx SpecContext, world string, blocked types.GomegaMatcher) {
		if strings.Contains(world, "\n") {
			world = file("world.yaml", world)
		}
		run := proved(ctx, world)
		spec := file("spec.yaml", strings.Replace(labSpec, "s50-thread", world, 1)+"  app: {steps: [{miio: get_status}]}\n")
		blocks := gatewayBlocks(ctx, spec, run)
		Expect(blocks).To(blocked)
		Expect(exportBlocks(ctx, run)).To(ConsistOf(blocks))
	},
		Entry("but not what was never tried", strings.Replace(lampWorld, "  cloud:", "  first: {host: first.lamp.example, addresses: [203.0.113.23], protocol: tcp, port: 443, when: boot}\n  cloud:", 1),
			ConsistOf("udp/123/time.lamp.example", "tcp/443/stats.lamp.example"), SpecTimeout(2*time.Minute)),
		Entry("but not what makes it worse", Label("whole"), "slower", // two of its three time servers, and neither its api nor its cloud
			ConsistOf("tcp/443/log.shine.example", "tcp/443/shop.shine.example", HavePrefix("udp/123/ntp"), HavePrefix("udp/123/ntp")), SpecTimeout(3*time.Minute)),
	)

	It("takes no run on a simulated device for a real one", func(ctx SpecContext) {
		run := proved(ctx, "all-optional")
		h := newHome(ctx)
		came := h.needwant(ctx, "gateway", h.spec(), "--policy", run)
		Expect(came.Code).To(Equal(2))
		Expect(came.Stderr).To(ContainSubstring("simulated device"))
	}, SpecTimeout(3*time.Minute))
})

// gatewayBlocks lists what a gateway says that it blocks, and stops it.
func gatewayBlocks(ctx context.Context, spec, run string, more ...string) (ids []string) {
	GinkgoHelper()
	command := exec.CommandContext(ctx, program, append([]string{"gateway", spec, "--policy", run}, more...)...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	said, err := command.StderrPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(command.Start()).To(Succeed())
	var all bytes.Buffer
	for lines := bufio.NewScanner(said); lines.Scan(); {
		all.WriteString(lines.Text() + "\n")
		if id, listed := strings.CutPrefix(lines.Text(), "blocked: "); listed {
			ids = append(ids, id)
		}
		if strings.Contains(lines.Text(), "stop with Ctrl-C") {
			Expect(command.Process.Signal(os.Interrupt)).To(Succeed())
		}
	}
	_ = command.Wait()
	Expect(all.String()).To(ContainSubstring("the device is behind the gateway"))
	return ids
}

// exportBlocks lists what the export for Home Assistant says is blocked.
func exportBlocks(ctx context.Context, run string) (ids []string) {
	GinkgoHelper()
	came := needwant(ctx, "export", run, "--simulated", "--format", "ha-mqtt")
	Expect(came.Code).To(BeZero(), came.Stderr)
	var messages []struct {
		Topic   string
		Payload json.RawMessage
	}
	Expect(json.Unmarshal([]byte(came.Stdout), &messages)).To(Succeed())
	for _, message := range messages {
		if filepath.Base(message.Topic) != "attributes" {
			continue
		}
		var attributes struct{ Blocked []string }
		Expect(json.Unmarshal(message.Payload, &attributes)).To(Succeed())
		for _, described := range attributes.Blocked {
			id, _, _ := strings.Cut(described, ": ")
			ids = append(ids, id)
		}
	}
	return ids
}
