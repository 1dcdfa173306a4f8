// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asking /dev/kvm what it is and offers (api.rst, sections 4.1 to 4.4). Unlike core/kvm-vm.c
 * it stops at no mistake but notes it, so that an examination can tell what is wrong.
 *
 * Runs in the caller's thread; the VM that it makes is gone when it returns.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "kvm-probe.h"
#include "log.h"

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void look_at_file(struct kvm_probe *p)
{
	struct group entry, *group = NULL;
	char names[4096];	/* of its members too */
	struct stat st;

	if (stat(p->path, &st) < 0)
		return;
	p->exists = true;
	p->mode = st.st_mode;
	p->uid = st.st_uid;
	p->gid = st.st_gid;
	if (!getgrgid_r(st.st_gid, &entry, names, sizeof(names), &group) && group)
		snprintf(p->group, sizeof(p->group), "%s", group->gr_name);
}

static int create_vm(int kvm, struct kvm_probe *p)
{
	u64 begin = now_ns();
	int vm;

	do {
		vm = ioctl(kvm, KVM_CREATE_VM, 0UL);
	} while (vm < 0 && errno == EINTR);
	p->create_error = vm < 0 ? -errno : 0;
	p->create_ns = now_ns() - begin;
	return vm;
}

static int check(int fd, unsigned int cap)
{
	int value = ioctl(fd, KVM_CHECK_EXTENSION, (unsigned long)cap);

	return value < 0 ? 0 : value;
}

/**
 * kvm_probe() - find out what a KVM device is
 * @path:	of the device, usually "/dev/kvm"; must outlive @probe
 * @needs:	the capabilities to ask for; must outlive @probe
 * @probe:	set to what was found
 */
void kvm_probe(const char *path, const struct kvm_need *needs, struct kvm_probe *probe)
{
	int kvm, vm, fd;

	*probe = (struct kvm_probe){ .path = path, .needs = needs };
	look_at_file(probe);
	kvm = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (kvm < 0) {
		probe->open_error = -errno;
		return;
	}
	probe->api = ioctl(kvm, KVM_GET_API_VERSION, 0UL);
	if (probe->api < 0)
		probe->api = -errno;
	if (probe->api == KVM_API_VERSION) {
		vm = create_vm(kvm, probe);
		/* Some capabilities are those of a VM; where there is none, the system's are an approximation. */
		fd = vm < 0 ? kvm : vm;
		probe->vcpus_recommended = check(fd, KVM_CAP_NR_VCPUS);
		probe->vcpus_max = check(fd, KVM_CAP_MAX_VCPUS);
		probe->vcpu_ids = check(fd, KVM_CAP_MAX_VCPU_ID);
		for (unsigned int i = 0; needs[i].name; i++) {
			BUG_ON(i >= KVM_NEEDS_MAX);
			probe->caps[i] = check(fd, needs[i].cap);
		}
		if (vm >= 0)
			close(vm);
	}
	close(kvm);
}
