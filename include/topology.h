/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many vCPUs there are, and how they share cores and sockets.
 */
#ifndef LKVM_TOPOLOGY_H
#define LKVM_TOPOLOGY_H

#include "types.h"

/**
 * struct topology - counts, each at least 1
 * @cpus:	vCPUs; sockets * cores * threads
 * @sockets:	in the machine
 * @cores:	in a socket
 * @threads:	in a core
 */
struct topology {
	unsigned int cpus;
	unsigned int sockets;
	unsigned int cores;
	unsigned int threads;
};

unsigned int topology_thread_bits(const struct topology *t);
unsigned int topology_socket_bits(const struct topology *t);
u32 topology_apic_id(const struct topology *t, unsigned int cpu);

#endif /* LKVM_TOPOLOGY_H */
