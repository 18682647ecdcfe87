package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("what is made of a run file", Label("root"), Ordered, func() {
	var path, catalog string

	BeforeAll(func(ctx SpecContext) {
		path = filepath.Join(GinkgoT().TempDir(), "lamp.run")
		catalog = filepath.Join(filepath.Dir(path), "catalog")
		run := needwant(ctx, "lab", "all-optional", "--out", path)
		Expect(run.Code).To(Equal(0), run.Stderr)
	}, NodeTimeout(2*time.Minute))

	DescribeTable("an export is printed, and nothing else", func(ctx SpecContext, format, kind, says string) {
		run := needwant(ctx, "export", path, "--simulated", "--format", format, "--policy", kind, "--mac", "7c:49:eb:00:00:01", "--address", "192.168.50.10")
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(run.Stdout).To(ContainSubstring(says))
		if format != "mud" && format != "ha-mqtt" {
			Expect(run.Stderr).To(BeEmpty())
		}
	},
		Entry("nft", "nft", "block-optional", "ether saddr 7c:49:eb:00:00:01 jump rules", SpecTimeout(time.Minute)),
		Entry("iptables", "iptables", "allow-required", "*filter", SpecTimeout(time.Minute)),
		Entry("openwrt", "openwrt", "block-optional", "config rule", SpecTimeout(time.Minute)),
		Entry("dnsmasq", "dnsmasq", "block-optional", "address=/metrics.lamp.example/", SpecTimeout(time.Minute)),
		Entry("dnsmasq-nftset", "dnsmasq-nftset", "block-optional", "nftset=/metrics.lamp.example/", SpecTimeout(time.Minute)),
		Entry("adguard", "adguard", "block-optional", "||metrics.lamp.example^$client=192.168.50.10", SpecTimeout(time.Minute)),
		Entry("routeros", "routeros", "block-optional", "/ip firewall filter add", SpecTimeout(time.Minute)),
		Entry("opnsense", "opnsense", "block-optional", "metrics.lamp.example ", SpecTimeout(time.Minute)),
		Entry("pihole", "pihole", "block-optional", "VALUES (1, 'metrics.lamp.example', ", SpecTimeout(time.Minute)),
		Entry("pihole-list", "pihole-list", "block-optional", "\nmetrics.lamp.example\n", SpecTimeout(time.Minute)),
		Entry("hosts", "hosts", "block-optional", "0.0.0.0 metrics.lamp.example", SpecTimeout(time.Minute)),
		Entry("unifi", "unifi", "block-optional", "203.0.113.11", SpecTimeout(time.Minute)),
		Entry("mud", "mud", "allow-required", "ietf-mud:mud", SpecTimeout(time.Minute)),
		Entry("ha-mqtt", "ha-mqtt", "block-optional", "homeassistant/binary_sensor/", SpecTimeout(time.Minute)),
	)

	DescribeTable("an export that cannot be is refused with the remedy", func(ctx SpecContext, says string, args ...string) {
		run := needwant(ctx, append([]string{"export", path, "--simulated"}, args...)...)
		Expect(run.Code).To(Equal(2))
		Expect(run.Stdout).To(BeEmpty())
		Expect(run.Stderr).To(ContainSubstring(says))
	},
		Entry("of an unknown scenario", "choose one of native_app, hass", "--scenario", "party", SpecTimeout(time.Minute)),
		Entry("of an odd address", "192.168.50.10", "--address", "lamp", SpecTimeout(time.Minute)),
		Entry("that blocks with a MUD file", "--policy allow-required", "--format", "mud", SpecTimeout(time.Minute)),
		Entry("minimal, with whole groups", "minimal", "--minimal", "--whole-groups", SpecTimeout(time.Minute)),
	)

	It("writes no rules that would do nothing, unless the placeholders are wanted", func(ctx SpecContext) {
		run := needwant(ctx, "export", path, "--simulated", "--format", "adguard")
		Expect(run.Code).To(Equal(2))
		Expect(run.Stdout).To(BeEmpty())
		Expect(run.Stderr).To(And(ContainSubstring("--spec FILE"), ContainSubstring("--placeholder")))
		run = needwant(ctx, "export", path, "--simulated", "--format", "adguard", "--placeholder")
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(run.Stdout).To(ContainSubstring("$client=192.0.2.1"))
		Expect(needwant(ctx, "export", path, "--simulated", "--format", "pihole-list").Code).To(Equal(0), "it needs no address")
	}, SpecTimeout(time.Minute))

	It("is no export of a simulated device, unless that is wanted", func(ctx SpecContext) {
		run := needwant(ctx, "export", path)
		Expect(run.Code).To(Equal(2))
		Expect(run.Stdout).To(BeEmpty())
		Expect(run.Stderr).To(And(ContainSubstring("simulated device"), ContainSubstring("--simulated")))
		run = needwant(ctx, "export", path, "--simulated", "--placeholder")
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(run.Stdout).To(HavePrefix("# SIMULATED DEVICE: "))
	}, SpecTimeout(time.Minute))

	It("is a catalog with its pages", func(ctx SpecContext) {
		run := needwant(ctx, "catalog", "add", path, "--dir", catalog, "--region", "nz")
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(strings.TrimSpace(run.Stdout)).To(BeAnExistingFile())
		site := filepath.Join(filepath.Dir(path), "site")
		run = needwant(ctx, "catalog", "build", catalog, "--out", site)
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(run.Stdout).To(ContainSubstring("1 device from 1 run"))
		Expect(filepath.Join(site, "index.html")).To(BeAnExistingFile())

		Expect(os.ReadFile(filepath.Join(site, "index.html"))).To(ContainSubstring("simulated"))

		run = needwant(ctx, "catalog", "add", path, "--dir", catalog, "--region", "Auckland")
		Expect(run.Code).To(Equal(2))
		Expect(run.Stderr).To(ContainSubstring("two letters"))
	}, SpecTimeout(time.Minute))
})

var _ = Describe("a spec on a lab", Label("root"), func() {
	It("never passes for a real device", func(ctx SpecContext) {
		spec := file("lamp.yaml", strings.Replace(labSpec, "s50-thread}", "lamp-world.yaml} # a world", 1)+
			"  app: {steps: [{miio: get_status}]}\ndevice: {model: acme.lamp.v9}\n")
		Expect(os.WriteFile(filepath.Join(filepath.Dir(spec), "lamp-world.yaml"), []byte(lampWorld), 0o600)).To(Succeed())
		path := filepath.Join(filepath.Dir(spec), "lamp.run")
		run := needwant(ctx, "bisect", spec, "--order", "1", "--out", path, "--format", "json")
		Expect(run.Code).To(BeElementOf(0, 4), run.Stderr)
		Expect(run.Stdout).To(ContainSubstring(`"simulated": true`))
		Expect(run.Stderr).To(ContainSubstring("simulated device lamp (acme.lamp.v9)"))
		Expect(needwant(ctx, "report", path).Stdout).To(ContainSubstring("\nsimulated device lamp (acme.lamp.v9)\n"))
		Expect(needwant(ctx, "export", path).Code).To(Equal(2))
		Expect(needwant(ctx, "resume", path, "--format", "json").Stdout).To(ContainSubstring(`"simulated": true`))

		added := needwant(ctx, "catalog", "add", path, "--dir", filepath.Dir(path))
		Expect(added.Code).To(Equal(0), added.Stderr)
		Expect(os.ReadFile(strings.TrimSpace(added.Stdout))).To(ContainSubstring("simulated: true"))
	}, SpecTimeout(2*time.Minute))
})
