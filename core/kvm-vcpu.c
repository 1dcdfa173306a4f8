// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU and its thread.
 *
 * The thread is in KVM_RUN, or answers an exit through the two buses, or is parked.
 * Whoever wants it out of KVM_RUN sets a request, then immediate_exit, then sends
 * the kick signal: KVM_RUN returns EINTR whether the signal comes before, in or after
 * it, so no kick is lost. Requests are looked at only after KVM_RUN has
 * returned EINTR: by then KVM has completed the port or memory access of the exit
 * before, and the registers are true.
 *
 * state		who may use the vCPU's ioctls
 * new, stopped		the thread that builds the machine
 * running		the vCPU's own thread
 * parked		whoever called vcpu_pause(), until vcpu_resume()
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "bus.h"
#include "coalesce.h"
#include "kvm.h"
#include "log.h"
#include "outcome.h"
#include "util.h"
#include "vcpu.h"

#define KICK_SIGNAL SIGRTMIN

enum request { RUN, PAUSE, STOP };

struct vcpu {
	struct device dev;
	struct kvm_vm *vm;
	unsigned int index;
	unsigned long id;
	int fd;
	struct kvm_run *run;
	size_t run_size;
	struct bus_reader *pio, *mmio;
	struct coalesce *coalesce;
	struct outcome *outcome;

	pthread_t thread;
	bool started;
	pthread_mutex_t lock;		/* for request and parked */
	pthread_cond_t changed;
	_Atomic enum request request;
	bool parked;			/* out of KVM_RUN for good or until a resume */
	bool ended;			/* for good */

	struct vcpu_exits exits;	/* written by the thread only */
	u32 *ports;			/* a count for each port, or NULL */
};

/* When the first vCPU of this process entered the guest, CLOCK_MONOTONIC in ns. */
static _Atomic u64 first_run;

static void kick_handler(int sig)
{
	/* Its only effect is that KVM_RUN returns. */
}

static void install_kick(void)
{
	struct sigaction sa = { .sa_handler = kick_handler };

	sigemptyset(&sa.sa_mask);
	BUG_ON(sigaction(KICK_SIGNAL, &sa, NULL) < 0);
}

/**
 * vcpu_new() - create a vCPU that does not run yet
 * @cfg:	see there
 * @out:	set to the vCPU
 *
 * Return: 0 or -errno, said.
 */
int vcpu_new(const struct vcpu_config *cfg, struct vcpu **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct vcpu *v = calloc(1, sizeof(*v));
	int err;

	pthread_once(&once, install_kick);
	if (!v)
		return error(-ENOMEM, "vCPU %u", cfg->index);
	device_init(&v->dev, cfg->ops, cfg->index);
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->changed, NULL);
	v->vm = cfg->vm;
	v->index = cfg->index;
	v->id = cfg->id;
	v->coalesce = cfg->coalesce;
	v->outcome = cfg->outcome;
	v->run_size = kvm_vm_run_size(cfg->vm);
	v->fd = kvm_vm_ioctl(cfg->vm, KVM_CREATE_VCPU, (void *)cfg->id);
	if (v->fd < 0) {
		err = error(v->fd, "cannot create vCPU %u (-c)", cfg->index);
		goto fail;
	}
	v->run = mmap(NULL, v->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED) {
		v->run = NULL;
		err = error(-errno, "vCPU %u", cfg->index);
		goto fail;
	}
	coalesce_attach(v->coalesce, v->run, v->run_size);
	v->pio = bus_reader_new(cfg->pio);
	v->mmio = bus_reader_new(cfg->mmio);
	if (cfg->count_ports)
		v->ports = calloc(65536, sizeof(*v->ports));
	if (!v->pio || !v->mmio || (cfg->count_ports && !v->ports)) {
		err = error(-ENOMEM, "vCPU %u", cfg->index);
		goto fail;
	}
	*out = v;
	return 0;
fail:
	vcpu_free(v);
	return err;
}

/**
 * vcpu_free() - stop a vCPU and free it
 */
void vcpu_free(struct vcpu *v)
{
	if (!v)
		return;
	vcpu_stop(v);
	bus_reader_free(v->pio);
	bus_reader_free(v->mmio);
	free(v->ports);
	if (v->run)
		munmap(v->run, v->run_size);
	if (v->fd >= 0)
		close(v->fd);
	pthread_cond_destroy(&v->changed);
	pthread_mutex_destroy(&v->lock);
	device_fini(&v->dev);
	free(v);
}

static void handle_io(struct vcpu *v)
{
	/* The page is ours and KVM's; the guest does not see it. */
	u8 *data = (u8 *)v->run + v->run->io.data_offset;
	u16 port = v->run->io.port;
	unsigned int size = v->run->io.size;
	bool in = v->run->io.direction == KVM_EXIT_IO_IN;

	if (in)
		v->exits.io_in++;
	else
		v->exits.io_out++;
	if (v->ports)
		v->ports[port]++;
	for (u32 i = 0; i < v->run->io.count; i++, data += size) {
		if (in)
			bus_read(v->pio, port, data, size);
		else
			bus_write(v->pio, port, data, size);
	}
}

static void handle_mmio(struct vcpu *v)
{
	v->exits.mmio++;
	if (v->run->mmio.is_write)
		bus_write(v->mmio, v->run->mmio.phys_addr, v->run->mmio.data, v->run->mmio.len);
	else
		bus_read(v->mmio, v->run->mmio.phys_addr, v->run->mmio.data, v->run->mmio.len);
}

static void kvm_error(struct vcpu *v, const char *evidence)
{
	outcome_report(v->outcome, OUTCOME_KVM_ERROR, evidence, 0);
}

static void internal_error(struct vcpu *v)
{
	static const char *const names[] = {
		[KVM_INTERNAL_ERROR_EMULATION] = "emulation",
		[KVM_INTERNAL_ERROR_SIMUL_EX] = "simultaneous-exceptions",
		[KVM_INTERNAL_ERROR_DELIVERY_EV] = "event-delivery",
		[KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "unexpected-exit",
	};
	u32 sub = v->run->internal.suberror;
	char evidence[40];

	if (sub < ARRAY_SIZE(names) && names[sub])
		snprintf(evidence, sizeof(evidence), "internal-error-%s", names[sub]);
	else
		snprintf(evidence, sizeof(evidence), "internal-error-%u", sub);
	error(0, "KVM internal error on CPU %u: %s", v->index, evidence + strlen("internal-error-"));
	kvm_error(v, evidence);
}

static void handle_exit(struct vcpu *v)
{
	switch (v->run->exit_reason) {
	case KVM_EXIT_IO:
		handle_io(v);
		return;
	case KVM_EXIT_MMIO:
		handle_mmio(v);
		return;
	case KVM_EXIT_INTR:
		v->exits.signal++;
		return;
	case KVM_EXIT_SHUTDOWN:
		outcome_report(v->outcome, OUTCOME_TRIPLE_FAULT, "kvm", 0);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		internal_error(v);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		error(0, "KVM cannot enter the guest on CPU %u: hardware reason 0x%llx", v->index,
		      (unsigned long long)v->run->fail_entry.hardware_entry_failure_reason);
		kvm_error(v, "fail-entry");
		break;
	default:
		error(0, "KVM exit %u on CPU %u, which lkvm does not know", v->run->exit_reason, v->index);
		kvm_error(v, "unknown-exit");
		break;
	}
	v->exits.other++;
}

/* Park while a pause is asked for. Returns whether to go on. */
static bool obey(struct vcpu *v)
{
	bool go_on;

	pthread_mutex_lock(&v->lock);
	while (v->request == PAUSE) {
		v->parked = true;
		pthread_cond_broadcast(&v->changed);
		pthread_cond_wait(&v->changed, &v->lock);
	}
	v->parked = false;
	go_on = v->request == RUN;
	pthread_mutex_unlock(&v->lock);
	return go_on;
}

static void run(struct vcpu *v)
{
	for (;;) {
		int err = ioctl(v->fd, KVM_RUN, 0) < 0 ? errno : 0;

		/* What the guest wrote before this exit comes before it. */
		coalesce_drain(v->coalesce);
		if (!err) {
			handle_exit(v);
			coalesce_after_exit(v->coalesce);
			/* A guest that asked for its end gets no further instruction. */
			if (outcome_ended(v->outcome))
				return;
			continue;
		}
		if (err == EINTR || err == EAGAIN) {
			/* Cleared before the request is read: a kick after this counts again. */
			atomic_store_explicit((_Atomic u8 *)&v->run->immediate_exit, 0, memory_order_seq_cst);
			v->exits.signal++;
			if (v->request != RUN && !obey(v))
				return;
			continue;
		}
		error(-err, "KVM_RUN on CPU %u", v->index);
		kvm_error(v, "run");
		return;
	}
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *v = arg;
	char name[16];
	struct timespec now;
	u64 none = 0;

	snprintf(name, sizeof(name), "CPU %u/KVM", v->index);
	pthread_setname_np(pthread_self(), name);
	clock_gettime(CLOCK_MONOTONIC, &now);
	atomic_compare_exchange_strong(&first_run, &none, now.tv_sec * 1000000000ULL + now.tv_nsec);
	run(v);

	pthread_mutex_lock(&v->lock);
	v->parked = v->ended = true;
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

/**
 * vcpu_start() - run the vCPU in a thread of its own
 *
 * Return: 0 or -errno, said.
 */
int vcpu_start(struct vcpu *v)
{
	sigset_t all, old;
	int err;

	/* Signals of the process are the main loop's; the kick must come through. */
	sigfillset(&all);
	sigdelset(&all, KICK_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&v->thread, NULL, vcpu_thread, v);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return error(-err, "thread of CPU %u", v->index);
	v->started = true;
	return 0;
}

static void request(struct vcpu *v, enum request what)
{
	v->request = what;
	atomic_store_explicit((_Atomic u8 *)&v->run->immediate_exit, 1, memory_order_seq_cst);
	pthread_kill(v->thread, KICK_SIGNAL);
}

/**
 * vcpu_pause() - bring the vCPU out of the guest, and wait until it is
 *
 * Until vcpu_resume() the caller may use vcpu_ioctl(). Also right for a vCPU that
 * has not started or has come to its end.
 */
void vcpu_pause(struct vcpu *v)
{
	if (!v->started)
		return;
	pthread_mutex_lock(&v->lock);
	if (!v->parked) {
		request(v, PAUSE);
		while (!v->parked)
			pthread_cond_wait(&v->changed, &v->lock);
	}
	pthread_mutex_unlock(&v->lock);
}

/**
 * vcpu_resume() - let a paused vCPU run on
 */
void vcpu_resume(struct vcpu *v)
{
	pthread_mutex_lock(&v->lock);
	if (v->request == PAUSE) {
		v->request = RUN;
		/* Not its thread's to say, which may take its time: a pause that comes now must wait. */
		v->parked = v->ended;
	}
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
}

/**
 * vcpu_stop() - end the vCPU's thread; its registers stay readable
 */
void vcpu_stop(struct vcpu *v)
{
	if (!v->started)
		return;
	pthread_mutex_lock(&v->lock);
	request(v, STOP);
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
	pthread_join(v->thread, NULL);
	v->started = false;
}

/**
 * vcpu_device() - the vCPU as a device that is saved and loaded
 */
struct device *vcpu_device(struct vcpu *v)
{
	return &v->dev;
}

/**
 * vcpu_from_device() - the counterpart of vcpu_device(), for its device_ops
 */
struct vcpu *vcpu_from_device(struct device *dev)
{
	return container_of(dev, struct vcpu, dev);
}

/**
 * vcpu_vm() - the VM that the vCPU belongs to
 */
struct kvm_vm *vcpu_vm(const struct vcpu *v)
{
	return v->vm;
}

/**
 * vcpu_index() - which vCPU it is, 0 for the boot CPU
 */
unsigned int vcpu_index(const struct vcpu *v)
{
	return v->index;
}

/**
 * vcpu_id() - KVM's id of the vCPU; on x86 its APIC id
 */
unsigned long vcpu_id(const struct vcpu *v)
{
	return v->id;
}

/**
 * vcpu_ioctl() - an ioctl of the vCPU; see the table above for who may
 *
 * Return: what it gave, or -errno.
 */
int vcpu_ioctl(const struct vcpu *v, unsigned long req, void *arg)
{
	int ret = ioctl(v->fd, req, arg);

	return ret < 0 ? -errno : ret;
}

/**
 * vcpu_exits() - add a stopped vCPU's exits to a sum
 */
void vcpu_exits(const struct vcpu *v, struct vcpu_exits *sum)
{
	sum->io_in += v->exits.io_in;
	sum->io_out += v->exits.io_out;
	sum->mmio += v->exits.mmio;
	sum->signal += v->exits.signal;
	sum->other += v->exits.other;
}

/**
 * vcpu_port_count() - exits of a stopped vCPU for one port, when they were counted
 */
u32 vcpu_port_count(const struct vcpu *v, u16 port)
{
	return v->ports ? v->ports[port] : 0;
}

/**
 * vcpu_first_run() - when the first vCPU entered the guest
 *
 * Return: CLOCK_MONOTONIC in nanoseconds, 0 before.
 */
u64 vcpu_first_run(void)
{
	return first_run;
}
