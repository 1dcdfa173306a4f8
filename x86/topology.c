// SPDX-License-Identifier: GPL-2.0-only
/*
 * APIC ids: as on real CPUs, a thread's id is its socket, core and thread number in
 * bit fields that are wide enough for each (Intel SDM volume 3, 9.9).
 */
#include "topology.h"

static unsigned int bits_for(unsigned int count)
{
	unsigned int bits = 0;

	while ((1U << bits) < count)
		bits++;
	return bits;
}

/**
 * topology_thread_bits() - bits of an APIC id that number the threads of a core
 */
unsigned int topology_thread_bits(const struct topology *t)
{
	return bits_for(t->threads);
}

/**
 * topology_socket_bits() - bits of an APIC id below the socket's number
 */
unsigned int topology_socket_bits(const struct topology *t)
{
	return bits_for(t->threads) + bits_for(t->cores);
}

/**
 * topology_apic_id() - the APIC id of a vCPU
 * @t:		the topology
 * @cpu:	its index, from 0; threads of a core are neighbours
 */
u32 topology_apic_id(const struct topology *t, unsigned int cpu)
{
	u32 thread = cpu % t->threads;
	u32 core = cpu / t->threads % t->cores;
	u32 socket = cpu / t->threads / t->cores;

	return socket << topology_socket_bits(t) | core << topology_thread_bits(t) | thread;
}
