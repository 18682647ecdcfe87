package main

import (
	"io"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var _ = Describe("the shell", func() {
	It("completes each flag whose help lists what it takes", func() {
		lists := regexp.MustCompile(`: ([a-z_0-9-]+(?:, [a-z_0-9-]+)+)(?:$|[;)])`)
		found := 0
		each(command(io.Discard, io.Discard), func(one *cobra.Command) {
			one.LocalFlags().VisitAll(func(flag *pflag.Flag) {
				listed := lists.FindStringSubmatch(flag.Usage)
				if listed == nil {
					return
				}
				found++
				complete, has := one.GetFlagCompletionFunc(flag.Name)
				Expect(has).To(BeTrue(), "%s --%s", one.CommandPath(), flag.Name)
				offered, _ := complete(one, nil, "")
				for _, name := range strings.Split(listed[1], ", ") {
					Expect(offered).To(ContainElement(MatchRegexp("^"+name+"(\t|$)")), "%s --%s", one.CommandPath(), flag.Name)
				}
			})
		})
		Expect(found).To(BeNumerically(">", 15))
	})

	It("completes an interface, of this machine", func() {
		sub, _, err := command(io.Discard, io.Discard).Find([]string{"scenario", "new"})
		Expect(err).NotTo(HaveOccurred())
		for _, flag := range []string{"inside", "uplink"} {
			_, has := sub.GetFlagCompletionFunc(flag)
			Expect(has).To(BeTrue(), flag)
		}
	})
})

// each visits a command and all below it.
func each(one *cobra.Command, visit func(*cobra.Command)) {
	visit(one)
	for _, sub := range one.Commands() {
		each(sub, visit)
	}
}
