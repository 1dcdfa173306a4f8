// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtio devices behind their registers: the status machine, features, queues that come and go,
 * resets with requests in flight - by way of the MMIO transport, with a device that keeps
 * requests for as long as the test wants.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <sys/epoll.h>

#include <linux/virtio_mmio.h>

#include "device-check.h"
#include "doorbell.h"
#include "images.h"
#include "irq.h"
#include "loop.h"
#include "mem.h"
#include "mock-driver.h"
#include "util.h"
#include "virtio-devices.h"
#include "virtio-mmio.h"
#include "virtio.h"

#define RINGS		(1 * MiB)
#define QUEUES		3
#define QUEUE_SIZE	64
#define QUEUE_RESET	0x0c0
#define ALL_OK		(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)
#define OWN_FEATURE	3
#define NEVER_OFFERED	5
#define NEEDS_OTHER	7	/* this one is right only with OWN_FEATURE */

/* --- a device that the test can look into --- */

struct keeper {
	struct virtio_device v;
	struct vq_request *kept[QUEUE_SIZE];
	unsigned int count, batches, starts, stops;
	bool hold;		/* keep requests, even when told to stop */
	u32 field;
};

static struct keeper *keeper(struct virtio_device *v)
{
	return container_of(v, struct keeper, v);
}

static void keeper_start(struct virtio_device *v)
{
	keeper(v)->starts++;
}

static bool keeper_request(struct virtio_device *v, unsigned int queue, struct vq_request *req)
{
	struct keeper *k = keeper(v);

	if (vq_readable(req) == 13)
		return false;
	k->kept[k->count++] = req;
	return true;
}

static void push_all(struct keeper *k)
{
	while (k->count) {
		struct vq_request *req = k->kept[--k->count];

		vq_did_write(req, vq_writable(req));
		vq_push(req);
	}
}

static void keeper_batch(struct virtio_device *v, unsigned int queue)
{
	struct keeper *k = keeper(v);

	k->batches++;
	if (!k->hold)
		push_all(k);
}

static void keeper_stop(struct virtio_device *v, unsigned int queue)
{
	struct keeper *k = keeper(v);

	k->stops++;
	if (!k->hold)
		push_all(k);
}

static void keeper_config(struct virtio_device *v, void *config)
{
	u32 *words = config;

	words[0] = keeper(v)->field;
	words[1] = 0x11223344;
}

static void keeper_config_write(struct virtio_device *v, unsigned int offset, u32 value, unsigned int size)
{
	if (!offset && size == 4)
		keeper(v)->field = value;
}

static bool keeper_features_ok(struct virtio_device *v, u64 features)
{
	return !(features & VIRTIO_BIT(NEEDS_OTHER)) || features & VIRTIO_BIT(OWN_FEATURE);
}

static void keeper_destroy(struct virtio_device *v)
{
	virtio_fini(v);
	free(keeper(v));
}

static const struct virtio_type keeper_type = {
	.name = "keeper",
	.id = 42,
	.features = VIRTIO_BIT(OWN_FEATURE) | VIRTIO_BIT(NEEDS_OTHER) | VIRTIO_BIT(VIRTIO_F_RING_PACKED),
	.config_size = 8,
	.config = keeper_config,
	.config_write = keeper_config_write,
	.features_ok = keeper_features_ok,
	.start = keeper_start,
	.request = keeper_request,
	.batch = keeper_batch,
	.stop = keeper_stop,
	.destroy = keeper_destroy,
};

/* --- a machine around it ---------------------------------------------------- */

static struct mem *mem;
static struct loop *loop;
static struct irq irq, settle_event;
static struct loop_fd *settle_watch;
static sem_t settle_done;
static struct keeper *k;
static struct virtio_device *v;
static struct mock_driver drivers[QUEUES];

struct bells {
	struct doorbells d;
	unsigned int on;
	int fds[QUEUES];
};

static struct bells bells;

static int set_bell(struct doorbells *d, const struct doorbell *bell, bool on)
{
	struct bells *b = container_of(d, struct bells, d);

	assert_int_equal(bell->addr, 0xd0000050);
	assert_true(bell->match && bell->size == 4 && bell->value < QUEUES);
	assert_int_equal(!!(b->on & 1U << bell->value), !on);
	b->on ^= 1U << bell->value;
	b->fds[bell->value] = bell->fd;
	return 0;
}

static void settled(void *arg, u32 events)
{
	irq_take(&settle_event);
	sem_post(&settle_done);
}

/*
 * The loop has seen the events before this one, which come in their order; three times, for
 * those that these have led to.
 */
static void settle(void)
{
	for (int i = 0; i < 3; i++) {
		irq_raise(&settle_event);
		while (sem_wait(&settle_done) < 0)
			;
	}
}

static int setup(void **state)
{
	said_start();
	mem = mem_new();
	loop = loop_new("test");
	k = calloc(1, sizeof(*k));
	v = &k->v;
	bells = (struct bells){ .d = { set_bell } };
	sem_init(&settle_done, 0, 0);
	if (irq_init(&settle_event, 0, false))
		return -1;
	settle_watch = loop_add(loop, settle_event.fd, EPOLLIN, settled, NULL);
	return mem_add(mem, 0, 16 * MiB, MEM_RAM, NULL) || irq_init(&irq, 5, false) ||
	       virtio_init(v, &keeper_type, &(struct virtio_place){ 0, mem, loop, 1 }, QUEUES, QUEUE_SIZE) ||
	       virtio_mmio_attach(v, 0xd0000000, &irq, &bells.d) || loop_start(loop);
}

static int teardown(void **state)
{
	loop_halt(loop);
	device_destroy(&v->dev);
	loop_remove(settle_watch);
	loop_free(loop);
	irq_fini(&settle_event);
	irq_fini(&irq);
	mem_free(mem);
	return 0;
}

static u32 get(u32 reg)
{
	return device_read(&v->dev, &virtio_mmio_bus_ops, reg, 4);
}

static void set(u32 reg, u32 value)
{
	device_write(&v->dev, &virtio_mmio_bus_ops, reg, value, 4);
}

static u64 offered(void)
{
	u64 features;

	set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = (u64)get(VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	return features | get(VIRTIO_MMIO_DEVICE_FEATURES);
}

static void accept(u64 features)
{
	set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(VIRTIO_MMIO_DRIVER_FEATURES, features);
	set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(VIRTIO_MMIO_DRIVER_FEATURES, features >> 32);
}

static void set_up_queue(unsigned int i, u64 features)
{
	struct mock_driver *m = &drivers[i];

	mock_init(m, mem, RINGS + i * 4 * MiB, QUEUE_SIZE, features);
	set(VIRTIO_MMIO_QUEUE_SEL, i);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_NUM_MAX), QUEUE_SIZE);
	set(VIRTIO_MMIO_QUEUE_NUM, QUEUE_SIZE);
	set(VIRTIO_MMIO_QUEUE_DESC_LOW, m->rings.desc);
	set(VIRTIO_MMIO_QUEUE_DESC_HIGH, m->rings.desc >> 32);
	set(VIRTIO_MMIO_QUEUE_AVAIL_LOW, m->rings.driver);
	set(VIRTIO_MMIO_QUEUE_AVAIL_HIGH, m->rings.driver >> 32);
	set(VIRTIO_MMIO_QUEUE_USED_LOW, m->rings.device);
	set(VIRTIO_MMIO_QUEUE_USED_HIGH, m->rings.device >> 32);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 1);
}

static void begin(u64 features)
{
	features |= VIRTIO_BIT(VIRTIO_F_VERSION_1);
	set(VIRTIO_MMIO_STATUS, 0);
	settle();
	assert_int_equal(get(VIRTIO_MMIO_STATUS), 0);
	set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	accept(features);
	set(VIRTIO_MMIO_STATUS, ALL_OK);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), ALL_OK);
	for (unsigned int i = 0; i < QUEUES; i++)
		set_up_queue(i, features);
	set(VIRTIO_MMIO_STATUS, ALL_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	settle();
	assert_int_equal(get(VIRTIO_MMIO_STATUS), ALL_OK | VIRTIO_CONFIG_S_DRIVER_OK);
}

static void send(unsigned int queue, u32 readable)
{
	struct mock_buffer b[] = { { 14 * MiB, readable, false }, { 15 * MiB, 100, true } };

	assert_true(mock_add(&drivers[queue], b, 2) >= 0);
	if (mock_kick_wanted(&drivers[queue]))
		set(VIRTIO_MMIO_QUEUE_NOTIFY, queue);
	settle();
}

/* --- tests -------------------------------------------------------------------- */

static void identity(void **state)
{
	assert_int_equal(get(VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	assert_int_equal(get(VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(get(VIRTIO_MMIO_DEVICE_ID), 42);
	assert_int_equal(get(VIRTIO_MMIO_SHM_LEN_LOW), 0xffffffff);
	set(VIRTIO_MMIO_QUEUE_SEL, QUEUES);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 0);
	/* Registers take 32 bits only, configuration any size. */
	assert_int_equal(device_read(&v->dev, &virtio_mmio_bus_ops, 0, 1), 0);
	assert_int_equal(get(VIRTIO_MMIO_CONFIG + 4), 0x11223344);
	assert_int_equal(device_read(&v->dev, &virtio_mmio_bus_ops, VIRTIO_MMIO_CONFIG + 5, 1), 0x33);
	assert_int_equal(get(VIRTIO_MMIO_CONFIG + 8), 0);
	assert_int_equal(get(VIRTIO_MMIO_CONFIG + 0xfc), 0);
	set(VIRTIO_MMIO_CONFIG, 0xcafe);
	set(VIRTIO_MMIO_CONFIG + 8, 1);
	assert_int_equal(get(VIRTIO_MMIO_CONFIG), 0xcafe);
}

static void features(void **state)
{
	u64 all = offered();

	assert_true(all & VIRTIO_BIT(VIRTIO_F_VERSION_1) && all & VIRTIO_BIT(OWN_FEATURE));
	assert_false(all & VIRTIO_BIT(NEVER_OFFERED));
	set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	assert_int_equal(get(VIRTIO_MMIO_DEVICE_FEATURES), 0);

	/* Not in order, or what was not offered, or not modern, or a combination that cannot be. */
	set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_FEATURES_OK);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), 0);
	set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	for (unsigned int i = 0; i < 3; i++) {
		static const u64 bad[] = {
			VIRTIO_BIT(OWN_FEATURE),
			VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(NEVER_OFFERED),
			VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(NEEDS_OTHER),
		};

		accept(bad[i]);
		set(VIRTIO_MMIO_STATUS, ALL_OK);
		assert_int_equal(get(VIRTIO_MMIO_STATUS), VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	}
	accept(all);
	set(VIRTIO_MMIO_STATUS, ALL_OK);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), ALL_OK);
	/* From here on they are fixed, and bits are not taken back one by one. */
	accept(VIRTIO_BIT(VIRTIO_F_VERSION_1));
	assert_true(v->features == all);
	set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), ALL_OK);
}

static void not_before_features(void **state)
{
	set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK);
	assert_int_equal(get(VIRTIO_MMIO_STATUS),
			 VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_NEEDS_RESET);
	settle();
	assert_int_equal(k->starts, 0);
	assert_int_equal(bells.on, 0);
	/* A doorbell of a device that has not started. */
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0xffffffff);
	settle();
	begin(0);
}

static void requests(void **state)
{
	static const u64 kinds[] = {
		0, VIRTIO_BIT(VIRTIO_F_RING_PACKED), VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX),
		VIRTIO_BIT(VIRTIO_F_RING_PACKED) | VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) |
			VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC),
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		u16 id;
		u32 len;

		begin(kinds[i]);
		assert_int_equal(k->starts, i + 1);
		assert_int_equal(bells.on, (1 << QUEUES) - 1);
		assert_int_equal(bells.fds[1], v->queues[1].kick_fd);
		for (unsigned int n = 0; n < 200; n++) {
			irq_take(&irq);
			set(VIRTIO_MMIO_INTERRUPT_ACK, 3);
			mock_want_interrupts(&drivers[n % QUEUES], true);
			send(n % QUEUES, 16);
			assert_true(mock_take(&drivers[n % QUEUES], &id, &len));
			assert_int_equal(len, 100);
			assert_true(irq_take(&irq));
			assert_int_equal(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
		}
	}
}

/* Requests that come before DRIVER_OK are served after it, without a doorbell. */
static void early_requests(void **state)
{
	struct mock_buffer b = { 15 * MiB, 100, true };
	u16 id;
	u32 len;

	set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	accept(VIRTIO_BIT(VIRTIO_F_VERSION_1));
	set(VIRTIO_MMIO_STATUS, ALL_OK);
	set_up_queue(0, 0);
	mock_add(&drivers[0], &b, 1);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	settle();
	assert_false(mock_take(&drivers[0], &id, &len));
	set(VIRTIO_MMIO_STATUS, ALL_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	settle();
	assert_true(mock_take(&drivers[0], &id, &len));
	/* Queues that the driver left out are not served. */
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 2);
	settle();
}

static void reset_with_requests_in_flight(void **state)
{
	u16 id;
	u32 len;

	begin(0);
	k->hold = true;
	send(0, 16);
	send(0, 16);
	assert_int_equal(k->count, 2);
	set(VIRTIO_MMIO_STATUS, 0);
	settle();
	/* Until they are back, the status reads as before, and nothing else has an effect. */
	assert_int_equal(get(VIRTIO_MMIO_STATUS), ALL_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	set(VIRTIO_MMIO_STATUS, 0);
	set(VIRTIO_MMIO_QUEUE_SEL, 0);
	set(VIRTIO_MMIO_QUEUE_READY, 0);
	set(VIRTIO_MMIO_QUEUE_NUM, 1);
	send(0, 16);
	assert_int_equal(k->count, 2);
	assert_int_equal(k->stops, QUEUES);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), ALL_OK | VIRTIO_CONFIG_S_DRIVER_OK);

	k->hold = false;
	assert_int_equal(loop_call_wait(loop, (loop_fn)push_all, k), 0);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(bells.on, 0);
	assert_true(mock_take(&drivers[0], &id, &len));
	/* Nothing is written once it is over. */
	memset(drivers[0].device, 0x5a, 64);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	settle();
	assert_int_equal(((u8 *)drivers[0].device)[2], 0x5a);
	begin(0);
	send(1, 16);
	assert_true(mock_take(&drivers[1], &id, &len));
}

static void reset_of_one_queue(void **state)
{
	u16 id;
	u32 len;

	begin(0);
	k->hold = true;
	send(1, 16);
	set(VIRTIO_MMIO_QUEUE_SEL, 1);
	set(QUEUE_RESET, 1);
	settle();
	assert_int_equal(get(QUEUE_RESET), 1);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 1);
	/* The others go on meanwhile. */
	k->hold = false;
	send(0, 16);
	assert_true(mock_take(&drivers[0], &id, &len));
	settle();
	assert_int_equal(get(QUEUE_RESET), 0);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), ALL_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	/* And this one comes back, of another size. */
	set_up_queue(1, 0);
	settle();
	send(1, 16);
	assert_true(mock_take(&drivers[1], &id, &len));
}

static void broken_driver(void **state)
{
	u16 id;
	u32 len;

	begin(0);
	irq_take(&irq);
	set(VIRTIO_MMIO_INTERRUPT_ACK, 3);
	__atomic_store_n(&((struct vring_avail *)drivers[0].driver)->idx, 1000, __ATOMIC_RELEASE);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	settle();
	assert_true(get(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_true(get(VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_MMIO_INT_CONFIG);
	assert_int_equal(said_lines(), 1);
	/* A request that the device refuses. */
	begin(0);
	assert_false(get(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
	send(2, 13);
	assert_true(get(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_true(mock_take(&drivers[2], &id, &len));
	/* Rings that are not in memory. */
	set(VIRTIO_MMIO_STATUS, 0);
	settle();
	set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	accept(VIRTIO_BIT(VIRTIO_F_VERSION_1));
	set(VIRTIO_MMIO_STATUS, ALL_OK);
	set(VIRTIO_MMIO_QUEUE_SEL, 0);
	set(VIRTIO_MMIO_QUEUE_DESC_HIGH, 0xffffffff);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	set(VIRTIO_MMIO_STATUS, ALL_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	settle();
	assert_true(get(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
	/* However often it does so, the user hears of it a few times. */
	for (unsigned int i = 0; i < 50; i++) {
		begin(0);
		send(0, 13);
	}
	assert_in_range(said_lines(), 3, 5);
	begin(0);
	send(0, 16);
	assert_true(mock_take(&drivers[0], &id, &len));
}

/* The driver resets and starts at once, many times, while requests come and go. */
static void stormy_resets(void **state)
{
	for (unsigned int i = 0; i < 300; i++) {
		struct mock_buffer b = { 15 * MiB, 100, true };

		while (get(VIRTIO_MMIO_STATUS))
			set(VIRTIO_MMIO_STATUS, 0);
		set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
		accept(VIRTIO_BIT(VIRTIO_F_VERSION_1));
		set(VIRTIO_MMIO_STATUS, ALL_OK);
		for (unsigned int q = 0; q < QUEUES; q++)
			set_up_queue(q, 0);
		set(VIRTIO_MMIO_STATUS, ALL_OK | VIRTIO_CONFIG_S_DRIVER_OK);
		for (unsigned int n = 0; n < i % 7; n++) {
			mock_add(&drivers[n % QUEUES], &b, 1);
			set(VIRTIO_MMIO_QUEUE_NOTIFY, n % QUEUES);
		}
		if (i % 5 == 0)
			settle();
	}
	while (get(VIRTIO_MMIO_STATUS))
		set(VIRTIO_MMIO_STATUS, 0);
	settle();
	assert_int_equal(k->count, 0);
	assert_int_equal(said_lines(), 0);
}

static void config_changes(void **state)
{
	u32 generation;

	begin(0);
	irq_take(&irq);
	generation = get(VIRTIO_MMIO_CONFIG_GENERATION);
	virtio_config_changed(v);
	assert_true(get(VIRTIO_MMIO_CONFIG_GENERATION) != generation);
	assert_true(irq_take(&irq));
	assert_int_equal(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
	set(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
	assert_int_equal(get(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

/* --- the entropy device --- */

static void entropy(void **state)
{
	struct virtio_device *kept = v;
	struct mock_buffer b[] = { { 12 * MiB, 64, true }, { 13 * MiB, 1 * MiB, true } };
	struct mock_buffer none = { 12 * MiB, 64, false };
	u8 *bytes = mem_ptr(mem, 12 * MiB, 2 * MiB);
	unsigned int nonzero = 0;
	u16 id;
	u32 len;

	loop_halt(loop);
	v = virtio_rng.create(&(struct virtio_place){ 0, mem, loop, 1 }, NULL);
	assert_non_null(v);
	assert_int_equal(virtio_mmio_attach(v, 0xd0000000, &irq, NULL), 0);
	assert_int_equal(loop_start(loop), 0);
	assert_int_equal(get(VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_RNG);
	set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	accept(VIRTIO_BIT(VIRTIO_F_VERSION_1));
	set(VIRTIO_MMIO_STATUS, ALL_OK);
	set_up_queue(0, 0);
	set(VIRTIO_MMIO_STATUS, ALL_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	memset(bytes, 0, 2 * MiB);

	mock_add(&drivers[0], b, 2);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	settle();
	assert_true(mock_take(&drivers[0], &id, &len));
	/* It asks for a mebibyte, and gets a page. */
	assert_int_equal(len, 4096);
	for (unsigned int i = 0; i < 64; i++)
		nonzero += !!bytes[i];
	assert_in_range(nonzero, 32, 64);
	assert_int_equal(bytes[1 * MiB + 4096 - 64], 0);

	mock_add(&drivers[0], &none, 1);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	settle();
	assert_true(get(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
	loop_halt(loop);
	device_destroy(&v->dev);
	v = kept;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identity),
		TEST(features),
		TEST(not_before_features),
		TEST(requests),
		TEST(early_requests),
		TEST(reset_with_requests_in_flight),
		TEST(reset_of_one_queue),
		TEST(broken_driver),
		TEST(stormy_resets),
		TEST(config_changes),
		TEST(entropy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
