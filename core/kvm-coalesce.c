// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced port writes (KVM_CAP_COALESCED_PIO, api.rst 4.116).
 *
 * A write to a register that only prepares another access, or only puts a byte out,
 * needs no answer. KVM collects such writes of all vCPUs in a ring, in order, and the
 * next exit of any vCPU performs them before its own access: half of the exits of a
 * kernel that writes to its serial console or looks through PCI are gone.
 *
 * What if no exit follows? After an exit a timer is set, unless it runs already, and
 * performs what has come by then; the run's tick is the last resort for a guest that has
 * made no exit for long and then writes just once.
 *
 * The ring is in the mapping of a vCPU, so that only KVM and we write it. Whoever performs
 * writes holds the lock, and moves @first only afterwards: a vCPU that finds the
 * ring empty can rely on the devices having seen everything.
 */
#include <pthread.h>
#include <stdatomic.h>

#include <linux/kvm.h>

#include "bus.h"
#include "coalesce.h"
#include "kvm.h"
#include "loop.h"
#include "util.h"

#define PAGE 4096
#define RING_ENTRIES ((PAGE - sizeof(struct kvm_coalesced_mmio_ring)) / sizeof(struct kvm_coalesced_mmio))
#define LATEST_NS 5000000	/* after an exit, when no other follows */

struct coalesce {
	struct kvm_vm *vm;
	unsigned int page;		/* of the ring in a vCPU's mapping; 0: not offered */
	struct kvm_coalesced_mmio_ring *ring;
	pthread_mutex_t lock;
	struct bus_reader *reader;	/* used with the lock held */
	struct loop_timer *timer;
	_Atomic bool armed;
};

static void timer_expired(void *arg)
{
	struct coalesce *c = arg;

	c->armed = false;
	coalesce_drain(c);
}

/**
 * coalesce_new() - prepare to collect writes
 * @vm:		the VM
 * @pio:	where they go
 * @loop:	for the timer; does not run yet
 *
 * Return: the collector, which does nothing where KVM offers no ring, or NULL without memory.
 */
struct coalesce *coalesce_new(struct kvm_vm *vm, struct bus *pio, struct loop *loop)
{
	struct coalesce *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->vm = vm;
	pthread_mutex_init(&c->lock, NULL);
	c->reader = bus_reader_new(pio);
	c->timer = loop_timer_new(loop, timer_expired, c);
	if (!c->reader || !c->timer) {
		coalesce_free(c);
		return NULL;
	}
	if (kvm_vm_check(vm, KVM_CAP_COALESCED_PIO))
		c->page = kvm_vm_check(vm, KVM_CAP_COALESCED_MMIO);
	return c;
}

/**
 * coalesce_free() - the vCPUs are gone, and the loop's thread has ended
 */
void coalesce_free(struct coalesce *c)
{
	if (!c)
		return;
	loop_timer_free(c->timer);
	bus_reader_free(c->reader);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/**
 * coalesce_port() - collect the writes to some ports
 * @port:	the first one
 * @size:	how many
 */
void coalesce_port(struct coalesce *c, u16 port, unsigned int size)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = port, .size = size, .pio = 1 };

	/* A KVM that refuses makes an exit for each write, and nothing else changes. */
	if (c->page)
		kvm_vm_ioctl(c->vm, KVM_REGISTER_COALESCED_MMIO, &zone);
}

/**
 * coalesce_attach() - tell where the ring is
 * @c:		the collector; may be NULL, for a vCPU that is run by hand
 * @run:	a vCPU's mapping, that outlives all use of the others
 * @run_size:	its bytes
 */
void coalesce_attach(struct coalesce *c, void *run, size_t run_size)
{
	if (c && c->page && !c->ring && (c->page + 1ULL) * PAGE <= run_size)
		c->ring = (void *)((u8 *)run + (size_t)c->page * PAGE);
}

static u32 ring_load(u32 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/**
 * coalesce_drain() - perform the collected writes; from any thread that holds no device
 */
void coalesce_drain(struct coalesce *c)
{
	struct kvm_coalesced_mmio_ring *ring = c->ring;
	u32 last;

	if (!ring || ring_load(&ring->first) == ring_load(&ring->last))
		return;
	pthread_mutex_lock(&c->lock);
	/* Up to here and no further: others go on writing, and have exits of their own. */
	last = ring_load(&ring->last) % RING_ENTRIES;
	while (ring->first != last) {
		struct kvm_coalesced_mmio *w = &ring->coalesced_mmio[ring->first % RING_ENTRIES];

		bus_write(c->reader, w->phys_addr, w->data, min(w->len, (u32)sizeof(w->data)));
		__atomic_store_n(&ring->first, (ring->first + 1) % RING_ENTRIES, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&c->lock);
}

/**
 * coalesce_after_exit() - a vCPU was out of the guest and goes back
 */
void coalesce_after_exit(struct coalesce *c)
{
	if (c->ring && !atomic_load_explicit(&c->armed, memory_order_relaxed) &&
	    !atomic_exchange(&c->armed, true))
		loop_timer_set(c->timer, LATEST_NS, 0);
}
