// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports of a synthetic guest: what is said of vCPUs in every state, which symbols are taken and
 * which are not, and when they are read again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "cpu.h"
#include "images.h"
#include "kernel.h"
#include "mem.h"
#include "report.h"
#include "util.h"

#define SHIFT		0x800000ULL	/* the file's addresses are lower by that */
#define BANNER_AT	0x3000ULL	/* from TEXT on */
#define MODULES_AT	0x3100ULL
#define BANNER		"Linux version 6.12.1 (me@here) #7 SMP\n"
#define SP		(STACK_END - 0x400)

static struct kernel k;
static struct report_config cfg;
static struct report *report;
static struct cpu_look look;
static char dir[] = "/tmp/lkvm-test-report.XXXXXX";
static char path[64], *text;

static int setup(void **state)
{
	kernel_new(&k, false, false);
	guest_write(&k.guest, TEXT + BANNER_AT, BANNER, sizeof(BANNER));
	cfg = (struct report_config){ .mem = k.guest.mem };
	look = (struct cpu_look){
		.known = true,
		.mp_state = KVM_MP_STATE_RUNNABLE,
		.regs = { .rip = IN(F_CRASH, 0x20), .rsp = SP, .rbp = SP + 0x20, .rflags = 0x202 },
		.sregs = { .cr0 = 0x80000001, .cr3 = k.guest.root, .cr4 = 0x20, .efer = 0x500,
			   .cs = { .selector = 0x10, .l = 1 } },
	};
	kernel_put(&k, SP + 0x20, SP + 0x40);
	kernel_put(&k, SP + 0x28, IN(F_WRITE, 0x40));
	kernel_put(&k, SP + 0x40, 0x1234);
	kernel_put(&k, SP + 0x48, IN(F_SYSCALL, 0x40));
	kernel_put(&k, SP + 0x60, IN(F_PANIC, 0x55));
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/symbols", dir);
	return 0;
}

static int teardown(void **state)
{
	char name[128];

	report_free(report);
	report = NULL;
	free(text);
	text = NULL;
	kernel_free(&k);
	unlink(path);
	for (unsigned int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, (const char *[]){ "vmlinux", "arch/x86/boot/bzImage",
			 "arch/x86/boot", "arch/x86", "arch" }[i]);
		remove(name);
	}
	return rmdir(dir);
}

static void print(const struct cpu_look *looks, unsigned int count)
{
	size_t len;
	FILE *f;

	free(text);
	text = NULL;
	f = open_memstream(&text, &len);
	if (!report)
		report = report_new(&cfg);
	assert_non_null(report);
	report_print(report, looks, count, f);
	assert_int_equal(fclose(f), 0);
}

static void want(const char *what)
{
	if (!strstr(text, what))
		fail_msg("no \"%s\" in:\n%s", what, text);
}

static void want_not(const char *what)
{
	if (strstr(text, what))
		fail_msg("\"%s\" in:\n%s", what, text);
}

/* --- vCPUs --- */

static void kernel_without_symbols(void **state)
{
	const u8 code[] = { 0x90, 0xf4, 0xeb };

	guest_write(&k.guest, look.regs.rip - 1, code, sizeof(code));
	look.regs.rax = 0x1122334455667788;
	print(&look, 1);
	want("no symbols: no kallsyms in the guest's memory");
	want("CPU 0 running in kernel mode, interrupts on\n  RIP 0xffffffff81000320\n");
	want("  rip ffffffff81000320 rsp ffffc90000013c00 flags 00000202 cs 0010 ss 0000\n  rax 1122334455667788 ");
	want(" 00 90 <f4> eb 00 ");
	want("\n  stack 0000000000000000 0000000000000000 0000000000000000 0000000000000000\n"
	     "        ffffc90000013c40 ffffffff81000240 0000000000000000 0000000000000000\n"
	     "        0000000000001234 ffffffff81000140 ");
	want("  Call trace:\n   0xffffffff81000240\n   0xffffffff81000140\n   ? 0xffffffff81000455\n");
}

static void other_modes(void **state)
{
	struct cpu_look looks[6];

	for (unsigned int i = 0; i < ARRAY_SIZE(looks); i++) {
		looks[i] = look;
		looks[i].index = i;
	}
	looks[0].mp_state = KVM_MP_STATE_UNINITIALIZED;
	looks[1].mp_state = KVM_MP_STATE_INIT_RECEIVED;
	looks[2].known = false;
	looks[3].sregs.cs.selector = 0x33;
	looks[3].regs.rip = 0x401000;
	looks[4].sregs = (struct kvm_sregs){ .cs = { .selector = 0xf000, .base = 0xffff0000 } };
	looks[4].regs = (struct kvm_regs){ .rip = 0xfff0 };
	looks[5].mp_state = KVM_MP_STATE_HALTED;
	looks[5].regs.rflags = 2;
	looks[5].regs.rsp = looks[5].regs.rbp = 0;
	print(looks, ARRAY_SIZE(looks));
	want("\nCPU 0 not started\nCPU 1 waiting for a start-up IPI\nCPU 2: no registers\n"
	     "CPU 3 running in user mode, interrupts on\n  rip 0000000000401000");
	want("CPU 4 running in real mode, interrupts off\n  rip 000000000000fff0");
	want("  stack 0000 0000 0000 0000\n        ");
	want("  stack ???????????????? ????");
	want("CPU 5 halted in kernel mode, interrupts off\n  RIP 0xffffffff81000320\n");
	want("   (nothing found on the stack)\n");
	/* Only what is in the kernel has a trace. */
	assert_null(strstr(strstr(text, "Call trace") + 1, "Call trace"));
	want(" ?? ??");
}

static void nothing_has_started(void **state)
{
	look.mp_state = KVM_MP_STATE_UNINITIALIZED;
	print(&look, 1);
	assert_string_equal(text, "no symbols: no vCPU has started\nCPU 0 not started\n");
	print(NULL, 0);
	assert_string_equal(text, "no symbols: no vCPU has started\n");
}

/* --- symbols --- */

static void want_names(void)
{
	want("CPU 0 running in kernel mode, interrupts on\n  RIP do_crash+0x20/0x100\n");
	want("  Call trace:\n   do_write+0x40/0x100\n   do_syscall+0x40/0x100\n   ? panic+0x55/0x100\n");
}

/* @skew: how far the banner is from where it should be */
static void write_map(u64 skew)
{
	static const char *const names[] = { "entry", "do_syscall", "do_write", "do_crash", "panic", "irq_entry" };
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fprintf(f, "%016llx T _stext\n", TEXT - SHIFT);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		fprintf(f, "%016llx T %s\n", FUNC(i) - SHIFT, names[i]);
	fprintf(f, "%016llx T _etext\n", TEXT - SHIFT + 0x2000);
	fprintf(f, "%016llx R linux_banner\n", TEXT - SHIFT + BANNER_AT + skew);
	fprintf(f, "%016llx D modules\n", TEXT - SHIFT + MODULES_AT);
	fprintf(f, "%016llx B _end\n", TEXT - SHIFT + TEXT_SIZE);
	fclose(f);
}

static void system_map(void **state)
{
	write_map(0);
	cfg.symbols = path;
	print(&look, 1);
	want(path);
	want(", KASLR offset 0x800000\n");
	want_names();
}

static void wrong_system_map(void **state)
{
	write_map(8);
	cfg.symbols = path;
	print(&look, 1);
	want(" is not the kernel in the guest's memory\nno symbols: ");
	want("  RIP 0xffffffff81000320\n");
}

static void no_file(void **state)
{
	cfg.symbols = path;
	said_start();
	print(&look, 1);
	assert_int_equal(said_lines(), 1);
	want("no symbols: ");
}

/* A vmlinux: its headers, one segment that has the banner, symbols and their names. */
static void write_vmlinux(const char *name, const char *banner)
{
	static const char *const names[] = { "_stext", "do_syscall", "do_write", "do_crash", "panic", "irq_entry",
					     "_etext", "_end", "linux_banner" };
	static const u64 at[] = { 0, 0x100, 0x200, 0x300, 0x400, 0x500, 0x2000, TEXT_SIZE, BANNER_AT };
	struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph;
		Elf64_Shdr sh[4];
		Elf64_Sym sym[ARRAY_SIZE(names) + 1];
		char str[256];
		char banner[128];
	} v = {
		.eh = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_ehsize = sizeof(v.eh),
			.e_phoff = offsetof(__typeof__(v), ph), .e_phentsize = sizeof(v.ph), .e_phnum = 1,
			.e_shoff = offsetof(__typeof__(v), sh), .e_shentsize = sizeof(v.sh[0]), .e_shnum = 4,
		},
		.ph = { .p_type = PT_LOAD, .p_offset = offsetof(__typeof__(v), banner), .p_filesz = sizeof(v.banner),
			.p_vaddr = TEXT - SHIFT + BANNER_AT, .p_memsz = sizeof(v.banner) },
		.sh = {
			[1] = { .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR, .sh_addr = TEXT - SHIFT,
				.sh_size = TEXT_SIZE },
			[2] = { .sh_type = SHT_SYMTAB, .sh_offset = offsetof(__typeof__(v), sym),
				.sh_size = sizeof(v.sym), .sh_link = 3, .sh_entsize = sizeof(v.sym[0]) },
			[3] = { .sh_type = SHT_STRTAB, .sh_offset = offsetof(__typeof__(v), str),
				.sh_size = sizeof(v.str) },
		},
	};
	size_t used = 1;

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		v.sym[i + 1] = (Elf64_Sym){ .st_name = used, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
					    .st_shndx = 1, .st_value = TEXT - SHIFT + at[i] };
		used += snprintf(v.str + used, sizeof(v.str) - used, "%s", names[i]) + 1;
	}
	snprintf(v.banner, sizeof(v.banner), "%s", banner);
	image_write(name, &v, sizeof(v));
}

static void vmlinux(void **state)
{
	write_vmlinux(path, BANNER);
	cfg.symbols = path;
	print(&look, 1);
	want(", KASLR offset 0x800000\n");
	want_names();
}

/* The kernel's own file, unless it was built anew since. */
static void kernel_file(void **state)
{
	write_vmlinux(path, BANNER);
	cfg.kernel = path;
	print(&look, 1);
	want_names();
	report_free(report);
	report = NULL;
	write_vmlinux(path, "Linux version 6.12.1 (me@here) #8 SMP\n");
	print(&look, 1);
	want("no symbols: no kallsyms");
	want_not("is not the kernel");	/* nobody has asked for it */
	report_free(report);
	report = NULL;
	cfg.symbols = path;
	print(&look, 1);
	want("is not the kernel");
}

/* A stripped kernel is none to complain of. */
static void stripped(void **state)
{
	image_write(path, "\177ELF is this", 13);
	cfg.kernel = path;
	said_start();
	print(&look, 1);
	assert_int_equal(said_lines(), 0);
	want("no symbols: no kallsyms");
}

static void build_tree(void **state)
{
	char name[128];

	for (unsigned int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, (const char *[]){ "arch", "arch/x86", "arch/x86/boot" }[i]);
		assert_int_equal(mkdir(name, 0700), 0);
	}
	snprintf(name, sizeof(name), "%s/arch/x86/boot/bzImage", dir);
	image_write(name, "bzImage", 7);
	assert_int_equal(symlink(name, path), 0);
	snprintf(name, sizeof(name), "%s/vmlinux", dir);
	write_vmlinux(name, BANNER);
	cfg.kernel = path;
	print(&look, 1);
	want("/vmlinux, ");
	want_names();
	write_vmlinux(name, "Linux version 6.12.2\n");
	report_free(report);
	report = NULL;
	print(&look, 1);
	want("no symbols: no kallsyms");
}

/* Symbols are kept as long as kernel and modules are the same. */
static void kept(void **state)
{
	const u64 modules = TEXT + MODULES_AT, module = TEXT + 0x3200;

	kernel_put(&k, modules, modules);
	write_map(0);
	cfg.symbols = path;
	print(&look, 1);
	want_names();
	unlink(path);
	print(&look, 1);
	want_names();
	/* A module is loaded: all is read again, and the file is gone. */
	kernel_put(&k, modules, module);
	kernel_put(&k, module, modules);
	said_start();
	print(&look, 1);
	want("no symbols: no kallsyms");
	/* Another kernel has been started. */
	write_map(0);
	print(&look, 1);
	want_names();
	guest_write(&k.guest, TEXT + BANNER_AT + 14, "7", 1);
	unlink(path);
	print(&look, 1);
	want("no symbols: no kallsyms");
}

/* A list of modules that does not end. */
static void hostile_modules(void **state)
{
	const u64 modules = TEXT + MODULES_AT, module = TEXT + 0x3200;

	kernel_put(&k, modules, module);
	kernel_put(&k, module, module);
	write_map(0);
	cfg.symbols = path;
	print(&look, 1);
	want_names();
	print(&look, 1);
	want_names();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(kernel_without_symbols),
		TEST(other_modes),
		TEST(nothing_has_started),
		TEST(system_map),
		TEST(wrong_system_map),
		TEST(no_file),
		TEST(vmlinux),
		TEST(kernel_file),
		TEST(stripped),
		TEST(build_tree),
		TEST(kept),
		TEST(hostile_modules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
