// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module of the test guests that hangs: all CPUs spin in it with interrupts off. It is
 * loaded and never comes back.
 */
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/smp.h>

static noinline void lkvm_spin_forever(void)
{
	for (;;)
		cpu_relax();
}

/* On each other CPU in an interrupt, and on this one in the task that loads the module. */
static void lkvm_spin_here(void *unused)
{
	local_irq_disable();
	lkvm_spin_forever();
	/* No tail call: the caller is to be seen on the stack. */
	barrier();
}

static int __init lkvm_spin_init(void)
{
	pr_emerg("lkvm-test: spinning\n");
	smp_call_function(lkvm_spin_here, NULL, 0);
	lkvm_spin_here(NULL);
	return 0;
}
module_init(lkvm_spin_init);

MODULE_DESCRIPTION("Spins on all CPUs");
MODULE_LICENSE("GPL");
