/** How glibc allocates for us (docs/decisions/0038-memory-of-days.md). The entry gives it to itself; cli.ts, which loads nothing, has a copy. */

/** Read by glibc once, when a program starts; others do not know it. glibc manual, "Tunables". */
export const TUNABLES = 'GLIBC_TUNABLES';

/**
 * Blocks of 64 kB and more are mapped, and given back when they are freed. Left alone, glibc raises its 128 kB to the size of whatever mapped
 * block is freed, takes the next ones from its heap, and the heap keeps their room.
 */
export const MALLOC = 'glibc.malloc.mmap_threshold=65536:glibc.malloc.trim_threshold=65536';
