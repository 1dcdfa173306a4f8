// SPDX-License-Identifier: GPL-2.0-only
/*
 * Judging kernels: what recorded configurations lack - shortened to the lines that matter - and
 * the words in which a feature says what it needs.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "findings.h"
#include "kernel-check.h"
#include "kernel-config.h"

static struct kernel_config *parse(const char *text)
{
	struct kernel_config *cfg;

	assert_int_equal(kernel_config_parse(text, strlen(text), &cfg), 0);
	return cfg;
}

static void check_recorded(const char *name, struct findings *f)
{
	struct kernel_config *cfg;
	char path[128];

	snprintf(path, sizeof(path), "tests/unit/data/config-%s.txt", name);
	assert_int_equal(kernel_config_read(path, &cfg), 0);
	*f = (struct findings){ 0 };
	kernel_check(cfg, kernel_features, f);
	assert_false(f->lost);
	kernel_config_free(cfg);
}

static const char *text_of(const struct findings *f, const char *name, enum finding_state state)
{
	const struct finding *x = findings_find(f, name);

	assert_non_null(x);
	assert_int_equal(x->state, state);
	return x->text;
}

static void assert_says(const struct findings *f, const char *name, enum finding_state state, const char *part)
{
	const char *text = text_of(f, name, state);

	if (!strstr(text, part))
		fail_msg("%s: \"%s\" does not say \"%s\"", name, text, part);
}

/* All that is not there, and nothing else; @names ends with NULL. */
static void assert_lacks(const struct findings *f, const char *const *names)
{
	unsigned int i = 0;

	for (unsigned int n = 0; n < f->count; n++) {
		if (f->items[n].state == FINDING_OK)
			continue;
		assert_non_null(names[i]);
		assert_string_equal(f->items[n].name, names[i]);
		i++;
	}
	assert_null(names[i]);
}

/* --- recorded kernels ----------------------------------------------------- */

/* What Kconfig makes of all that the table names: it can be had in one kernel. */
static void full(void **state)
{
	static const char *const lacks[] = { NULL };
	struct findings f;

	check_recorded("6.12-full", &f);
	assert_lacks(&f, lacks);
	findings_free(&f);
}

static void debian_cloud(void **state)
{
	static const char *const lacks[] = {
		"MP table", "--fail-on lockdep", "--fail-on kasan", "--fail-on kmemleak", "its configuration",
		"virtio without PCI", "9p folders", NULL,
	};
	struct findings f;

	check_recorded("6.12-cloud", &f);
	assert_lacks(&f, lacks);
	assert_int_equal(findings_count(&f, FINDING_NO), 0);
	assert_says(&f, "9p folders", FINDING_MISSING, "needs CONFIG_NET_9P, CONFIG_NET_9P_VIRTIO, CONFIG_9P_FS: ");
	assert_says(&f, "MP table", FINDING_MISSING, "needs CONFIG_X86_MPPARSE: with acpi=off");
	assert_says(&f, "pvpanic", FINDING_OK, "a module: a panic before the module is loaded");
	assert_says(&f, "serial console", FINDING_OK, "built in");
	findings_free(&f);
}

static void debian_6_1(void **state)
{
	static const char *const lacks[] = {
		"--fail-on lockdep", "--fail-on kasan", "--fail-on kmemleak", "its configuration", "virtio without PCI",
		NULL,
	};
	struct findings f;

	check_recorded("6.1", &f);
	assert_lacks(&f, lacks);
	/* It has this under its older name. */
	assert_says(&f, "memory dumps", FINDING_OK, "built in");
	findings_free(&f);
}

static void defconfig(void **state)
{
	static const char *const lacks[] = {
		"CPUs beyond 255", "--rng", "--smbios-string", "spinlocks", "pvpanic", "--fail-on hung",
		"--fail-on lockdep", "--fail-on kasan", "--fail-on kmemleak", "its configuration",
		"virtio without PCI", "virtio sockets",
		"virtio balloon", "virtio-fs folders", "fw_cfg", NULL,
	};
	struct findings f;

	check_recorded("6.12-defconfig", &f);
	assert_lacks(&f, lacks);
	findings_free(&f);
}

static void tinyconfig(void **state)
{
	struct findings f;

	check_recorded("6.12-tiny", &f);
	assert_int_equal(findings_count(&f, FINDING_NO), 3);
	assert_says(&f, "serial console", FINDING_NO, "CONFIG_TTY, CONFIG_PRINTK, CONFIG_SERIAL_8250, "
		    "CONFIG_SERIAL_8250_CONSOLE: nothing is seen");
	assert_says(&f, "initrd", FINDING_NO, "CONFIG_BLK_DEV_INITRD: ");
	assert_says(&f, "programs", FINDING_NO, "CONFIG_BINFMT_ELF: ");
	assert_says(&f, "CPUs up to 8", FINDING_MISSING, "CONFIG_NR_CPUS>=8 (it is 1): ");
	assert_says(&f, "backtraces", FINDING_MISSING, "CONFIG_UNWINDER_ORC or CONFIG_UNWINDER_FRAME_POINTER: ");
	assert_says(&f, "pvpanic", FINDING_MISSING, "needs CONFIG_PVPANIC_MMIO: ");
	assert_says(&f, "MP table", FINDING_OK, "built in");
	findings_free(&f);
}

/* --- the words of a feature ------------------------------------------------- */

static void check_one(const char *config, const char *options, enum finding_state state, const char *text)
{
	const struct kernel_feature features[] = {
		{ .group = "g", .name = "it", .options = options, .without = "lost", .module = "later" }, { 0 },
	};
	struct kernel_config *cfg = parse(config);
	struct findings f = { 0 };

	kernel_check(cfg, features, &f);
	assert_int_equal(f.count, 1);
	assert_string_equal(text_of(&f, "it", state), text);
	findings_free(&f);
	kernel_config_free(cfg);
}

static void modules(void **state)
{
	check_one("CONFIG_A=y\n", "A", FINDING_OK, "built in");
	check_one("CONFIG_A=m\n", "A", FINDING_OK, "a module: later");
	check_one("CONFIG_A=y\nCONFIG_B=m\n", "A B", FINDING_OK, "a module: later");
	check_one("CONFIG_A=m\n", "A=y", FINDING_MISSING, "needs CONFIG_A=y (it is m): lost");
	check_one("CONFIG_A=n\n", "A", FINDING_MISSING, "needs CONFIG_A: lost");
	check_one("CONFIG_A=yes\n", "A", FINDING_MISSING, "needs CONFIG_A: lost");
	check_one("CONFIG_Z=y\nCONFIG_AB=y\n", "A=y", FINDING_MISSING, "needs CONFIG_A: lost");
}

static void several(void **state)
{
	check_one("CONFIG_B=y\n", "A B=y C", FINDING_MISSING, "needs CONFIG_A, CONFIG_C: lost");
	check_one("CONFIG_B=y\n", "A=y|B=y", FINDING_OK, "built in");
	check_one("CONFIG_B=m\n", "A|B", FINDING_OK, "a module: later");
	check_one("CONFIG_A=m\nCONFIG_B=y\n", "A|B", FINDING_OK, "built in");
	check_one("CONFIG_A=m\n", "A=y|B C", FINDING_MISSING, "needs CONFIG_A=y (it is m) or CONFIG_B, CONFIG_C: lost");
}

static void numbers(void **state)
{
	check_one("CONFIG_N=8\n", "N>=8", FINDING_OK, "built in");
	check_one("CONFIG_N=64\n", "N>=8", FINDING_OK, "built in");
	check_one("CONFIG_N=7\n", "N>=8", FINDING_MISSING, "needs CONFIG_N>=8 (it is 7): lost");
	check_one("CONFIG_N=\"x\"\n", "N>=8", FINDING_MISSING, "needs CONFIG_N>=8 (it is x): lost");
	check_one("CONFIG_M=9\n", "N>=8", FINDING_MISSING, "needs CONFIG_N>=8: lost");
}

#define HEAD(version) "# Linux/x86 " version " Kernel Configuration\n"

static void older_names(void **state)
{
	check_one(HEAD("5.10.1") "CONFIG_OLD=m\n", "NEW|OLD<5.13", FINDING_OK, "a module: later");
	check_one(HEAD("5.13.0") "CONFIG_OLD=m\n", "NEW|OLD<5.13", FINDING_MISSING, "needs CONFIG_NEW: lost");
	check_one(HEAD("6.1.0") "CONFIG_OLD=m\n", "NEW|OLD<5.13", FINDING_MISSING, "needs CONFIG_NEW: lost");
	check_one("CONFIG_OLD=m\n", "NEW|OLD<5.13", FINDING_MISSING, "needs CONFIG_NEW: lost");
	check_one(HEAD("6.8.12") "CONFIG_OLD=y\n", "NEW=y|OLD=y<6.9", FINDING_OK, "built in");
	check_one(HEAD("6.8.12") "CONFIG_OLD=m\n", "NEW=y|OLD=y<6.9", FINDING_MISSING, "needs CONFIG_NEW: lost");
}

static void versions(void **state)
{
	assert_true(kernel_older("5.12.99", 5, 13));
	assert_false(kernel_older("5.13.0", 5, 13));
	assert_false(kernel_older("6.1.0-9-amd64", 5, 13));
	assert_true(kernel_older("4.19.300", 5, 13));
	assert_true(kernel_older("6.2-rc1", 6, 10));
	assert_false(kernel_older("", 5, 13));
	assert_false(kernel_older("next-2026", 5, 13));
}

/* The table itself: each row can be read, and says what it must. */
static void table(void **state)
{
	struct kernel_config *cfg = parse("CONFIG_NOTHING=y\n");
	struct findings f = { 0 };

	kernel_check(cfg, kernel_features, &f);
	for (unsigned int i = 0; kernel_features[i].name; i++) {
		const struct kernel_feature *k = &kernel_features[i];

		assert_non_null(k->without);
		assert_ptr_equal(findings_find(&f, k->name), &f.items[i]);	/* no name twice */
		assert_int_not_equal(f.items[i].state, FINDING_OK);
		assert_non_null(strstr(f.items[i].text, "needs CONFIG_"));
		assert_true(strlen(k->name) <= 22);
		assert_false(k->needed && k->planned);
		/* A heading is printed once. */
		for (unsigned int n = 0; i && strcmp(k->group, f.items[i - 1].group) && n < i; n++)
			assert_string_not_equal(f.items[n].group, k->group);
	}
	findings_free(&f);
	kernel_config_free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full), cmocka_unit_test(debian_cloud), cmocka_unit_test(debian_6_1),
		cmocka_unit_test(defconfig), cmocka_unit_test(tinyconfig), cmocka_unit_test(modules),
		cmocka_unit_test(several), cmocka_unit_test(numbers), cmocka_unit_test(older_names),
		cmocka_unit_test(versions), cmocka_unit_test(table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
