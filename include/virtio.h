/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtio devices (virtio 1.2), modern only: a kind of device (const), a device of that
 * kind, and the transport that the guest reaches it by.
 *
 * To add a device: virtio/foo.c that ends in a const struct virtio_type, one line in
 * include/virtio-devices.h, and its test and fuzzer.
 *
 * Who may touch what: the lock of the struct device covers what the guest sees in
 * registers, and is held in config() and config_write(). Everything else of a device that has
 * started belongs to its loop's thread, where request(), start(), stop() and backends run.
 */
#ifndef LKVM_VIRTIO_H
#define LKVM_VIRTIO_H

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

#include "device.h"
#include "types.h"
#include "virtqueue.h"

struct loop;
struct loop_fd;
struct mem;
struct virtio_device;

#define VIRTIO_QUEUES_MAX	1024
#define VIRTIO_CONFIG_MAX	256
#define VIRTIO_BIT(feature)	(1ULL << (feature))

/**
 * struct virtio_place - what a new device is given
 * @instance:	which one of its kind
 * @mem:	the guest's memory
 * @loop:	that will serve it
 * @cpus:	vCPUs that the guest has
 */
struct virtio_place {
	unsigned int instance;
	struct mem *mem;
	struct loop *loop;
	unsigned int cpus;
};

/**
 * struct virtio_spec - a device that the user wants
 * @type:	its kind
 * @arg:	the option's argument, or NULL
 */
struct virtio_spec {
	const struct virtio_type *type;
	const char *arg;
};

/**
 * struct virtio_type - a kind of virtio device
 * @name:	as in the option and in messages
 * @create:	make one: the struct virtio_device in it is set up by virtio_init(). @arg is
 *		the option's argument, or NULL. NULL on errors, said
 * @id:		VIRTIO_ID_*
 * @pci_class:	base class, sub-class, interface
 * @features:	of its own that it may offer
 * @config_size: bytes of its configuration space, up to VIRTIO_CONFIG_MAX
 * @private_size: bytes that each request has for the device
 * @config:	fill in the configuration space as the guest is to see it now
 * @config_write: the guest has written a field there
 * @features_ok: whether the device can work with what the driver has chosen; NULL: always
 * @start:	the driver is ready: begin; may be NULL
 * @request:	a request: push it now or later; false when it breaks the rules of the device,
 *		which then needs a reset (and takes the request back)
 * @batch:	no more requests are there for now: submit what was collected; may be NULL
 * @kick:	instead of @request, for queues that are filled from outside: the driver has
 *		added buffers
 * @stop:	queue @queue is to come to rest: push what is only held back, finish what is
 *		with a backend soon, and take nothing new; may be NULL
 * @state:	save or load what is the device's own; all queues are at rest
 * @destroy:	release what @create has allocated, not the struct virtio_device
 */
struct virtio_type {
	const char *name;
	struct virtio_device *(*create)(const struct virtio_place *place, const char *arg);
	u16 id;
	u32 pci_class;
	u64 features;
	unsigned int config_size;
	size_t private_size;
	void (*config)(struct virtio_device *dev, void *config);
	void (*config_write)(struct virtio_device *dev, unsigned int offset, u32 value, unsigned int size);
	bool (*features_ok)(struct virtio_device *dev, u64 features);
	void (*start)(struct virtio_device *dev);
	bool (*request)(struct virtio_device *dev, unsigned int queue, struct vq_request *req);
	void (*batch)(struct virtio_device *dev, unsigned int queue);
	void (*kick)(struct virtio_device *dev, unsigned int queue);
	void (*stop)(struct virtio_device *dev, unsigned int queue);
	void (*state)(struct virtio_device *dev, struct state *st);
	void (*destroy)(struct virtio_device *dev);
};

/**
 * struct virtio_transport - how the guest reaches a device
 * @name:	"pci" or "mmio"
 * @queue_interrupt: the driver wants to know of used buffers; from the device's loop,
 *		without its lock
 * @config_interrupt: it is to look at the configuration; with the lock
 * @started:	the driver is ready, or not any more; with the lock
 * @destroy:	free what belongs to the transport
 */
struct virtio_transport {
	const char *name;
	void (*queue_interrupt)(struct virtio_device *dev, unsigned int queue);
	void (*config_interrupt)(struct virtio_device *dev);
	void (*started)(struct virtio_device *dev, bool started);
	void (*destroy)(struct virtio_device *dev);
};

/**
 * struct virtio_queue - one queue of a device, with its state for the guest
 * @rings:	as the driver sets them up
 * @ready:	the driver has enabled it
 * @resetting:	the driver has asked for a reset of this queue, which is not over
 * @live:	the loop's own: it serves the queue
 * @stopping:	the loop's own: it has told the device to stop
 * @kick_fd:	eventfd that the driver's doorbell writes
 */
struct virtio_queue {
	struct virtio_device *dev;
	unsigned int index;
	struct virtqueue *vq;
	struct vq_rings rings;
	bool ready;
	bool resetting;
	bool live;
	bool stopping;
	int kick_fd;
	struct loop_fd *kick_watch;
};

/**
 * struct virtio_device - a device; embed it
 * @loop:	its thread serves the queues
 * @transport:	set by the transport, as is @transport_data
 * @offered:	features
 * @features:	that the driver has accepted so far
 * @status:	VIRTIO_CONFIG_S_*
 * @resetting:	a reset was asked for, and is not over: the status reads as it was
 * @started:	the loop has been told that the driver is ready
 * @generation:	of the configuration
 */
struct virtio_device {
	struct device dev;
	const struct virtio_type *type;
	struct mem *mem;
	struct loop *loop;
	const struct virtio_transport *transport;
	void *transport_data;
	u64 offered;
	u64 features;
	u8 status;
	u8 generation;
	bool resetting;
	bool started;
	bool start_wanted;
	unsigned int complaints;
	unsigned int queue_count;
	struct virtio_queue *queues;
	int wake_fd;			/* the loop is to look at what is wanted */
	struct loop_fd *wake_watch;
};

/* For devices. */
int virtio_init(struct virtio_device *dev, const struct virtio_type *type, const struct virtio_place *place,
		unsigned int queues, unsigned int queue_size);
void virtio_fini(struct virtio_device *dev);
struct virtqueue *virtio_vq(struct virtio_device *dev, unsigned int queue);
bool virtio_has(const struct virtio_device *dev, unsigned int feature);
void virtio_broken(struct virtio_device *dev, const char *why);
void virtio_config_changed(struct virtio_device *dev);
void virtio_serve(struct virtio_device *dev, unsigned int queue);

/* For transports, with the device's lock held. */
u32 virtio_offered(const struct virtio_device *dev, u32 select);
u32 virtio_accepted(const struct virtio_device *dev, u32 select);
void virtio_accept(struct virtio_device *dev, u32 select, u32 features);
u8 virtio_status(const struct virtio_device *dev);
void virtio_set_status(struct virtio_device *dev, u8 status);
struct virtio_queue *virtio_queue(struct virtio_device *dev, u32 index);
bool virtio_queue_writable(const struct virtio_queue *q);
void virtio_queue_enable(struct virtio_queue *q);
void virtio_queue_reset(struct virtio_queue *q);
u32 virtio_config_read(struct virtio_device *dev, u64 offset, unsigned int size);
void virtio_config_write(struct virtio_device *dev, u64 offset, u32 value, unsigned int size);
void virtio_kick(struct virtio_queue *q);

#endif /* LKVM_VIRTIO_H */
