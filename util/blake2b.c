// SPDX-License-Identifier: GPL-2.0-only
/*
 * BLAKE2b with a 256-bit result and without a key, RFC 7693.
 *
 * Why this hash: the image cache is keyed by contents, and a kernel image may come
 * from anywhere, so nobody may be able to make two that collide; and of such hashes
 * it is the fastest in plain C: three times as fast as SHA-256.
 *
 * Runs in any thread. Leaves out keys, salts and feeding data in pieces.
 */
#include "blake2b.h"
#include "util.h"

#define BLOCK 128
#define ROUNDS 12

/* The square roots of the first eight primes, as SHA-512 has them (RFC 7693, 2.6). */
static const u64 iv[8] = {
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

/* The order of message words in each round (RFC 7693, 2.7); rounds 10 and 11 repeat 0 and 1. */
static const u8 sigma[10][16] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
	{ 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
	{ 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
	{ 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
	{ 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
	{ 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
	{ 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
	{ 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
	{ 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

static inline u64 rotate(u64 x, unsigned int n)
{
	return x >> n | x << (64 - n);
}

static inline void mix(u64 *v, unsigned int a, unsigned int b, unsigned int c, unsigned int d, u64 x, u64 y)
{
	v[a] += v[b] + x;
	v[d] = rotate(v[d] ^ v[a], 32);
	v[c] += v[d];
	v[b] = rotate(v[b] ^ v[c], 24);
	v[a] += v[b] + y;
	v[d] = rotate(v[d] ^ v[a], 16);
	v[c] += v[d];
	v[b] = rotate(v[b] ^ v[c], 63);
}

/* One block into the state @h; @done is the number of bytes up to its end. */
static void compress(u64 h[8], const u8 *block, u64 done, bool last)
{
	u64 v[16], m[16];

	memcpy(m, block, BLOCK);		/* little-endian, as we are */
	memcpy(v, h, 8 * sizeof(u64));
	memcpy(v + 8, iv, sizeof(iv));
	v[12] ^= done;
	if (last)
		v[14] = ~v[14];
	/* Unrolled, the indices are constants: half as fast again. */
	#pragma GCC unroll 12
	for (unsigned int r = 0; r < ROUNDS; r++) {
		const u8 *s = sigma[r % 10];

		mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
		mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
		mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
		mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
		mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
		mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
		mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
		mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
	}
	for (unsigned int i = 0; i < 8; i++)
		h[i] ^= v[i] ^ v[i + 8];
}

/**
 * blake2b() - the 256-bit BLAKE2b hash of @size bytes at @data
 */
void blake2b(const void *data, size_t size, u8 digest[BLAKE2B_SIZE])
{
	const u8 *in = data;
	u8 block[BLOCK] = { 0 };
	u64 h[8];
	size_t at = 0;

	memcpy(h, iv, sizeof(h));
	h[0] ^= 0x01010000 ^ BLAKE2B_SIZE;	/* parameter block: no key, fanout 1, depth 1 */
	for (; size - at > BLOCK; at += BLOCK)
		compress(h, in + at, at + BLOCK, false);
	if (size > at)
		memcpy(block, in + at, size - at);
	compress(h, block, size, true);
	for (unsigned int i = 0; i < BLAKE2B_SIZE; i++)
		digest[i] = h[i / 8] >> (i % 8 * 8);
}
