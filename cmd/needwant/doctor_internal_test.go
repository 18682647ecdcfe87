package main

import (
	"os"
	"os/exec"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("the doctor", func() {
	It("sees a clock that forgot the time, and one that nobody keeps", func() {
		_, err := clock(time.Unix(0, 0), true)
		Expect(err).To(MatchError(ContainSubstring("says 1970-01-01")))
		Expect(clock(earliest.AddDate(1, 0, 0), false)).To(ContainSubstring("timedatectl set-ntp true"))
		Expect(clock(earliest.AddDate(1, 0, 0), true)).To(ContainSubstring("kept by a time server"))
	})

	It("sees bridges that hand packets to the machine's rules", func() {
		says := func(value string, err error) func(string) ([]byte, error) {
			return func(string) ([]byte, error) { return []byte(value), err }
		}
		Expect(bridged(says("1\n", nil))).To(ContainSubstring("sysctl net.bridge.bridge-nf-call-iptables=0"))
		Expect(bridged(says("0\n", nil))).To(HavePrefix("pass packets without"))
		Expect(bridged(says("", os.ErrNotExist))).To(HavePrefix("pass packets without"))
	})

	It("says whether a Wi-Fi could be opened", func() {
		Expect(wifi(func(string) (string, error) { return "/usr/sbin/hostapd", nil })).To(HavePrefix("hostapd is there"))
		Expect(wifi(func(string) (string, error) { return "", exec.ErrNotFound })).To(ContainSubstring("'apt-get install hostapd'"))
	})

	It("says how ordinary users get to run the lab", func() {
		Expect(ordinary("")).To(HavePrefix("may run the lab"))
		Expect(ordinary("allow them with 'x'")).To(HaveSuffix("restricted; allow them with 'x'"))
	})
})
