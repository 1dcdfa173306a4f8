// SPDX-License-Identifier: GPL-2.0-only
/*
 * lkvm doctor: whether this host can run VMs, and what a kernel was configured for. Gathers
 * facts, lets core/host-judge.c and core/kernel-check.c judge them, and prints what they found.
 */
#include <errno.h>
#include <sys/stat.h>

#include <json-c/json.h>

#include "boot.h"
#include "builtin.h"
#include "find-config.h"
#include "findings.h"
#include "host.h"
#include "json-text.h"
#include "kernel-check.h"
#include "kernel-config.h"
#include "kvm-needs.h"
#include "log.h"
#include "options.h"
#include "speed.h"

#define EXIT_SLOW 1	/* of --speed: guests run, but not kernels */

static struct {
	const char *kernel, *dev;
	bool json, speed;
} opt = {
	.dev = "/dev/kvm",
};

static const struct option_desc options[] = {
	{ 'k', "kernel", OPTION_STRING, &opt.kernel, NULL, "FILE",
	  "also look at this kernel's configuration; or a .config" },
	{ 0, "speed", OPTION_FLAG, &opt.speed, NULL, NULL, "only measure: status 0 where kernels run, 1 where not" },
	{ 0, "json", OPTION_FLAG, &opt.json, NULL, NULL, "print JSON" },
	{ 0, "dev", OPTION_STRING, &opt.dev, NULL, "FILE", "KVM's device (default /dev/kvm)" },
	{ 0 },
};

void cmd_doctor_options(void)
{
	options_print(options);
}

/* --- the host ---------------------------------------------------------------------- */

static struct guest_speed *listener;

/* What goes wrong with a first guest is a finding, and no message. */
static void take_message(const char *line, size_t len)
{
	static const char prefix[] = "lkvm: ";
	size_t skip = strlen(prefix);

	if (len > skip)
		snprintf(listener->why, sizeof(listener->why), "%.*s", (int)(len - skip - 1), line + skip);
}

static void measure(struct guest_speed *speed)
{
	struct guest_speed measured;

	listener = speed;
	log_set_hook(take_message);
	speed_measure(opt.dev, &measured);
	log_set_hook(NULL);
	if (measured.done)
		*speed = measured;
}

static void gather(struct host_facts *facts)
{
	kvm_probe(opt.dev, x86_kvm_needs, &facts->kvm);
	if (!facts->kvm.open_error && facts->kvm.api > 0 && !facts->kvm.create_error)
		measure(&facts->speed);
	host_read_files("", facts);
	if (opt.speed)
		return;
	host_ask_kernel(facts);
	host_find_libraries(facts);
}

/* --- the kernel -------------------------------------------------------------------- */

/**
 * struct kernel - what -k names
 * @source:	where its configuration was found, in words
 * @path:	the file that it is in, or NULL
 */
struct kernel {
	struct kernel_config *config;
	char *release;
	char *describe;
	const char *source;
	char *path;
	bool newer;
};

/* The configuration is a file of its own. Returns whether there is one. */
static int beside(struct kernel *k)
{
	struct stat image, config;
	int err;

	k->path = find_config("", opt.kernel, k->release);
	if (!k->path)
		return usage_error("-k %s: no CONFIG_IKCONFIG in it, and no configuration beside it%s%s: "
				   "give the .config itself", opt.kernel, k->release ? " or in /boot for " : "",
				   k->release ? k->release : "");
	err = kernel_config_read(k->path, &k->config);
	if (err == -EINVAL)
		return usage_error("-k %s: %s beside it is no kernel configuration", opt.kernel, k->path);
	if (err)
		return error(err, "-k %s: %s", opt.kernel, k->path);
	k->source = "beside the kernel";
	k->newer = !stat(opt.kernel, &image) && !stat(k->path, &config) && config.st_mtime > image.st_mtime;
	return 0;
}

static int inside(struct kernel *k, struct boot_image *img)
{
	char *text;
	size_t size;
	int err = boot_ikconfig(img, KERNEL_CONFIG_MAX, &text, &size);

	if (!err) {
		err = kernel_config_parse(text, size, &k->config);
		free(text);
	}
	if (!err)
		k->source = "in the kernel (CONFIG_IKCONFIG)";
	return err;
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static int open_kernel(struct kernel *k)
{
	struct boot_image *img;
	struct stat st;
	int err;

	if (!stat(opt.kernel, &st) && S_ISREG(st.st_mode) && !kernel_config_read(opt.kernel, &k->config)) {
		k->source = "the file itself";
		return 0;
	}
	err = boot_open(opt.kernel, true, false, &img);
	if (err)
		return err;
	k->release = copy(boot_release(img));
	k->describe = copy(boot_describe(img));
	if (inside(k, img))
		err = beside(k);
	boot_close(img);
	return err;
}

static void close_kernel(struct kernel *k)
{
	kernel_config_free(k->config);
	free(k->release);
	free(k->describe);
	free(k->path);
}

/* --- JSON -------------------------------------------------------------------------- */

static void add(struct json_object *o, const char *key, struct json_object *value)
{
	json_object_object_add(o, key, value);
}

static void add_text(struct json_object *o, const char *key, const char *text)
{
	if (text && *text)
		add(o, key, json_text(text, strlen(text)));
}

static void add_u64(struct json_object *o, const char *key, u64 value)
{
	if (value != HOST_NO_LIMIT)
		add(o, key, json_object_new_uint64(value));
}

static struct json_object *kvm_json(const struct kvm_probe *k)
{
	struct json_object *o = json_object_new_object(), *caps = json_object_new_object();

	add_text(o, "device", k->path);
	if (k->open_error) {
		add_text(o, "error", strerror(-k->open_error));
	} else {
		add(o, "api", json_object_new_int(k->api));
		add_u64(o, "create_ns", k->create_ns);
		add(o, "vcpus", json_object_new_int(k->vcpus_max));
		add(o, "vcpus_recommended", json_object_new_int(k->vcpus_recommended));
		for (unsigned int i = 0; k->needs[i].name; i++)
			add(caps, k->needs[i].name, json_object_new_int(k->caps[i]));
	}
	add(o, "capabilities", caps);
	return o;
}

static struct json_object *speed_json(const struct host_facts *f)
{
	struct json_object *o = json_object_new_object();

	add(o, "runs_kernels", json_object_new_boolean(host_runs_kernels(f)));
	if (f->speed.done) {
		add_u64(o, "kernel_mode", f->speed.kernel);
		add_u64(o, "user_mode", f->speed.user);
		add_u64(o, "first_entry_ns", f->speed.entry_ns);
	} else {
		add_text(o, "error", f->speed.why);
	}
	return o;
}

static struct json_object *host_json(const struct host_facts *f)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "release", f->release);
	add_u64(o, "memory", f->memory);
	add_u64(o, "memory_available", f->memory_available);
	add_u64(o, "memory_limit", f->cgroup_memory);
	add_u64(o, "limit_address_space", f->limit_as);
	add_u64(o, "limit_locked_memory", f->limit_memlock);
	add_u64(o, "limit_open_files", f->limit_nofile);
	add_u64(o, "hugepages_2m", f->huge_2m_total);
	add_u64(o, "hugepages_2m_free", f->huge_2m_free);
	add_u64(o, "hugepages_1g", f->huge_1g_total);
	add_u64(o, "hugepages_1g_free", f->huge_1g_free);
	add_text(o, "transparent_hugepages", f->thp);
	return o;
}

static struct json_object *kernel_json(const struct kernel *k)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "file", opt.kernel);
	add_text(o, "release", k->release ? k->release : kernel_config_release(k->config));
	add_text(o, "source", k->source);
	add_text(o, "configuration", k->path);
	return o;
}

static struct json_object *findings_json(const struct findings *f)
{
	static const char *const states[] = {
		[FINDING_OK] = "ok", [FINDING_MISSING] = "missing", [FINDING_NO] = "no",
	};
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < f->count; i++) {
		struct json_object *o = json_object_new_object();

		add_text(o, "group", f->items[i].group);
		add_text(o, "name", f->items[i].name);
		add_text(o, "state", states[f->items[i].state]);
		add_text(o, "text", f->items[i].text);
		add_text(o, "mend", f->items[i].mend);
		json_object_array_add(list, o);
	}
	return list;
}

/* @k and @kernel: NULL without -k */
static void print_json(const struct host_facts *facts, const struct findings *host, const struct kernel *k,
		       const struct findings *kernel, int status)
{
	struct json_object *about;

	struct json_object *o = json_object_new_object();

	add(o, "status", json_object_new_int(status));
	add(o, "kvm", kvm_json(&facts->kvm));
	add(o, "speed", speed_json(facts));
	if (host) {
		add(o, "host", host_json(facts));
		add(o, "findings", findings_json(host));
	}
	if (k) {
		about = kernel_json(k);
		add(about, "findings", findings_json(kernel));
		add(o, "kernel", about);
	}
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

/* --- text -------------------------------------------------------------------------- */

static void print_kernel(const struct kernel *k)
{
	const char *release = k->release ? k->release : kernel_config_release(k->config);

	printf("\nKernel %s%s%s\n", opt.kernel, *release ? ", " : "", *release ? release : "");
	printf("  configuration: %s%s%s, %u options%s\n\n", k->source, k->path ? ", " : "", k->path ? k->path : "",
	       kernel_config_count(k->config), k->newer ? "; it was changed after the kernel was built" : "");
}

static void print_verdict(const struct findings *host, const struct findings *kernel, const struct host_facts *facts)
{
	unsigned int no = findings_count(host, FINDING_NO);

	if (no)
		printf("\nlkvm can run no VM here: see NO above\n");
	else if (!host_runs_kernels(facts))
		printf("\nlkvm can run VMs here, but no Linux in useful time: see kernel mode above\n");
	else
		printf("\nlkvm can run VMs here\n");
	if (findings_count(kernel, FINDING_NO))
		printf("the kernel lacks what lkvm needs: see NO above\n");
}

static void print_speed(const struct host_facts *facts, const struct findings *findings)
{
	const struct finding *x = findings_find(findings, "kernel mode"), *user = findings_find(findings, "user mode");

	if (x && user)
		printf("kernel mode: %s; user mode: %s\n", x->text, user->text);
}

/* --- the command -------------------------------------------------------------------- */

/* The first thing that keeps VMs from running, as a message. */
static int refuse(const struct findings *findings)
{
	for (unsigned int i = 0; i < findings->count; i++) {
		const struct finding *x = &findings->items[i];

		if (x->state == FINDING_NO)
			return usage_error("%s%s%s", x->text, x->mend ? ": " : "", x->mend ? x->mend : "");
	}
	return 0;
}

static int only_speed(void)
{
	struct host_facts facts = { 0 };
	struct findings findings = { 0 };
	int status;

	gather(&facts);
	host_judge(&facts, &findings);
	status = facts.speed.done ? host_runs_kernels(&facts) ? 0 : EXIT_SLOW : EXIT_LAUNCH;
	if (opt.json)
		print_json(&facts, NULL, NULL, NULL, status);
	else if (status == EXIT_LAUNCH)
		refuse(&findings);
	else
		print_speed(&facts, &findings);
	findings_free(&findings);
	return status;
}

static int examine(void)
{
	struct host_facts facts = { 0 };
	struct findings host = { 0 }, kernel = { 0 };
	struct kernel k = { 0 };
	int status = EXIT_LAUNCH;

	if (opt.kernel && open_kernel(&k))
		goto out;
	gather(&facts);
	host_judge(&facts, &host);
	if (k.config)
		kernel_check(k.config, kernel_features, &kernel);
	if (host.lost || kernel.lost) {
		error(-ENOMEM, "doctor");
		goto out;
	}
	status = findings_count(&host, FINDING_NO) || findings_count(&kernel, FINDING_NO) ? EXIT_LAUNCH : 0;
	if (opt.json) {
		print_json(&facts, &host, k.config ? &k : NULL, &kernel, status);
		goto out;
	}
	findings_print(&host, stdout);
	if (k.config) {
		print_kernel(&k);
		findings_print(&kernel, stdout);
	}
	print_verdict(&host, &kernel, &facts);
out:
	findings_free(&host);
	findings_free(&kernel);
	close_kernel(&k);
	return status;
}

int cmd_doctor(int argc, char **argv)
{
	int rest, status;

	if (options_parse(argc, argv, options, &rest))
		return EXIT_LAUNCH;
	if (rest < argc)
		die("doctor takes no argument %s", argv[rest]);
	if (opt.speed && opt.kernel)
		die("--speed measures only: it does not look at -k %s", opt.kernel);
	status = opt.speed ? only_speed() : examine();
	return log_end_output() ? EXIT_LAUNCH : status;
}
