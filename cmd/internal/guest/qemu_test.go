//go:build e2e

package guest_test

import (
	"context"
	"os/exec"
	"path/filepath"
)

// QEMU is Debian's own kernel on a processor that QEMU plays. The folder holds
// what scripts/guest-kernel makes of the kernel's package.
func QEMU(folder string) Guest {
	return Guest{
		Modules: filepath.Join(folder, "modules"),
		Load: "veth bridge macvlan af_packet nf_tables nft_compat nft_chain_nat nfnetlink nf_conntrack_netlink nfnetlink_log ip_set_hash_ip ip_set_hash_ipport ip_set_hash_net " +
			"ipt_REJECT ip6t_REJECT xt_MASQUERADE xt_NFLOG xt_addrtype xt_comment xt_connbytes xt_connmark xt_conntrack xt_mac xt_mark xt_multiport xt_nat xt_set xt_tcpudp " +
			"crc32c_generic ccm ctr cmac aes_generic mac80211_hwsim",
		Command: func(ctx context.Context, init string, settings []string) *exec.Cmd {
			parameters := "console=ttyS0 quiet panic=-1 first=" + init
			for _, setting := range settings {
				parameters += " " + setting
			}
			return exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1536",
				"-nographic", "-no-reboot", "-nic", "none",
				"-kernel", filepath.Join(folder, "vmlinuz"), "-initrd", filepath.Join(folder, "initrd.gz"), "-append", parameters,
				"-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap")
		},
	}
}
