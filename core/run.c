// SPDX-License-Identifier: GPL-2.0-only
/*
 * One run, from the machine's start to the process's exit status. All of this is on the
 * main loop, in the process's first thread.
 *
 * The first fact that ends the run (core/outcome.c) stops the loop; vCPUs are stopped,
 * the console is written out, and what the user needs to know is printed. A reset
 * under --reboot builds the machine anew; console and pseudo-terminals stay.
 *
 * A signal presses the guest's power button, if the guest listens to it, and gives it
 * a little time; a second signal ends the run at once. Before and after the loop, where
 * lkvm may wait for a file or for its reader, a signal or the time limit ends the process
 * where it is: there is no guest then. Each second the run looks
 * whether the guest has halted for good, which nothing else would tell, and whether it
 * is quiet after a panic.
 */
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <unistd.h>

#include "chr.h"
#include "console.h"
#include "control.h"
#include "instance.h"
#include "klog.h"
#include "log.h"
#include "loop.h"
#include "outcome.h"
#include "pty.h"
#include "result.h"
#include "run-private.h"
#include "term.h"
#include "util.h"

#define SECOND_NS	1000000000ULL
#define SIGNAL_GRACE_NS	(3 * SECOND_NS)
#define PANIC_TICKS	3		/* seconds of silence after a panic */
#define DRAIN_MS	2000		/* for a reader who does not read */
#define DRAIN_STEP_MS	100
#define TAIL_LINES	20

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND_NS + ts.tv_nsec;
}

/* --- callbacks ------------------------------------------------------------- */

/* From any thread. */
static void ended(void *arg)
{
	struct run *r = arg;

	loop_stop(r->loop);
}

/* The next four: from a vCPU thread, one at a time under the UART's lock. */
static void output_seen(void *arg, const u8 *data, size_t len)
{
	struct run *r = arg;

	r->output += len;
	klog_feed(&r->klog, data, len);
}

static void kernel_panics(void *arg)
{
	struct run *r = arg;

	outcome_panic_seen(r->outcome, "console");
}

static void kernel_has_fault(void *arg, const char *class)
{
	struct run *r = arg;

	outcome_fault_seen(r->outcome, class);
}

static void kernel_starts_init(void *arg)
{
	struct run *r = arg;

	if (!r->init_ns)
		r->init_ns = now_ns();
}

static void tell_console(void *arg, const u8 *data, size_t len)
{
	struct run *r = arg;
	struct chr *chr = console_chr(r->console);

	chr->ops->write(chr, data, len);
}

static void quit(void *arg)
{
	struct run *r = arg;

	/* The user pulls the plug: as when the guest had powered off. */
	outcome_report(r->outcome, OUTCOME_POWEROFF, "user", 0);
}

static void grace_over(void *arg)
{
	struct run *r = arg;

	outcome_report(r->outcome, OUTCOME_SIGNAL, "signal", r->signal);
}

static void signal_came(void *arg, u32 events)
{
	struct run *r = arg;
	struct signalfd_siginfo si;

	if (read(r->signal_fd, &si, sizeof(si)) != sizeof(si))
		return;
	run_resume(r);
	if (r->signal || !r->machine->board->power_button(r->machine)) {
		if (!r->signal)
			r->signal = si.ssi_signo;
		grace_over(r);
		return;
	}
	r->signal = si.ssi_signo;
	outcome_signal_seen(r->outcome, r->signal);
	loop_timer_set(r->grace, SIGNAL_GRACE_NS, 0);
}

static void time_is_up(void *arg)
{
	struct run *r = arg;

	outcome_report(r->outcome, OUTCOME_TIMEOUT, "timeout", 0);
}

/* When user space first made itself known, or 0. */
static u64 user_space_ns(struct run *r)
{
	u64 spoke = r->machine->board->spoke(r->machine);
	u64 init = r->init_ns;

	return spoke && init ? min(spoke, init) : spoke | init;
}

static void boot_time_is_up(void *arg)
{
	struct run *r = arg;

	if (!user_space_ns(r))
		outcome_report(r->outcome, OUTCOME_TIMEOUT, "boot-timeout", 0);
}

/*
 * A kernel that panics and stays has ended, unless a user looks on who may want to
 * attach a debugger, or it still talks (a dump kernel that boots, say).
 */
static void watch_panic(struct run *r)
{
	u64 output = r->output;

	if (!outcome_panicked(r->outcome) || console_is_terminal(r->console))
		return;
	r->panic_ticks = output == r->panic_output ? r->panic_ticks + 1 : 0;
	r->panic_output = output;
	if (r->panic_ticks >= PANIC_TICKS)
		outcome_report(r->outcome, OUTCOME_PANIC, "silence", 0);
}

static void every_second(void *arg)
{
	struct run *r = arg;

	machine_tick(r->machine);
	/* One that is kept from running is neither quiet nor halted. */
	if (r->paused)
		return;
	watch_panic(r);
	if (machine_halted(r->machine))
		outcome_report(r->outcome, OUTCOME_HALT, "kvm", 0);
}

/* --- the parts --------------------------------------------------------------- */

/* For end_here(). */
static struct instance *own_instance;

/* Outside of the loop. */
static void end_here(int sig)
{
	static const char late[] = "lkvm: out of time before the guest ran (--timeout)\n";

	term_restore();
	instance_remove(own_instance);
	if (sig == SIGALRM && write(STDERR_FILENO, late, sizeof(late) - 1) < 0)
		_exit(STATUS_TIMEOUT);
	_exit(sig == SIGALRM ? STATUS_TIMEOUT : STATUS_SIGNAL + sig);
}

static void set_alarm(u64 ns)
{
	struct itimerval it = {
		.it_value = { .tv_sec = ns / SECOND_NS, .tv_usec = ns % SECOND_NS / 1000 + (ns > 0) },
	};

	setitimer(ITIMER_REAL, &it, NULL);
}

static int make_signals(struct run *r)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, end = { .sa_handler = end_here }, old;
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP };

	sigemptyset(&r->signals);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		/* Who was started with a signal ignored (nohup) goes on ignoring it. */
		sigaction(wanted[i], NULL, &old);
		if (old.sa_handler == SIG_IGN)
			continue;
		sigaddset(&r->signals, wanted[i]);
		sigaction(wanted[i], &end, NULL);
	}
	sigaction(SIGALRM, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL);
	set_alarm(r->cfg->timeout_ns);
	r->signal_fd = signalfd(-1, &r->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signal_fd < 0)
		return error(-errno, "signals");
	r->signal_watch = loop_add(r->loop, r->signal_fd, EPOLLIN, signal_came, r);
	return r->signal_watch ? 0 : error(-errno, "signals");
}

static int make_timers(struct run *r)
{
	r->tick = loop_timer_new(r->loop, every_second, r);
	r->timeout = loop_timer_new(r->loop, time_is_up, r);
	r->boot_timeout = loop_timer_new(r->loop, boot_time_is_up, r);
	r->grace = loop_timer_new(r->loop, grace_over, r);
	if (!r->tick || !r->timeout || !r->boot_timeout || !r->grace)
		return error(-errno, "timers");
	return 0;
}

static int make_backends(struct run *r)
{
	struct machine_config *m = &r->cfg->machine;
	struct console_config con = {
		.log = r->cfg->log,
		.input = r->cfg->console,
		.out_fd = r->cfg->console ? STDOUT_FILENO : -1,
		.quiet = r->cfg->quiet,
		.output_seen = output_seen,
		.quit = quit,
		.arg = r,
	};
	struct console_config debug = { .out_fd = STDERR_FILENO };
	int err;

	r->klog = (struct klog){
		.panic = kernel_panics,
		.init = kernel_starts_init,
		.fault = kernel_has_fault,
		.classes = r->cfg->fail_on,
		.arg = r,
	};
	err = console_new(r->loop, &con, &r->console);
	if (err)
		return err;
	m->uarts[0] = console_chr(r->console);
	err = console_new(r->loop, &debug, &r->debug);
	if (err)
		return err;
	m->debug = console_chr(r->debug);
	for (unsigned int i = 0; i < MACHINE_UARTS; i++) {
		if (!(r->cfg->ptys & 1U << i))
			continue;
		/* The console hears of what ttyS0 says there: for the log, the tail, and panics. */
		err = pty_new(r->loop, i ? NULL : tell_console, r, &r->ptys[i]);
		if (err)
			return err;
		m->uarts[i] = pty_chr(r->ptys[i]);
		info("ttyS%u is %s", i, pty_name(r->ptys[i]));
	}
	return 0;
}

/* --- one boot --------------------------------------------------------------- */

static void add_exits(struct run *r)
{
	u64 *ports = (u64 *)r->result.port_exits;

	machine_exits(r->machine, &r->result.exits);
	for (unsigned int p = 0; ports && p < 65536; p++)
		ports[p] += machine_port_exits(r->machine, p);
}

/* From a machine that is to be built to one that has stopped. */
static int boot_once(struct run *r)
{
	struct run_config *cfg = r->cfg;
	u64 spent = now_ns() - cfg->start_ns;
	int err;

	r->outcome = outcome_new(ended, r);
	if (!r->outcome)
		return error(-ENOMEM, "run");
	cfg->machine.outcome = r->outcome;
	r->panic_ticks = 0;
	r->init_ns = 0;
	r->paused = false;
	err = machine_new(&cfg->machine, cfg->board, &r->machine);
	if (err)
		return err;
	if (cfg->timeout_ns)
		loop_timer_set(r->timeout, cfg->timeout_ns > spent ? cfg->timeout_ns - spent : 1, 0);
	if (cfg->boot_timeout_ns)
		loop_timer_set(r->boot_timeout, cfg->boot_timeout_ns, 0);
	loop_timer_set(r->tick, SECOND_NS, SECOND_NS);
	/* What the UARTs of the machine before a reboot refused waits in their backends. */
	for (unsigned int i = 0; i < MACHINE_UARTS; i++)
		if (cfg->machine.uarts[i])
			cfg->machine.uarts[i]->ops->resume(cfg->machine.uarts[i]);
	err = machine_start(r->machine);
	if (!err)
		err = run_control_start(r);
	if (err)
		return err;
	sigprocmask(SIG_BLOCK, &r->signals, NULL);
	set_alarm(0);
	loop_run(r->loop);
	loop_timer_set(r->tick, 0, 0);
	machine_stop(r->machine);
	/* One that has come too late for the loop ends the process now. */
	sigprocmask(SIG_UNBLOCK, &r->signals, NULL);
	if (!r->result.spoke_ns)
		r->result.spoke_ns = user_space_ns(r);
	add_exits(r);
	return 0;
}

/*
 * A reader who does not read is waited for, but not when the user wants to go, nor beyond
 * the time limit. Until all is out, a worker may call the UART.
 */
static bool drain(struct run *r, struct console *con)
{
	enum outcome_reason reason = outcome_reason(r->outcome);
	bool hurry = reason == OUTCOME_SIGNAL || reason == OUTCOME_TIMEOUT ||
		     !strcmp(outcome_evidence(r->outcome), "user");

	for (unsigned int waited = 0; !console_drain(con, DRAIN_STEP_MS); waited += DRAIN_STEP_MS)
		if ((hurry && waited >= DRAIN_MS) ||
		    (r->cfg->timeout_ns && now_ns() - r->cfg->start_ns > r->cfg->timeout_ns + DRAIN_MS * 1000000ULL))
			return false;
	return true;
}

static bool drain_all(struct run *r)
{
	bool drained = drain(r, r->console);

	return drain(r, r->debug) && drained;
}

static void print_tail(struct run *r)
{
	char text[8192], *line = text;
	size_t n = console_tail(r->console, text, sizeof(text) - 1);
	unsigned int lines = 0;

	if (!n)
		return;
	text[n] = '\0';
	for (char *p = text; p < text + n; p++)
		if (!*p)
			*p = '?';
	/* A whole number of lines, the last of which may have no end. */
	for (char *p = text + n - 1; p > text; p--) {
		if (p[-1] == '\n' && ++lines == TAIL_LINES) {
			line = p;
			break;
		}
	}
	error(0, "the last lines of the console:");
	while (*line) {
		size_t len = strcspn(line, "\r\n");

		error(0, "| %.*s", (int)len, line);
		line += len;
		line += strspn(line, "\r");
		line += *line == '\n';
	}
}

/* Where the vCPUs are; they have stopped. */
static void print_report(struct run *r)
{
	char *text = NULL, *rest, *line;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return;
	r->machine->board->report(r->machine, f);
	if (!fclose(f)) {
		rest = text;
		while ((line = strsep(&rest, "\n")) && rest)
			error(0, "%s", line);
	}
	free(text);
}

static void explain(struct run *r)
{
	enum outcome_reason reason = outcome_reason(r->outcome);
	const char *evidence = outcome_evidence(r->outcome);

	switch (reason) {
	case OUTCOME_PANIC:
		error(0, "the guest kernel panicked (%s)", evidence);
		break;
	case OUTCOME_TIMEOUT:
		error(0, "the guest ran out of time (--%s)", evidence);
		break;
	case OUTCOME_TRIPLE_FAULT:
		error(0, "triple fault: the guest could not handle an exception");
		break;
	case OUTCOME_KVM_ERROR:
		error(0, "KVM could not go on (%s)", evidence);
		break;
	case OUTCOME_FAIL_ON:
		error(0, "the guest kernel's log has a fault of class %s (--fail-on)", evidence);
		print_tail(r);
		return;
	default:
		return;
	}
	print_report(r);
	print_tail(r);
}

static bool reboots(struct run *r)
{
	return r->cfg->reboot && !r->signal && outcome_reason(r->outcome) == OUTCOME_RESET;
}

static int boot_until_done(struct run *r)
{
	int err;

	while (!(err = boot_once(r)) && reboots(r) && drain_all(r)) {
		machine_free(r->machine);
		outcome_free(r->outcome);
		r->machine = NULL;
		r->outcome = NULL;
		r->result.reboots++;
	}
	return err;
}

static int finish(struct run *r, int err)
{
	struct run_config *cfg = r->cfg;
	int status;

	if (!r->outcome)
		r->outcome = outcome_new(NULL, NULL);
	if (!r->outcome)
		return STATUS_LAUNCH;
	if (err)
		outcome_report(r->outcome, OUTCOME_LAUNCH, "lkvm", 0);
	r->result.end_ns = now_ns();
	r->result.first_run_ns = vcpu_first_run();
	status = outcome_exit_status(r->outcome);
	/* First of all: a reader who does not read may be all that is left to wait for. */
	if (cfg->result && !r->no_result && result_write(cfg->result, r->outcome, &r->result) && !status)
		status = STATUS_LAUNCH;
	if (!err) {
		r->drained = drain_all(r);
		if (outcome_exit_status(r->outcome) && cfg->quiet)
			console_show(r->console);
		explain(r);
	}
	return status;
}

/**
 * run_vm() - run a VM to its end
 * @cfg:	what to run; backends and outcome of its machine are filled in
 *
 * Called once in a process, in the first thread, before any other was made.
 *
 * Return: the exit status.
 */
int run_vm(struct run_config *cfg)
{
	/* Static: a worker may sit in a read of the terminal until the process ends. */
	static struct run run;
	struct run *r = &run;
	int err, status;

	r->cfg = cfg;
	r->signal_fd = -1;
	r->result = (struct result){ .kernel = cfg->kernel, .release = cfg->release, .start_ns = cfg->start_ns };
	if (cfg->machine.count_ports)
		r->result.port_exits = calloc(65536, sizeof(u64));
	r->loop = loop_new("main");
	err = r->loop ? 0 : error(-errno, "main loop");
	if (!err && cfg->result) {
		err = result_check(cfg->result);
		r->no_result = err;
	}
	if (!err)
		err = make_signals(r);
	if (!err)
		err = make_timers(r);
	/* Before the log is emptied, which may be that of the run that has the name. */
	if (!err)
		err = run_control_new(r);
	own_instance = r->instance;
	if (!err)
		err = make_backends(r);
	if (!err)
		err = boot_until_done(r);
	status = finish(r, err);

	/*
	 * Who waits for the end sees it when the process has gone, with its lock and its connections;
	 * nobody new shall find it from here on. A signal that comes in its midst waits.
	 */
	sigprocmask(SIG_BLOCK, &r->signals, NULL);
	instance_remove(r->instance);
	sigprocmask(SIG_UNBLOCK, &r->signals, NULL);
	/* A worker that is stuck in a write still knows the UART: all goes with the process. */
	if (r->machine && !r->drained)
		return status;
	machine_leave(r->machine);
	for (unsigned int i = 0; i < MACHINE_UARTS; i++)
		pty_free(r->ptys[i]);
	free((u64 *)r->result.port_exits);
	return status;
}
