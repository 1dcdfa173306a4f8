// SPDX-License-Identifier: GPL-2.0-only
/*
 * The init of the 32-bit test guests: one static program that needs no C library and no
 * mounted file system. It is to a 32-bit kernel what the script init beside this file is to
 * the others: test=WORD on the kernel's command line, which the kernel hands to init in its
 * environment, says what to do, and every line that tests look for begins with "lkvm-test:".
 *
 * Linux's system call numbers, structures and constants are written out, since the headers of a
 * 64-bit system need not be there for -m32.
 */
enum {
	SYS_exit = 1,
	SYS_write = 4,
	SYS_pause = 29,
	SYS_reboot = 88,
	SYS_sysinfo = 116,
	SYS_uname = 122,
	SYS_sched_getaffinity = 242,
};

#define REBOOT_MAGIC1	0xfee1deadU
#define REBOOT_MAGIC2	0x28121969U

static const struct ending {
	const char *word;
	unsigned int command;
} endings[] = {
	{ "poweroff", 0x4321fedc },
	{ "halt", 0xcdef0123 },
	{ "reboot", 0x01234567 },
};

struct sysinfo {
	long uptime;
	unsigned long loads[3];
	unsigned long totalram;
	unsigned long other[5];
	unsigned short procs, pad;
	unsigned long totalhigh, freehigh;
	unsigned int unit;
	char rest[8];
};

struct utsname {
	char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};

static long syscall3(long number, long a, long b, long c)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
	return ret;
}

/* --- one line at a time, with one write --------------------------------- */

static char line[256];
static unsigned int used;

static void put(const char *text)
{
	while (*text && used < sizeof(line) - 1)
		line[used++] = *text++;
}

static void put_number(unsigned long n)
{
	char digits[12];
	unsigned int i = sizeof(digits) - 1;

	digits[i] = 0;
	do
		digits[--i] = '0' + n % 10;
	while (n /= 10);
	put(digits + i);
}

static void end_line(void)
{
	line[used++] = '\n';
	syscall3(SYS_write, 1, (long)line, used);
	used = 0;
}

/* --- what the guest is: static, as clearing a stack takes a memset() -------- */

static unsigned int count_cpus(void)
{
	static unsigned long mask[32];		/* 1024 CPUs */
	unsigned int cpus = 0;

	syscall3(SYS_sched_getaffinity, 0, sizeof(mask), (long)mask);
	for (unsigned int i = 0; i < sizeof(mask) / sizeof(mask[0]); i++)
		for (unsigned long bits = mask[i]; bits; bits &= bits - 1)
			cpus++;
	return cpus;
}

/* The same line as the script's, with the CPUs as a range */
static void say_up(void)
{
	unsigned int cpus = count_cpus();
	static struct utsname name;
	static struct sysinfo info;

	syscall3(SYS_uname, (long)&name, 0, 0);
	syscall3(SYS_sysinfo, (long)&info, 0, 0);
	put("lkvm-test: up cpus=0");
	if (cpus > 1) {
		put("-");
		put_number(cpus - 1);
	}
	put(" memory=");
	put_number(info.totalram / 1024 * (info.unit ? info.unit : 1));
	put(" kernel=");
	put(name.release);
	put(" machine=");
	put(name.machine);
	end_line();
}

/* --- what it does -------------------------------------------------------- */

static int equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static const char *value_of(char **environment, const char *name)
{
	for (; *environment; environment++) {
		const char *e = *environment, *n = name;

		while (*n && *n == *e)
			e++, n++;
		if (!*n && *e == '=')
			return e + 1;
	}
	return "poweroff";
}

/* Init's own end is a panic of the kernel. */
static void end_init(void)
{
	syscall3(SYS_exit, 3, 0, 0);
}

static void act(const char *word)
{
	for (unsigned int i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (equal(word, endings[i].word))
			syscall3(SYS_reboot, REBOOT_MAGIC1, REBOOT_MAGIC2, endings[i].command);
	if (equal(word, "panic"))
		end_init();
	if (equal(word, "spin"))
		for (;;)
			asm volatile("pause");
	if (equal(word, "sleep"))
		for (;;)
			syscall3(SYS_pause, 0, 0, 0);
	put("lkvm-test: no such test: ");
	put(word);
	end_line();
	end_init();
}

/* The kernel leaves argc, the arguments, 0, the environment and 0 on the stack. */
__attribute__((used)) static void start(long *stack)
{
	say_up();
	act(value_of((char **)(stack + 1 + stack[0] + 1), "test"));
}

asm(".globl _start\n"
	"_start:\n"
	"	xorl %ebp, %ebp\n"
	"	movl %esp, %eax\n"
	"	andl $-16, %esp\n"
	"	subl $12, %esp\n"
	"	pushl %eax\n"
	"	call start\n"
	"	hlt\n");
