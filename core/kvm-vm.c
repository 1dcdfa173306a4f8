// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/kvm and one VM of it: capabilities and memory slots; interrupts are in core/kvm-irqs.c. The API is in
 * Documentation/virt/kvm/api.rst of Linux.
 *
 * Order matters for the time that it takes: memory slots first, then the interrupt
 * controllers, then irqfds; a slot that is added later costs milliseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "kvm.h"
#include "log.h"
#include "mem.h"
#include "util.h"

struct kvm_vm {
	const char *path;
	int kvm;
	int fd;
	size_t run_size;
	struct mem *mem;
	struct mem_listener listener;
};

static int open_error(const char *path, int err)
{
	switch (err) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		return usage_error("%s: no KVM here; load the module kvm_intel or kvm_amd, "
				   "and enable virtualisation in the firmware", path);
	case -EACCES:
	case -EPERM:
		return usage_error("%s: no permission; add yourself to its group (usually kvm) and log in again",
				   path);
	case -EBUSY:
		return usage_error("%s: busy; another hypervisor uses the CPU's virtualisation", path);
	default:
		return error(err, "%s", path);
	}
}

/**
 * kvm_vm_new() - open KVM and create a VM without memory, CPUs or devices
 * @path:	of the device, usually "/dev/kvm"; must outlive the VM
 * @out:	set to the VM
 *
 * Return: 0 or -errno, said.
 */
int kvm_vm_new(const char *path, struct kvm_vm **out)
{
	struct kvm_vm *vm = calloc(1, sizeof(*vm));
	int version, size, err;

	if (!vm)
		return error(-ENOMEM, "cannot create a VM");
	vm->path = path;
	vm->fd = -1;
	vm->kvm = open(path, O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0) {
		err = open_error(path, -errno);
		goto fail;
	}
	version = ioctl(vm->kvm, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION) {
		err = version < 0 ? usage_error("%s: not a KVM device (--dev)", path) :
		      usage_error("%s: has API version %d, lkvm needs %d", path, version, KVM_API_VERSION);
		goto fail;
	}
	do {
		/* EINTR: the kernel waited for a thread of its own and a signal came. */
		vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0UL);
	} while (vm->fd < 0 && errno == EINTR);
	if (vm->fd < 0) {
		err = error(-errno, "%s: cannot create a VM", path);
		goto fail;
	}
	size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0UL);
	if (size < (int)sizeof(struct kvm_run)) {
		err = error(size < 0 ? -errno : -EINVAL, "%s: size of the vCPU mapping", path);
		goto fail;
	}
	vm->run_size = size;
	*out = vm;
	return 0;
fail:
	kvm_vm_free(vm);
	return err;
}

/**
 * kvm_vm_forget_mem() - hear no more of the memory, which may then go first
 *
 * Taking slots out of a VM that lives costs milliseconds each.
 */
void kvm_vm_forget_mem(struct kvm_vm *vm)
{
	if (vm->mem)
		mem_unlisten(vm->mem, &vm->listener);
	vm->mem = NULL;
}

/**
 * kvm_vm_free() - close the VM; its vCPUs are gone, its memory goes next
 */
void kvm_vm_free(struct kvm_vm *vm)
{
	if (!vm)
		return;
	kvm_vm_forget_mem(vm);
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->kvm >= 0)
		close(vm->kvm);
	free(vm);
}

/**
 * kvm_vm_leave() - like kvm_vm_free(), at the end of the process
 *
 * The kernel waits for several grace periods of RCU, 4 ms each, when it closes a VM that
 * has interrupt controllers. By now guest memory is free, and nobody needs to wait for
 * the rest: a child closes the VM while we end.
 */
void kvm_vm_leave(struct kvm_vm *vm)
{
	if (vm && vm->fd >= 0 && fork() == 0) {
		/* Other threads are gone here with what they held: system calls only. Whoever reads
		 * our output must not wait for us either. */
		close_range(0, vm->fd - 1, 0);
		close_range(vm->fd + 1, ~0U, 0);
		close(vm->fd);
		_exit(0);
	}
	kvm_vm_free(vm);
}

/**
 * kvm_system_ioctl() - an ioctl of /dev/kvm itself
 *
 * Return: what it gave, or -errno.
 */
int kvm_system_ioctl(const struct kvm_vm *vm, unsigned long request, void *arg)
{
	int ret = ioctl(vm->kvm, request, arg);

	return ret < 0 ? -errno : ret;
}

/**
 * kvm_vm_ioctl() - an ioctl of the VM
 *
 * Return: what it gave, or -errno.
 */
int kvm_vm_ioctl(const struct kvm_vm *vm, unsigned long request, void *arg)
{
	int ret = ioctl(vm->fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/**
 * kvm_vm_check() - the value of a capability
 * @cap:	KVM_CAP_...
 *
 * Return: 0 when it is absent, else as api.rst says.
 */
int kvm_vm_check(const struct kvm_vm *vm, unsigned int cap)
{
	int ret = kvm_vm_ioctl(vm, KVM_CHECK_EXTENSION, (void *)(uintptr_t)cap);

	return ret < 0 ? 0 : ret;
}

/**
 * kvm_vm_enable() - switch a capability of the VM on
 * @cap:	KVM_CAP_...
 * @arg:	its first argument
 *
 * Return: 0 or -errno.
 */
int kvm_vm_enable(const struct kvm_vm *vm, unsigned int cap, u64 arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

	return kvm_vm_ioctl(vm, KVM_ENABLE_CAP, &enable);
}

/**
 * kvm_vm_run_size() - bytes of a vCPU's mapping
 */
size_t kvm_vm_run_size(const struct kvm_vm *vm)
{
	return vm->run_size;
}

/**
 * kvm_vm_path() - the device that was opened, for messages
 */
const char *kvm_vm_path(const struct kvm_vm *vm)
{
	return vm->path;
}

static int slot_add(struct mem_listener *l, unsigned int slot, const struct mem_region *r)
{
	struct kvm_vm *vm = container_of(l, struct kvm_vm, listener);
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = r->kind == MEM_ROM ? KVM_MEM_READONLY : 0,
		.guest_phys_addr = r->gpa,
		.memory_size = r->size,
		.userspace_addr = (uintptr_t)r->host,
	};
	int err = kvm_vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);

	if (err < 0)
		return error(err, "KVM refuses %llu MiB of memory at 0x%llx (-m)",
			     (unsigned long long)(r->size / MiB), (unsigned long long)r->gpa);
	return 0;
}

static void slot_del(struct mem_listener *l, unsigned int slot, const struct mem_region *r)
{
	struct kvm_vm *vm = container_of(l, struct kvm_vm, listener);
	struct kvm_userspace_memory_region region = { .slot = slot, .guest_phys_addr = r->gpa };

	kvm_vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/**
 * kvm_vm_set_mem() - give the VM its memory, now and as it changes
 * @vm:		the VM
 * @mem:	the guest's memory; must outlive the VM
 *
 * Return: 0 or -errno, said.
 */
int kvm_vm_set_mem(struct kvm_vm *vm, struct mem *mem)
{
	vm->mem = mem;
	vm->listener.add = slot_add;
	vm->listener.del = slot_del;
	return mem_listen(mem, &vm->listener);
}

/**
 * kvm_vm_set_line() - set the level of an interrupt line
 * @gsi:	the global system interrupt
 * @level:	whether it is asserted, from now on
 *
 * An ioctl each time: for tests. Devices have eventfds.
 *
 * Return: 0 or -errno.
 */
int kvm_vm_set_line(const struct kvm_vm *vm, u32 gsi, bool level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	return kvm_vm_ioctl(vm, KVM_IRQ_LINE, &line);
}
