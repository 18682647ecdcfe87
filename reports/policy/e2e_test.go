//go:build e2e

// Has MUD files read by yanglint, against the YANG modules of RFC 8520, 8519 and
// what they import, which pyang carries:
//
//	pip install pyang
//	go run github.com/onsi/ginkgo/v2/ginkgo --tags e2e --label-filter e2e ./reports/policy
//
// YANG_MODULES is the folder of the modules, where it is not that of make e2e.
package policy_test

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("yanglint, with the modules of RFC 8520", Label("e2e"), func() {
	accepts := func(ctx SpecContext, text string) (accepted bool, said string) {
		GinkgoHelper()
		path := filepath.Join(GinkgoT().TempDir(), "mud.json") // yanglint goes by the ending
		Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
		modules := cmp.Or(os.Getenv("YANG_MODULES"), "../../.cache/e2e/venv/share/yang/modules/ietf")
		output, err := exec.CommandContext(ctx, "yanglint", "-p", modules, "-t", "config",
			filepath.Join(modules, "ietf-mud.yang"), filepath.Join(modules, "ietf-acldns.yang"), path).CombinedOutput()
		if exit := new(exec.ExitError); err != nil {
			Expect(err).To(BeAssignableToTypeOf(exit), "%s", output)
		}
		return err == nil, string(output)
	}
	mud := func(m reports.Matrix) string {
		return export("mud", made(m, policy.Options{Kind: policy.AllowRequired, Device: at()})).Text
	}

	It("accepts what is written", func(ctx SpecContext) {
		subjects := map[string]reports.Matrix{"a fan": matrix(fan()...), "a device with wide rows": wide(required)}
		for what, text := range attacks {
			subjects["a hostile fan, given "+what] = spoken(text)
		}
		for what, m := range subjects {
			accepted, said := accepts(ctx, mud(m))
			Expect(accepted).To(BeTrue(), "%s: %s", what, said)
			Expect(said).To(BeEmpty(), what)
		}
	}, NodeTimeout(60e9))

	It("refuses what is not", func(ctx SpecContext) {
		right := mud(matrix(fan()...))
		for old, other := range map[string]string{"dst-dnsname": "dst-dnsnam", `"cache-validity": 48`: `"cache-validity": 500`, `"ipv4-acl-type"`: `"ipv5-acl-type"`} {
			Expect(right).To(ContainSubstring(old))
			accepted, _ := accepts(ctx, strings.Replace(right, old, other, 1))
			Expect(accepted).To(BeFalse(), "%s for %s", other, old)
		}
	}, NodeTimeout(60e9))
})
