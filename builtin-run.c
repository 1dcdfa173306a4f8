// SPDX-License-Identifier: GPL-2.0-only
/*
 * lkvm run: boot a kernel. From options to a configuration; core/run.c does the rest.
 */
#include <ctype.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acpi.h"
#include "board.h"
#include "boot.h"
#include "builtin.h"
#include "cpu.h"
#include "describe.h"
#include "find-kernel.h"
#include "instance.h"
#include "klog.h"
#include "log.h"
#include "options.h"
#include "outcome.h"
#include "run.h"
#include "symbols.h"
#include "term.h"
#include "util.h"
#include "virtio-devices.h"
#include "virtio.h"

#define DEFAULT_CPUS_MAX 8
#define CPUS_MAX	ACPI_CPUS_MAX
#define DEFAULT_MEM	(1 * GiB)
#define MEM_MIN		(2 * MiB)

/*
 * What --fast adds to the command line: work that a kernel in a VM for tests does
 * for nothing. doc/benchmarks.md has what each one saves.
 */
static const char fast_words[] =
	" cryptomgr.notests raid=noautodetect i8042.noaux tsc=reliable rcupdate.rcu_expedited=1";

static struct {
	const char *kernel;
	struct string_list initrds, params, smbios;
	struct topology cpus;
	const char *cpu, *name, *console, *result, *log, *hugetlbfs, *dev, *dump_dtb;
	const char *firmware, *symbols;
	u64 mem, timeout, boot_timeout, flat;
	struct virtio_spec *virtio;
	unsigned int ptys, loglevel, fail_on, virtio_count;
	bool reboot, nodefaults, dry_run, quiet, kaslr, fast, numa, debug_exit, test_device;
	bool exit_stats, no_cache, named;
} opt = {
	.mem = DEFAULT_MEM,
	.dev = "/dev/kvm",
	.console = "serial",
	.loglevel = LOG_INFO,
};

/* --- options that are more than a word ------------------------------------ */

static int set_topology(const char *arg, struct topology *t)
{
	unsigned int product;

	if (!t->threads)
		t->threads = 1;
	if (!t->sockets && !t->cores)
		t->sockets = 1;
	if (!t->cores)
		t->cores = t->cpus / t->sockets / t->threads;
	if (!t->sockets)
		t->sockets = t->cpus / t->cores / t->threads;
	if (__builtin_mul_overflow(t->sockets, t->cores, &product) ||
	    __builtin_mul_overflow(product, t->threads, &product) || product != t->cpus)
		return usage_error("-c %s: %u sockets of %u cores of %u threads are not %u CPUs", arg,
				   t->sockets, t->cores, t->threads, t->cpus);
	return 0;
}

/* -c N[,sockets=S][,cores=C][,threads=T] */
static int parse_cpus(const char *arg, void *value)
{
	struct topology t = {};
	char *copy = strdup(arg), *rest = copy, *word;
	int err = copy ? 0 : error(-ENOMEM, "-c");

	for (bool first = true; !err && (word = strsep(&rest, ",")); first = false) {
		char *number = strchr(word, '=');
		unsigned int *field = NULL;

		if (first && !number) {
			field = &t.cpus;
			number = word;
		} else if (number) {
			*number++ = '\0';
			field = !strcmp(word, "sockets") ? &t.sockets : !strcmp(word, "cores") ? &t.cores :
				!strcmp(word, "threads") ? &t.threads : NULL;
		}
		if (!field)
			err = usage_error("-c %s: %s is not sockets=, cores= or threads=", arg, word);
		else if (parse_uint(number, field) || !*field)
			err = usage_error("-c %s: %s is not a number from 1 on", arg, number);
	}
	if (!err && t.cpus > CPUS_MAX)
		err = usage_error("-c %s: more than the %d CPUs that ACPI tables can describe", arg, CPUS_MAX);
	if (!err && !t.cpus)
		err = usage_error("-c %s: begins with the number of CPUs, as in -c 8,sockets=2", arg);
	if (!err)
		err = set_topology(arg, &t);
	if (!err)
		*(struct topology *)value = t;
	free(copy);
	return err;
}

static int parse_mem(const char *arg, void *value)
{
	u64 size;
	int err = parse_size(arg, MiB, &size);

	if (err == -EINVAL)
		return usage_error("-m %s: not a size such as 512M or 2G", arg);
	if (err || size > 1ULL << 52)
		return usage_error("-m %s: more than any CPU can address", arg);
	if (size < MEM_MIN)
		return usage_error("-m %s: a machine needs at least %lluM", arg, MEM_MIN / MiB);
	if (size % (4 * KiB))
		return usage_error("-m %s: not a multiple of 4K", arg);
	*(u64 *)value = size;
	return 0;
}

/* No real image goes to address 0: it stands for none. */
static int parse_flat(const char *arg, void *value)
{
	unsigned long long v = 0;
	char *end = NULL;

	errno = 0;
	if (isdigit((unsigned char)*arg))
		v = strtoull(arg, &end, 0);
	if (!end || *end || errno)
		return usage_error("--flat %s: not an address such as 0x7c00 or 0x100000", arg);
	if (!v)
		return usage_error("--flat %s: the vectors of interrupts are there", arg);
	*(u64 *)value = v;
	return 0;
}

static int parse_timeout(const char *arg, void *value)
{
	if (parse_seconds(arg, value))
		return usage_error("timeout %s: not a number of seconds such as 30 or 0.5", arg);
	return 0;
}

static int parse_tty(const char *arg, void *value)
{
	unsigned int n;

	if (parse_uint(arg, &n) || n >= MACHINE_UARTS)
		return usage_error("--tty %s: a machine has ttyS0 to ttyS%d: 0 to %d", arg,
				   MACHINE_UARTS - 1, MACHINE_UARTS - 1);
	*(unsigned int *)value |= 1U << n;
	return 0;
}

static int parse_loglevel(const char *arg, void *value)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(names); n++)
		if (!strcmp(arg, names[n]))
			break;
	if (n == ARRAY_SIZE(names) && (parse_uint(arg, &n) || n >= ARRAY_SIZE(names)))
		return usage_error("--loglevel %s: one of error, warning, info, debug", arg);
	*(unsigned int *)value = n;
	return 0;
}

static int parse_fail_on(const char *arg, void *value)
{
	if (klog_classes(arg, value))
		return usage_error("--fail-on %s: of warn, oops, kasan, lockdep, rcu, hung, kmemleak, or all", arg);
	return 0;
}

static int parse_console(const char *arg, void *value)
{
	if (strcmp(arg, "serial") && strcmp(arg, "none"))
		return usage_error("--console %s: one of serial, none", arg);
	*(const char **)value = arg;
	return 0;
}

static int add_virtio(const char *arg, void *value)
{
	struct virtio_spec *specs = realloc(opt.virtio, (opt.virtio_count + 1) * sizeof(*specs));

	if (!specs)
		return error(-ENOMEM, "virtio devices");
	specs[opt.virtio_count++] = (struct virtio_spec){ value, arg };
	opt.virtio = specs;
	return 0;
}

static const struct option_desc options[] = {
	{ 'k', "kernel", OPTION_STRING, &opt.kernel, NULL, "FILE", "bzImage, vmlinux, PVH or Multiboot image" },
	{ 0, "flat", OPTION_CALL, &opt.flat, parse_flat, "ADDR",
	  "load the image of -k as it is to this address and enter it there" },
	{ 0, "firmware", OPTION_STRING, &opt.firmware, NULL, "FILE", "run firmware, such as SeaBIOS, and no kernel" },
	{ 'i', "initrd", OPTION_LIST, &opt.initrds, NULL, "FILE", "initial ramdisk; several are put together" },
	{ 'p', "params", OPTION_LIST, &opt.params, NULL, "WORDS", "kernel command line; several add up" },
	{ 'c', "cpus", OPTION_CALL, &opt.cpus, parse_cpus, "N[,sockets=S][,cores=C][,threads=T]",
	  "vCPUs (default: the host's CPUs, up to 8)" },
	{ 0, "cpu", OPTION_STRING, &opt.cpu, NULL, "host|max|+F|-F,...", "CPU model and features" },
	{ 'm', "mem", OPTION_CALL, &opt.mem, parse_mem, "SIZE", "memory, as 512M or 2G (default 1G)" },
	{ 0, "numa", OPTION_FLAG, &opt.numa, NULL, NULL, "describe memory and CPUs in an SRAT" },
	{ 0, "hugetlbfs", OPTION_STRING, &opt.hugetlbfs, NULL, "DIR", "memory from this hugetlbfs mount" },
	{ 0, "name", OPTION_STRING, &opt.name, NULL, "NAME", "name of the VM" },
	{ 0, "console", OPTION_CALL, &opt.console, parse_console, "serial|none", "what is on stdin and stdout" },
	{ 0, "tty", OPTION_CALL, &opt.ptys, parse_tty, "N", "put ttyS<N> on a pseudo-terminal" },
	{ 0, "log", OPTION_STRING, &opt.log, NULL, "FILE", "also write the console's output here" },
	{ 'q', "quiet", OPTION_FLAG, &opt.quiet, NULL, NULL, "without a terminal: show the console only on failure" },
	{ 0, "timeout", OPTION_CALL, &opt.timeout, parse_timeout, "SECONDS", "end the run after this time" },
	{ 0, "boot-timeout", OPTION_CALL, &opt.boot_timeout, parse_timeout, "SECONDS",
	  "end it if user space has not spoken by then" },
	{ 0, "fail-on", OPTION_CALL, &opt.fail_on, parse_fail_on, "warn|oops|kasan|lockdep|rcu|hung|kmemleak|all,...",
	  "status 123 if the kernel's log has such a fault" },
	{ 0, "symbols", OPTION_STRING, &opt.symbols, NULL, "FILE",
	  "vmlinux or System.map that names addresses when the guest ends badly" },
	{ 0, "result", OPTION_STRING, &opt.result, NULL, "FILE", "write how it ended, as JSON" },
	{ 0, "reboot", OPTION_FLAG, &opt.reboot, NULL, NULL, "let the guest reboot" },
	{ 0, "kaslr", OPTION_FLAG, &opt.kaslr, NULL, NULL, "let the kernel unpack and place itself" },
	{ 0, "fast", OPTION_FLAG, &opt.fast, NULL, NULL, "add words to the command line that save boot time" },
	{ 0, "smbios-string", OPTION_LIST, &opt.smbios, NULL, "STRING", "SMBIOS OEM string (type 11)" },
	{ 0, "debug-exit", OPTION_FLAG, &opt.debug_exit, NULL, NULL, "isa-debug-exit at port 0xf4" },
	{ 0, "test-device", OPTION_FLAG, &opt.test_device, NULL, NULL,
	  "for test kernels: a latch at port 0xe0, interrupt lines at 0x2000" },
	{ 0, "exit-stats", OPTION_FLAG, &opt.exit_stats, NULL, NULL, "count exits for each port in the result" },
	{ 0, "no-cache", OPTION_FLAG, &opt.no_cache, NULL, NULL, "do not keep unpacked kernels" },
	{ 0, "dev", OPTION_STRING, &opt.dev, NULL, "FILE", "KVM's device (default /dev/kvm)" },
	{ 0, "loglevel", OPTION_CALL, &opt.loglevel, parse_loglevel, "error|warning|info|debug",
	  "what lkvm says about itself (default info)" },
	{ 0, "nodefaults", OPTION_FLAG, &opt.nodefaults, NULL, NULL, "add nothing to the command line" },
	{ 0, "dry-run", OPTION_FLAG, &opt.dry_run, NULL, NULL, "print the machine and do not run it" },
	{ 0, "dump-dtb", OPTION_STRING, &opt.dump_dtb, NULL, "FILE",
	  "write the machine as a device tree, and do not run it" },
#define VIRTIO_DEVICE(name, arg, help) { 0, #name, OPTION_CALL, (void *)&virtio_##name, add_virtio, arg, help },
#include "virtio-devices.h"
	{ 0 },
};

void cmd_run_options(void)
{
	options_print(options);
}

/* --- what the user left open -------------------------------------------- */

static void default_cpus(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int n = online < 1 ? 1 : min(online, (long)DEFAULT_CPUS_MAX);

	if (!opt.cpus.cpus)
		opt.cpus = (struct topology){ .cpus = n, .sockets = 1, .cores = n, .threads = 1 };
}

/* What is to run goes by one of several options, and not each takes all of the others. */
static bool check_kind(void)
{
	if (opt.firmware) {
		const char *other = opt.kernel ? "-k" : opt.initrds.count ? "-i" : opt.params.count ? "-p" :
				    opt.flat ? "--flat" : opt.kaslr ? "--kaslr" : opt.fast ? "--fast" : NULL;

		if (other)
			usage_error("--firmware %s: firmware finds what it boots itself: not with %s",
				    opt.firmware, other);
		return !other;
	}
	if (opt.flat && !opt.kernel) {
		usage_error("--flat 0x%llx: name the image with -k", (unsigned long long)opt.flat);
		return false;
	}
	if (opt.flat && opt.kaslr) {
		usage_error("--flat 0x%llx: the image is entered where it is put: not with --kaslr",
			    (unsigned long long)opt.flat);
		return false;
	}
	if (opt.flat && opt.flat < MiB && (opt.initrds.count || opt.params.count)) {
		usage_error("--flat 0x%llx: an image below 1 MiB is in real mode, where nothing tells it of %s",
			    (unsigned long long)opt.flat, opt.initrds.count ? "-i" : "-p");
		return false;
	}
	return true;
}

static bool default_kernel(char **found)
{
	if (opt.firmware)
		opt.kernel = opt.firmware;
	if (opt.kernel)
		return true;
	*found = find_kernel();
	opt.kernel = *found;
	if (!opt.kernel) {
		usage_error("no kernel here or in /boot; name one with -k");
		return false;
	}
	info("kernel %s", opt.kernel);
	return true;
}

/* Firmware and real-mode images find no command line: the defaults are not for them. */
static bool has_command_line(void)
{
	return !opt.firmware && (!opt.flat || opt.flat >= MiB);
}

/* Defaults come before the user's words, so that his win. */
static char *command_line(bool terminal)
{
	char *line = NULL;
	size_t len;
	FILE *f = open_memstream(&line, &len);

	if (!f)
		return NULL;
	if (!opt.nodefaults && has_command_line()) {
		fputs(" console=ttyS0", f);
		if (!terminal)
			fputs(" panic=-1", f);
	}
	if (opt.fast && has_command_line())
		fputs(fast_words, f);
	for (unsigned int i = 0; i < opt.params.count; i++)
		fprintf(f, " %s", opt.params.items[i]);
	if (fclose(f))
		return NULL;
	if (*line == ' ')
		memmove(line, line + 1, len);
	return line;
}

static bool check_name(char *own, size_t size)
{
	opt.named = opt.name;
	if (!opt.name) {
		snprintf(own, size, "guest-%d", getpid());
		opt.name = own;
	}
	if (!instance_name_valid(opt.name)) {
		usage_error("--name %s: 1 to %d letters, digits, '.', '_' and '-', the first a letter or digit",
			    opt.name, INSTANCE_NAME_MAX);
		return false;
	}
	return true;
}

/* What can be read only once is gone when the guest reboots. */
static bool check_initrds(void)
{
	struct stat st;

	for (unsigned int i = 0; opt.reboot && i < opt.initrds.count; i++) {
		if (!stat(opt.initrds.items[i], &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
			usage_error("--reboot: initrd %s is no file, and could not be read again",
				    opt.initrds.items[i]);
			return false;
		}
	}
	return true;
}

/* It is read when the guest has ended badly, and a mistake should not wait for that. */
static bool check_symbols(void)
{
	struct symbols *s;
	bool good;

	if (!opt.symbols)
		return true;
	s = symbols_new();
	good = s && !symbols_read_file(s, opt.symbols);
	symbols_free(s);
	return good;
}

static bool check(bool terminal)
{
	if (opt.quiet && terminal) {
		warning("--quiet means nothing on a terminal");
		opt.quiet = false;
	}
	if (!strcmp(opt.console, "serial") && opt.ptys & 1) {
		/* ttyS0 is on the pseudo-terminal then, and stdin and stdout have nothing. */
		opt.console = "none";
	}
	return !cpu_model_check(opt.cpu) && check_kind() && check_initrds() && check_symbols();
}

static int open_image(struct boot_image **image)
{
	if (opt.firmware)
		return boot_open_firmware(opt.firmware, image);
	if (opt.flat)
		return boot_open_flat(opt.kernel, opt.flat, image);
	return boot_open(opt.kernel, !opt.no_cache, opt.kaslr, image);
}

/* Build the machine without KVM, and tell of it. */
static int describe(const struct run_config *cfg)
{
	struct outcome *outcome = outcome_new(NULL, NULL);
	struct machine_config dry = cfg->machine;
	struct machine *m;
	int err;

	dry.dry = true;
	dry.outcome = outcome;
	err = outcome ? machine_new(&dry, cfg->board, &m) : error(-ENOMEM, "machine");
	if (err) {
		outcome_free(outcome);
		return EXIT_LAUNCH;
	}
	if (opt.dry_run)
		describe_print(m, boot_describe(cfg->machine.image));
	if (opt.dump_dtb)
		err = describe_dtb(m, opt.dump_dtb);
	machine_free(m);
	outcome_free(outcome);
	return log_end_output() || err ? EXIT_LAUNCH : 0;
}

static int run_image(struct boot_image *image, const char *cmdline, u64 start_ns)
{
	struct run_config cfg = {
		.machine = {
			.name = opt.name,
			.kvm_path = opt.dev,
			.cpus = opt.cpus,
			.cpu_model = opt.cpu,
			.mem_size = opt.mem,
			.hugetlbfs = opt.hugetlbfs,
			.image = image,
			.kernel = opt.kernel,
			.symbols = opt.symbols,
			.cmdline = cmdline,
			.initrds = opt.initrds.items,
			.initrd_count = opt.initrds.count,
			.smbios_strings = opt.smbios.items,
			.smbios_count = opt.smbios.count,
			.numa = opt.numa,
			.debug_exit = opt.debug_exit,
			.test_device = opt.test_device,
			.count_ports = opt.exit_stats,
			.virtio = opt.virtio,
			.virtio_count = opt.virtio_count,
		},
		.board = &x86_board,
		.named = opt.named,
		.kernel = opt.kernel,
		.release = boot_release(image),
		.timeout_ns = opt.timeout,
		.boot_timeout_ns = opt.boot_timeout,
		.result = opt.result,
		.log = opt.log,
		.ptys = opt.ptys,
		.console = !strcmp(opt.console, "serial"),
		.quiet = opt.quiet,
		.reboot = opt.reboot,
		.fail_on = opt.fail_on,
		.start_ns = start_ns,
	};

	if (opt.dry_run || opt.dump_dtb)
		return describe(&cfg);
	return run_vm(&cfg);
}

int cmd_run(int argc, char **argv)
{
	struct boot_image *image = NULL;
	char *cmdline = NULL, *found = NULL;
	struct timespec start;
	char name[32];
	bool terminal;
	int rest, status = EXIT_LAUNCH;

	clock_gettime(CLOCK_MONOTONIC, &start);
	if (options_parse(argc, argv, options, &rest))
		goto out;
	log_set_level(opt.loglevel);
	if (rest < argc) {
		usage_error("run takes no argument %s; the kernel's command line goes into -p", argv[rest]);
		goto out;
	}
	terminal = term_is_foreground(STDIN_FILENO) && isatty(STDOUT_FILENO);
	default_cpus();
	if (!check(terminal) || !check_name(name, sizeof(name)) || !default_kernel(&found))
		goto out;
	cmdline = command_line(terminal);
	if (!cmdline) {
		error(-ENOMEM, "command line");
		goto out;
	}
	if (!open_image(&image))
		status = run_image(image, cmdline, start.tv_sec * 1000000000ULL + start.tv_nsec);
out:
	boot_close(image);
	free(cmdline);
	free(found);
	string_list_free(&opt.initrds);
	string_list_free(&opt.params);
	string_list_free(&opt.smbios);
	free(opt.virtio);
	return status;
}
