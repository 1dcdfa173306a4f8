// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all devices share: their lock, and the frame around reset and state.
 */
#include "device.h"
#include "state.h"

/**
 * device_init() - set up the shared part of a device
 * @dev:	embedded in the device
 * @ops:	its kind
 * @instance:	which one of its kind, from 0
 */
void device_init(struct device *dev, const struct device_ops *ops, unsigned int instance)
{
	dev->ops = ops;
	dev->instance = instance;
	pthread_mutex_init(&dev->lock, NULL);
}

/**
 * device_fini() - the counterpart of device_init(), for a device's destroy()
 */
void device_fini(struct device *dev)
{
	pthread_mutex_destroy(&dev->lock);
}

/**
 * device_reset() - back to the state at power-on
 */
void device_reset(struct device *dev)
{
	pthread_mutex_lock(&dev->lock);
	if (dev->ops->reset)
		dev->ops->reset(dev);
	pthread_mutex_unlock(&dev->lock);
}

static int device_state(struct device *dev, struct state *st)
{
	pthread_mutex_lock(&dev->lock);
	state_begin(st, dev->ops->name, dev->instance);
	if (dev->ops->state)
		dev->ops->state(dev, st);
	state_end(st);
	pthread_mutex_unlock(&dev->lock);
	return state_error(st);
}

/**
 * device_save() - add a device's section to saved state
 *
 * Return: 0 or -errno.
 */
int device_save(struct device *dev, struct state *st)
{
	return device_state(dev, st);
}

/**
 * device_load() - set a device from its section of saved state
 *
 * Return: 0, or -errno, and then the device is as it was before.
 */
int device_load(struct device *dev, struct state *st)
{
	return device_state(dev, st);
}

/**
 * device_destroy() - release a device and all it holds
 */
void device_destroy(struct device *dev)
{
	if (dev)
		dev->ops->destroy(dev);
}
