/* The one instruction of the packet path that Swift cannot say. */
#ifndef CPREFETCH_H
#define CPREFETCH_H

/* Asks for the cache line an address lies in. Never faults, whatever the address. */
static inline __attribute__((always_inline)) void cprefetch_line(const void *address) {
    __builtin_prefetch(address, 0, 3);
}

#endif
