// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a run can be told while it runs: the commands of its control socket (include/control.h), and
 * the user's pause. All of it is on the main loop.
 *
 * A pause is the user's until he resumes, stops or signals; what pauses for a moment, to look at
 * registers, nests in it. Time goes on meanwhile: the guest's clock, and the run's limits.
 */
#include <errno.h>
#include <limits.h>
#include <linux/kvm.h>
#include <unistd.h>

#include <json-c/json.h>

#include "control.h"
#include "instance.h"
#include "json-text.h"
#include "log.h"
#include "machine.h"
#include "outcome.h"
#include "run-private.h"
#include "util.h"

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, text ? json_text(text, strlen(text)) : NULL);
}

/* Whether there is a guest to deal with; else the request was answered. */
static bool check_running(struct run *r, struct control_request *req)
{
	if (!outcome_ended(r->outcome))
		return true;
	control_error(req, "the guest has ended");
	return false;
}

/* --- what it is ---------------------------------------------------------------- */

static const char *state_name(struct run *r)
{
	return outcome_ended(r->outcome) ? "ended" : r->paused ? "paused" : "running";
}

static void do_info(void *arg, struct json_object *args, struct control_request *req)
{
	struct run *r = arg;
	struct json_object *o = json_object_new_object();
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	add_text(o, "name", r->cfg->machine.name);
	json_object_object_add(o, "pid", json_object_new_int(getpid()));
	add_text(o, "state", state_name(r));
	json_object_object_add(o, "cpus", json_object_new_int64(r->cfg->machine.cpus.cpus));
	json_object_object_add(o, "memory", json_object_new_uint64(r->cfg->machine.mem_size));
	add_text(o, "kernel", r->cfg->kernel);
	add_text(o, "release", r->cfg->release);
	json_object_object_add(o, "uptime", json_seconds(
		((u64)now.tv_sec * 1000000000ULL + now.tv_nsec - r->cfg->start_ns) / 1000000 / 1e3));
	json_object_object_add(o, "reboots", json_object_new_int64(r->result.reboots));
	control_return(req, o);
}

/* --- running or not --------------------------------------------------------------- */

static void return_state(struct run *r, struct control_request *req)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "state", state_name(r));
	control_return(req, o);
}

/**
 * run_resume() - end the user's pause, if there is one
 */
void run_resume(struct run *r)
{
	if (!r->paused)
		return;
	r->paused = false;
	machine_resume(r->machine);
}

static void do_pause(void *arg, struct json_object *args, struct control_request *req)
{
	struct run *r = arg;

	if (!check_running(r, req))
		return;
	if (!r->paused) {
		machine_pause(r->machine);
		r->machine->board->hold(r->machine);
		r->paused = true;
	}
	/* Its last instruction before may have been its end. */
	if (check_running(r, req))
		return_state(r, req);
}

static void do_resume(void *arg, struct json_object *args, struct control_request *req)
{
	struct run *r = arg;

	if (!check_running(r, req))
		return;
	run_resume(r);
	return_state(r, req);
}

static void do_stop(void *arg, struct json_object *args, struct control_request *req)
{
	struct run *r = arg;

	if (!check_running(r, req))
		return;
	/* Whoever is to react, or to be stopped, has to run. */
	run_resume(r);
	if (control_arg_bool(args, "force")) {
		outcome_report(r->outcome, OUTCOME_SIGNAL, "control", SIGTERM);
		control_return(req, NULL);
	} else if (r->machine->board->power_button(r->machine)) {
		control_return(req, NULL);
	} else {
		control_error(req, "the guest does not listen to its power button, for want of an ACPI driver");
	}
}

/* --- a look inside ------------------------------------------------------------------ */

static void do_debug(void *arg, struct json_object *args, struct control_request *req)
{
	struct run *r = arg;
	struct json_object *o;
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (!check_running(r, req))
		return;
	f = open_memstream(&text, &len);
	if (!f) {
		control_error(req, "no memory for the report");
		return;
	}
	machine_pause(r->machine);
	r->machine->board->report(r->machine, f);
	machine_resume(r->machine);
	if (fclose(f)) {
		control_error(req, "no memory for the report");
	} else {
		o = json_object_new_object();
		json_object_object_add(o, "report", json_text(text, len));
		control_return(req, o);
	}
	free(text);
}

/* --- to wake it up -------------------------------------------------------------------- */

static int send_nmis(struct machine *m, s64 cpu)
{
	int err = -ESRCH;

	machine_pause(m);
	for (unsigned int i = 0; i < m->cpu_count; i++) {
		int failed;

		if (cpu >= 0 && cpu != i)
			continue;
		failed = m->board->nmi(m, m->cpus[i]);
		/* Of all CPUs, those that were never started are passed over. */
		if (failed != -ESRCH || cpu >= 0)
			err = failed;
		if (err && err != -ESRCH)
			break;
	}
	machine_resume(m);
	return err;
}

static void do_nmi(void *arg, struct json_object *args, struct control_request *req)
{
	struct run *r = arg;
	s64 cpu = control_arg_int(args, "cpu", -1);
	int err;

	if (!check_running(r, req))
		return;
	if (json_object_object_get_ex(args, "cpu", NULL) && (cpu < 0 || cpu >= r->machine->cpu_count)) {
		control_error(req, "there is no CPU %lld: they are 0 to %u", (long long)cpu, r->machine->cpu_count - 1);
		return;
	}
	err = send_nmis(r->machine, cpu);
	if (err == -ESRCH)
		control_error(req, "CPU %lld has not been started", (long long)cpu);
	else if (err)
		control_error(req, "KVM takes no NMI: %s", strerror(-err));
	else
		control_return(req, NULL);
}

static void do_sysrq(void *arg, struct json_object *args, struct control_request *req)
{
	struct run *r = arg;
	const char *key = control_arg_string(args, "key"), *by;
	struct json_object *o;

	if (!check_running(r, req))
		return;
	if (strlen(key) != 1 || *key <= ' ' || *key > '~') {
		control_error(req, "a sysrq key is one character, such as t");
		return;
	}
	by = r->machine->board->sysrq(r->machine, *key);
	if (!by) {
		control_error(req, "the guest listens neither to ttyS0 nor to a keyboard now");
		return;
	}
	o = json_object_new_object();
	add_text(o, "by", by);
	control_return(req, o);
}

/* --- the whole -------------------------------------------------------------------------- */

static const struct control_command commands[] = {
	{ "info", do_info, "what this VM is, and whether it runs" },
	{ "stop", do_stop, "press the power button; with force, end the run at once",
	  { { "force", CONTROL_BOOL } } },
	{ "pause", do_pause, "keep all vCPUs from running" },
	{ "resume", do_resume, "let them run on" },
	{ "debug", do_debug, "registers, code and backtrace of each vCPU, as text" },
	{ "nmi", do_nmi, "send an NMI to one vCPU, or to all", { { "cpu", CONTROL_INT } } },
	{ "sysrq", do_sysrq, "type a magic SysRq key", { { "key", CONTROL_STRING, true } } },
};

/**
 * run_control_new() - take the run's name, and the socket for its control
 *
 * A name that lkvm has made up is not worth a failure: the run goes on without control then.
 *
 * Return: 0 or -errno, said.
 */
int run_control_new(struct run *r)
{
	struct run_config *cfg = r->cfg;
	char here[PATH_MAX], *kernel = NULL;
	struct instance_info info = {
		.name = (char *)cfg->machine.name,
		.pid = getpid(),
		.started = time(NULL),
		.kernel = (char *)cfg->kernel,
		.cpus = cfg->machine.cpus.cpus,
		.mem_size = cfg->machine.mem_size,
	};
	int err;

	if (cfg->kernel && *cfg->kernel != '/' && getcwd(here, sizeof(here)) &&
	    asprintf(&kernel, "%s/%s", here, cfg->kernel) > 0)
		info.kernel = kernel;
	err = instance_new(&info, cfg->named, &r->instance);
	free(kernel);
	return err;
}

/**
 * run_control_start() - begin to serve it; once the guest runs, which need not wait for this
 *
 * Return: 0 or -errno, said.
 */
int run_control_start(struct run *r)
{
	int err = 0;

	if (!r->instance || r->control)
		return 0;
	r->control = control_new(r->loop);
	if (!r->control)
		return error(-errno, "control socket");
	err = control_register(r->control, commands, ARRAY_SIZE(commands), r);
	if (!err)
		err = control_listen(r->control, instance_socket(r->instance));
	return err ? error(err, "control socket") : 0;
}
