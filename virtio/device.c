// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all virtio devices have in common (virtio 1.2, sections 2.1 to 2.4, and 3): status,
 * features, queues, reset, and the hand-over of queues from the registers to the
 * device's loop.
 *
 * state of a queue	registers (vCPU threads, with the lock)	loop
 * set up		fields may be written			does not know it
 * ready		fields are fixed			does not know it
 * live			fields are fixed			owns the virtqueue
 * resetting		fields are fixed			drains it, then disables it
 *
 * Registers never wait for the loop: what the driver asks for is noted, and the loop woken. A
 * reset is over when no request is out any more, and until then the driver reads the old status.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/virtio_ring.h>

#include "log.h"
#include "loop.h"
#include "state.h"
#include "util.h"
#include "virtio.h"

#define COMMON_FEATURES (VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
			 VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) | VIRTIO_BIT(VIRTIO_F_RING_RESET))

#define STATUS_KNOWN (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | \
		      VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED)

#define COMPLAINTS_MAX	5	/* a guest cannot fill the user's terminal */
#define BATCH		256	/* requests of one queue before the others have their turn */

static void wake(int fd)
{
	u64 one = 1;

	/* EAGAIN: it is as awake as can be. */
	if (write(fd, &one, sizeof(one)) < 0)
		BUG_ON(errno != EAGAIN);
}

/* --- on the loop ------------------------------------------------------------ */

static void clear(struct virtio_queue *q)
{
	q->rings = (struct vq_rings){ .size = vq_max_size(q->vq) };
	q->ready = q->resetting = false;
}

/* With the lock. */
static void reset_is_over(struct virtio_device *dev)
{
	for (unsigned int i = 0; i < dev->queue_count; i++)
		clear(&dev->queues[i]);
	if (dev->started && dev->transport)
		dev->transport->started(dev, false);
	dev->started = dev->start_wanted = dev->resetting = false;
	dev->features = 0;
	dev->status = 0;
}

static bool any_live(const struct virtio_device *dev)
{
	for (unsigned int i = 0; i < dev->queue_count; i++)
		if (dev->queues[i].live)
			return true;
	return false;
}

static void at_rest(struct virtio_queue *q)
{
	struct virtio_device *dev = q->dev;

	vq_disable(q->vq);
	q->live = q->stopping = false;
	pthread_mutex_lock(&dev->dev.lock);
	if (q->resetting)
		clear(q);
	if (dev->resetting && !any_live(dev))
		reset_is_over(dev);
	pthread_mutex_unlock(&dev->dev.lock);
}

/* Requests were left in the queue, for which there is room now. */
static void room(void *arg)
{
	virtio_kick(arg);
}

static void drained(void *arg)
{
	at_rest(arg);
}

static void bring_to_rest(struct virtio_queue *q)
{
	bool idle = vq_drain(q->vq);

	q->stopping = true;
	if (q->dev->type->stop)
		q->dev->type->stop(q->dev, q->index);
	/* Else drained() is called with the last request, which stop() may have pushed. */
	if (idle)
		at_rest(q);
}

/**
 * virtio_serve() - take requests from a queue until none is left; on the device's loop
 */
void virtio_serve(struct virtio_device *dev, unsigned int queue)
{
	struct virtio_queue *q = &dev->queues[queue];
	unsigned int count = 0;
	struct vq_request *req;

	if (!q->live)
		return;
	if (dev->type->kick) {
		dev->type->kick(dev, queue);
		return;
	}
	do {
		vq_disarm(q->vq);
		while (count++ < BATCH && (req = vq_pop(q->vq))) {
			if (!dev->type->request(dev, queue, req)) {
				vq_break(q->vq, "a request breaks the rules of the device");
				vq_push(req);
			}
		}
	} while (count <= BATCH && vq_arm(q->vq));
	if (dev->type->batch)
		dev->type->batch(dev, queue);
	vq_notify(q->vq);
	if (count > BATCH)
		virtio_kick(q);
}

static void kicked(void *arg, u32 events)
{
	struct virtio_queue *q = arg;

	virtio_serve(q->dev, q->index);
}

static void go_live(struct virtio_queue *q)
{
	q->live = true;
	/* The driver may have rung before. */
	virtio_serve(q->dev, q->index);
}

/* Something was asked for by a register. */
static void woken(void *arg, u32 events)
{
	struct virtio_device *dev = arg;
	bool start;

	pthread_mutex_lock(&dev->dev.lock);
	start = dev->start_wanted;
	dev->start_wanted = false;
	pthread_mutex_unlock(&dev->dev.lock);
	if (start && dev->type->start)
		dev->type->start(dev);
	for (unsigned int i = 0; i < dev->queue_count; i++) {
		struct virtio_queue *q = &dev->queues[i];
		bool ready, reset;

		pthread_mutex_lock(&dev->dev.lock);
		reset = dev->resetting || q->resetting;
		ready = dev->started && q->ready;
		pthread_mutex_unlock(&dev->dev.lock);
		if (ready && !reset && !q->live && vq_enabled(q->vq))
			go_live(q);
		else if (reset && q->live && !q->stopping)
			bring_to_rest(q);
		else if (reset && !q->live && vq_enabled(q->vq))
			at_rest(q);	/* it was asked to go and to stop at once */
	}
	pthread_mutex_lock(&dev->dev.lock);
	if (dev->resetting && !any_live(dev))
		reset_is_over(dev);
	pthread_mutex_unlock(&dev->dev.lock);
}

/* --- callbacks of the queues -------------------------------------------------- */

static void notify(void *arg)
{
	struct virtio_queue *q = arg;

	if (q->dev->transport)
		q->dev->transport->queue_interrupt(q->dev, q->index);
}

static void queue_broken(void *arg, const char *why)
{
	struct virtio_queue *q = arg;

	virtio_broken(q->dev, why);
}

static void needs_reset(struct virtio_device *dev, const char *why)
{
	if (dev->complaints++ < COMPLAINTS_MAX)
		warning("virtio %s %u: the driver is wrong: %s; the device waits for a reset",
			dev->type->name, dev->dev.instance, why);
	if (dev->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	dev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	if (dev->status & VIRTIO_CONFIG_S_DRIVER_OK && dev->transport)
		dev->transport->config_interrupt(dev);
}

/**
 * virtio_broken() - the driver has broken a rule: the device needs a reset; without the lock
 * @why:	a sentence without its end
 */
void virtio_broken(struct virtio_device *dev, const char *why)
{
	pthread_mutex_lock(&dev->dev.lock);
	needs_reset(dev, why);
	pthread_mutex_unlock(&dev->dev.lock);
}

/**
 * virtio_config_changed() - the configuration is another now; without the lock
 */
void virtio_config_changed(struct virtio_device *dev)
{
	pthread_mutex_lock(&dev->dev.lock);
	dev->generation++;
	if (dev->status & VIRTIO_CONFIG_S_DRIVER_OK && dev->transport)
		dev->transport->config_interrupt(dev);
	pthread_mutex_unlock(&dev->dev.lock);
}

/**
 * virtio_vq() - one of the device's virtqueues
 */
struct virtqueue *virtio_vq(struct virtio_device *dev, unsigned int queue)
{
	return dev->queues[queue].vq;
}

/**
 * virtio_has() - whether a feature was negotiated; for a device that has started
 */
bool virtio_has(const struct virtio_device *dev, unsigned int feature)
{
	return dev->features & VIRTIO_BIT(feature);
}

/* --- registers ---------------------------------------------------------------- */

/**
 * virtio_offered() - 32 bits of the features that are offered
 * @select:	which ones; there are 64 bits
 */
u32 virtio_offered(const struct virtio_device *dev, u32 select)
{
	return select < 2 ? dev->offered >> 32 * select : 0;
}

/**
 * virtio_accepted() - 32 bits of the features that the driver has accepted
 */
u32 virtio_accepted(const struct virtio_device *dev, u32 select)
{
	return select < 2 ? dev->features >> 32 * select : 0;
}

/**
 * virtio_accept() - the driver accepts features; once it has said FEATURES_OK they are fixed
 */
void virtio_accept(struct virtio_device *dev, u32 select, u32 features)
{
	u64 mask = 0xffffffffULL << 32 * (select & 1);

	if (select >= 2 || dev->resetting || dev->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	dev->features = (dev->features & ~mask) | (u64)features << 32 * select;
}

/**
 * virtio_status() - the device status field
 */
u8 virtio_status(const struct virtio_device *dev)
{
	return dev->status;
}

static bool features_are_ok(struct virtio_device *dev)
{
	if (dev->features & ~dev->offered || !(dev->features & VIRTIO_BIT(VIRTIO_F_VERSION_1)))
		return false;
	return !dev->type->features_ok || dev->type->features_ok(dev, dev->features);
}

static void enable(struct virtio_queue *q)
{
	const char *wrong;

	if (q->live || vq_enabled(q->vq))
		return;
	wrong = vq_enable(q->vq, &q->rings, q->dev->features);
	if (wrong) {
		char why[120];

		snprintf(why, sizeof(why), "queue %u: %s", q->index, wrong);
		needs_reset(q->dev, why);
	}
}

static void start(struct virtio_device *dev)
{
	for (unsigned int i = 0; i < dev->queue_count; i++)
		if (dev->queues[i].ready)
			enable(&dev->queues[i]);
	if (dev->transport)
		dev->transport->started(dev, true);
	dev->started = dev->start_wanted = true;
	wake(dev->wake_fd);
}

static void reset(struct virtio_device *dev)
{
	if (dev->resetting)
		return;
	if (!dev->started) {
		reset_is_over(dev);
		return;
	}
	dev->resetting = true;
	wake(dev->wake_fd);
}

/**
 * virtio_set_status() - the driver writes the device status field (2.1)
 *
 * It may set bits in their order, and clear all of them; anything else has no effect.
 */
void virtio_set_status(struct virtio_device *dev, u8 status)
{
	u8 set = status & STATUS_KNOWN & ~dev->status;

	if (!status) {
		reset(dev);
		return;
	}
	if (dev->resetting)
		return;
	dev->status |= set & (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FAILED);
	if (set & VIRTIO_CONFIG_S_FEATURES_OK && dev->status & VIRTIO_CONFIG_S_DRIVER && features_are_ok(dev))
		dev->status |= VIRTIO_CONFIG_S_FEATURES_OK;
	if (!(set & VIRTIO_CONFIG_S_DRIVER_OK))
		return;
	if (!(dev->status & VIRTIO_CONFIG_S_FEATURES_OK)) {
		needs_reset(dev, "DRIVER_OK without FEATURES_OK");
		return;
	}
	dev->status |= VIRTIO_CONFIG_S_DRIVER_OK;
	start(dev);
}

/**
 * virtio_queue() - a queue by its number
 *
 * Return: the queue, or NULL when there is none.
 */
struct virtio_queue *virtio_queue(struct virtio_device *dev, u32 index)
{
	return index < dev->queue_count ? &dev->queues[index] : NULL;
}

/**
 * virtio_queue_writable() - whether the driver may set the queue up now
 */
bool virtio_queue_writable(const struct virtio_queue *q)
{
	return !q->ready && !q->resetting && !q->dev->resetting;
}

/**
 * virtio_queue_enable() - the driver has set the queue up
 */
void virtio_queue_enable(struct virtio_queue *q)
{
	if (!virtio_queue_writable(q))
		return;
	q->ready = true;
	if (q->dev->started) {
		enable(q);
		wake(q->dev->wake_fd);
	}
}

/**
 * virtio_queue_reset() - the driver wants this queue back (2.6.1)
 *
 * @q->resetting is false again when it has it.
 */
void virtio_queue_reset(struct virtio_queue *q)
{
	if (q->resetting || q->dev->resetting || !q->ready)
		return;
	if (!q->dev->started || !vq_enabled(q->vq)) {
		clear(q);
		return;
	}
	q->resetting = true;
	wake(q->dev->wake_fd);
}

/**
 * virtio_config_read() - the driver reads device configuration
 *
 * Return: @size bytes from @offset on; zeros beyond the end.
 */
u32 virtio_config_read(struct virtio_device *dev, u64 offset, unsigned int size)
{
	u8 config[VIRTIO_CONFIG_MAX + 4] = { 0 };
	u32 value = 0;

	if (offset >= dev->type->config_size)
		return 0;
	dev->type->config(dev, config);
	memcpy(&value, config + offset, min(size, 4U));
	return value;
}

/**
 * virtio_config_write() - the driver writes device configuration
 */
void virtio_config_write(struct virtio_device *dev, u64 offset, u32 value, unsigned int size)
{
	if (dev->type->config_write && offset + size <= dev->type->config_size)
		dev->type->config_write(dev, offset, value, size);
}

/**
 * virtio_kick() - ring the doorbell of a queue, from any thread
 */
void virtio_kick(struct virtio_queue *q)
{
	wake(q->kick_fd);
}

/* --- making and taking down ----------------------------------------------------- */

static void virtio_destroy(struct device *d)
{
	struct virtio_device *dev = container_of(d, struct virtio_device, dev);

	dev->type->destroy(dev);
}

static void virtio_state(struct device *d, struct state *st)
{
	struct virtio_device *dev = container_of(d, struct virtio_device, dev);

	if (dev->type->state)
		dev->type->state(dev, st);
}

static const struct device_ops virtio_ops = {
	.name = "virtio",
	.state = virtio_state,
	.destroy = virtio_destroy,
};

static int init_queue(struct virtio_queue *q, struct virtio_device *dev, unsigned int index, unsigned int size)
{
	struct vq_config cfg = {
		.mem = dev->mem,
		.max_size = size,
		.private_size = dev->type->private_size,
		.notify = notify,
		.broken = queue_broken,
		.room = room,
		.drained = drained,
		.arg = q,
	};

	q->dev = dev;
	q->index = index;
	q->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->vq = vq_new(&cfg);
	if (q->kick_fd < 0)
		return -errno;
	if (!q->vq)
		return -ENOMEM;
	clear(q);
	/* Edge-triggered: each write is an event, and nobody needs to read the counter. */
	q->kick_watch = loop_add(dev->loop, q->kick_fd, EPOLLIN | EPOLLET, kicked, q);
	return q->kick_watch ? 0 : -errno;
}

/**
 * virtio_init() - the common part of a new device
 * @dev:	zeroed
 * @type:	its kind
 * @place:	what it was given; the loop does not run yet
 * @queues:	how many, up to VIRTIO_QUEUES_MAX
 * @queue_size:	entries that each may have, a power of two
 *
 * All features of the type are offered; the device takes out what it does not want to.
 *
 * Return: 0 or -errno, said; virtio_fini() is right in both cases.
 */
int virtio_init(struct virtio_device *dev, const struct virtio_type *type, const struct virtio_place *place,
		unsigned int queues, unsigned int queue_size)
{
	int err = 0;

	BUG_ON(!queues || queues > VIRTIO_QUEUES_MAX || type->config_size > VIRTIO_CONFIG_MAX);
	device_init(&dev->dev, &virtio_ops, place->instance);
	dev->type = type;
	dev->mem = place->mem;
	dev->loop = place->loop;
	dev->offered = type->features | COMMON_FEATURES;
	dev->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (dev->wake_fd >= 0)
		dev->wake_watch = loop_add(dev->loop, dev->wake_fd, EPOLLIN | EPOLLET, woken, dev);
	if (!dev->wake_watch)
		return error(-errno, "virtio %s", type->name);
	dev->queues = calloc(queues, sizeof(dev->queues[0]));
	if (!dev->queues)
		return error(-ENOMEM, "virtio %s", type->name);
	for (; dev->queue_count < queues && !err; dev->queue_count++)
		err = init_queue(&dev->queues[dev->queue_count], dev, dev->queue_count, queue_size);
	return err ? error(err, "virtio %s", type->name) : 0;
}

/**
 * virtio_fini() - release the common part; the loop has stopped, and no request is with a backend
 */
void virtio_fini(struct virtio_device *dev)
{
	for (unsigned int i = 0; i < dev->queue_count; i++) {
		struct virtio_queue *q = &dev->queues[i];

		if (q->kick_watch)
			loop_remove(q->kick_watch);
		vq_free(q->vq);
		if (q->kick_fd >= 0)
			close(q->kick_fd);
	}
	free(dev->queues);
	if (dev->wake_watch)
		loop_remove(dev->wake_watch);
	if (dev->wake_fd >= 0)
		close(dev->wake_fd);
	if (dev->transport)
		dev->transport->destroy(dev);
	device_fini(&dev->dev);
}
