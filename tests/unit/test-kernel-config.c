// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a kernel's configuration: values, the last of two lines, odd lines, files that are
 * gzipped, damaged, too large, or something else.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "images.h"
#include "kernel-config.h"
#include "util.h"

static char path[64];

static int setup(void **state)
{
	snprintf(path, sizeof(path), "/tmp/lkvm-config-XXXXXX");
	close(mkstemp(path));
	return 0;
}

static int teardown(void **state)
{
	return unlink(path);
}

static struct kernel_config *parse(const char *text)
{
	struct kernel_config *cfg;

	assert_int_equal(kernel_config_parse(text, strlen(text), &cfg), 0);
	return cfg;
}

static void assert_value(const struct kernel_config *cfg, const char *name, const char *value)
{
	const char *have = kernel_config_get(cfg, name);

	if (!value) {
		assert_null(have);
		return;
	}
	assert_non_null(have);
	assert_string_equal(have, value);
}

static void values(void **state)
{
	struct kernel_config *cfg = parse("#\n"
					  "# Automatically generated file; DO NOT EDIT.\n"
					  "# Linux/x86 6.12.117 Kernel Configuration\n"
					  "#\n"
					  "CONFIG_A=y\n"
					  "CONFIG_B=m\n"
					  "# CONFIG_C is not set\n"
					  "CONFIG_D=4096\n"
					  "CONFIG_E=0x1000000\n"
					  "CONFIG_F=\"a \\\"b\\\" \\\\ c\"\n"
					  "CONFIG_G=\"\"\n"
					  "CONFIG_9P_FS=n\n"
					  "CONFIG_lower_Case=y\n"
					  "CONFIG_Z=y");

	assert_int_equal(kernel_config_count(cfg), 10);
	assert_value(cfg, "A", "y");
	assert_value(cfg, "B", "m");
	assert_value(cfg, "C", "n");
	assert_value(cfg, "D", "4096");
	assert_value(cfg, "E", "0x1000000");
	assert_value(cfg, "F", "a \"b\" \\ c");
	assert_value(cfg, "G", "");
	assert_value(cfg, "9P_FS", "n");
	assert_value(cfg, "lower_Case", "y");
	assert_value(cfg, "Z", "y");
	assert_value(cfg, "AA", NULL);
	assert_value(cfg, "", NULL);
	assert_value(cfg, "CONFIG_A", NULL);
	assert_string_equal(kernel_config_release(cfg), "6.12.117");
	kernel_config_free(cfg);
}

static void last_line_counts(void **state)
{
	struct kernel_config *cfg = parse("CONFIG_A=y\nCONFIG_B=m\n# CONFIG_A is not set\nCONFIG_B=y\nCONFIG_A=m\n");

	assert_int_equal(kernel_config_count(cfg), 2);
	assert_value(cfg, "A", "m");
	assert_value(cfg, "B", "y");
	kernel_config_free(cfg);
}

static void odd_lines(void **state)
{
	static const char text[] = "CONFIG_A=y\r\n"
				   "CONFIG_=y\n"
				   "CONFIG_B\n"
				   "CONFIG_C D=y\n"
				   " CONFIG_E=y\n"
				   "#CONFIG_F is not set\n"
				   "# CONFIG_G is not set, is it?\n"
				   "# CONFIG_H is set\n"
				   "CONFIG_I=\"open\n"
				   "CONFIG_J=\"back\\\n"
				   "CONFIG_K=y\0=z\n"
				   "# Linux/x86 Kernel Configuration\n"
				   "# Linux/ Kernel Configuration\n"
				   "# Kernel Configuration\n"
				   "nonsense\n\n\n";
	struct kernel_config *cfg;

	assert_int_equal(kernel_config_parse(text, sizeof(text) - 1, &cfg), 0);
	assert_int_equal(kernel_config_count(cfg), 4);
	assert_value(cfg, "A", "y");
	assert_value(cfg, "I", "open");
	assert_value(cfg, "J", "back\\");
	assert_value(cfg, "K", "y");
	assert_string_equal(kernel_config_release(cfg), "");
	kernel_config_free(cfg);
}

static void no_configuration(void **state)
{
	static const char *const texts[] = {
		"", "\n", "#\n", "CONFIG", "CONFIG_", "hello\n", "# CONFIG_A is not set up\n",
	};
	struct kernel_config *cfg;

	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(kernel_config_parse(texts[i], strlen(texts[i]), &cfg), -EINVAL);
		assert_null(cfg);
	}
	kernel_config_free(NULL);
}

/* As many lines as there may be, all for one name. */
static void many_lines(void **state)
{
	static const char line[] = "CONFIG_A=y\n";
	size_t size = KERNEL_CONFIG_MAX / (sizeof(line) - 1) * (sizeof(line) - 1);
	char *text = malloc(KERNEL_CONFIG_MAX + 1);
	struct kernel_config *cfg;

	assert_non_null(text);
	for (size_t at = 0; at < size; at += sizeof(line) - 1)
		memcpy(text + at, line, sizeof(line) - 1);
	assert_int_equal(kernel_config_parse(text, size, &cfg), 0);
	assert_int_equal(kernel_config_count(cfg), 1);
	kernel_config_free(cfg);
	assert_int_equal(kernel_config_parse(text, KERNEL_CONFIG_MAX + 1, &cfg), -EFBIG);
	image_write(path, text, size);
	assert_int_equal(kernel_config_read(path, &cfg), 0);
	kernel_config_free(cfg);
	memset(text + size, '\n', KERNEL_CONFIG_MAX + 1 - size);
	image_write(path, text, KERNEL_CONFIG_MAX + 1);
	assert_int_equal(kernel_config_read(path, &cfg), -EFBIG);
	free(text);
}

static void recorded(void **state)
{
	struct kernel_config *cfg;

	assert_int_equal(kernel_config_read("tests/unit/data/config-6.12-cloud.txt", &cfg), 0);
	assert_string_equal(kernel_config_release(cfg), "6.12.117");
	assert_value(cfg, "SERIAL_8250_CONSOLE", "y");
	assert_value(cfg, "VIRTIO_BLK", "m");
	assert_value(cfg, "NET_9P", "n");
	assert_value(cfg, "NET_9P_VIRTIO", NULL);
	assert_value(cfg, "DEFAULT_HOSTNAME", "(none)");
	kernel_config_free(cfg);
}

static void gzipped(void **state)
{
	static const char text[] = "# Linux/x86 6.1.0 Kernel Configuration\nCONFIG_A=y\n";
	struct image packed = image_pack(UNPACK_GZIP, text, sizeof(text) - 1);
	struct kernel_config *cfg;

	image_write(path, packed.data, packed.size);
	assert_int_equal(kernel_config_read(path, &cfg), 0);
	assert_value(cfg, "A", "y");
	assert_string_equal(kernel_config_release(cfg), "6.1.0");
	kernel_config_free(cfg);
	/* Cut short, and damaged at its end, where the checksum is. */
	for (size_t size = 0; size < packed.size; size++) {
		image_write(path, packed.data, size);
		if (!kernel_config_read(path, &cfg))
			fail_msg("%zu of %zu bytes are taken for a configuration", size, packed.size);
	}
	packed.data[packed.size - 6] ^= 1;
	image_write(path, packed.data, packed.size);
	assert_int_equal(kernel_config_read(path, &cfg), -EINVAL);
	image_free(&packed);
}

/* A few bytes that become a gigabyte. */
static void bomb(void **state)
{
	size_t size = 64 * MiB;
	char *lines = malloc(size);
	struct kernel_config *cfg;
	struct image packed;

	memset(lines, '\n', size);
	packed = image_pack(UNPACK_GZIP, lines, size);
	free(lines);
	image_write(path, packed.data, packed.size);
	assert_int_equal(kernel_config_read(path, &cfg), -EFBIG);
	image_free(&packed);
}

static void other_files(void **state)
{
	static const u8 elf[5000] = "\177ELF\2\1\1";
	struct kernel_config *cfg;

	image_write(path, elf, sizeof(elf));
	assert_int_equal(kernel_config_read(path, &cfg), -EINVAL);
	image_write(path, "CONFIG_A=y\n\0", 12);
	assert_int_equal(kernel_config_read(path, &cfg), -EINVAL);
	image_write(path, "", 0);
	assert_int_equal(kernel_config_read(path, &cfg), -EINVAL);
	assert_int_equal(kernel_config_read("/no/such/file", &cfg), -ENOENT);
	assert_int_not_equal(kernel_config_read("/", &cfg), 0);
	assert_null(cfg);
}

/* An image may carry any heading, and what it calls a version goes to a terminal. */
static void release(void **state)
{
	struct kernel_config *cfg = parse("# Linux/x86 6.1\033]0;mine\007 Kernel Configuration\nCONFIG_A=y\n");

	assert_string_equal(kernel_config_release(cfg), "6.1");
	kernel_config_free(cfg);
	cfg = parse("# Linux/x86 6.1 \033[2J Kernel Configuration\nCONFIG_A=y\n");
	assert_string_equal(kernel_config_release(cfg), "6.1");
	kernel_config_free(cfg);
	cfg = parse("# Linux/x86 6.1\302\233[2J Kernel Configuration\nCONFIG_A=y\n");
	assert_string_equal(kernel_config_release(cfg), "6.1");
	kernel_config_free(cfg);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values),
		TEST(release), TEST(last_line_counts), TEST(odd_lines), TEST(no_configuration), TEST(many_lines),
		TEST(recorded), TEST(gzipped), TEST(bomb), TEST(other_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
