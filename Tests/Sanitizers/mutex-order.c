// Tells the thread sanitizer of the order that Mutex makes.
//
// The Mutex of Swift's Synchronization is in the program as long as nobody waits for it; those who wait, and those who wake them,
// do so in a library that is not instrumented, so that the sanitizer would see no order between two bodies of withLock. The same
// functions stand here, before those of the library: they call them, and say what was acquired and released. The program's
// own fast path works on the same word with instrumented atomics, and so both ends meet.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

void __tsan_acquire(void *word) __attribute__((weak));
void __tsan_release(void *word) __attribute__((weak));

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    return found;
}

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void lock(uint32_t thread, SELF void *word) __asm__(LOCK);
SWIFT void lock(uint32_t thread, SELF void *word)
{
    static SWIFT void (*next)(uint32_t, SELF void *);
    if (!next)
        next = (SWIFT void (*)(uint32_t, SELF void *))real(LOCK);
    next(thread, word);
    if (__tsan_acquire)
        __tsan_acquire(word);
}

SWIFT bool try_lock(SELF void *word) __asm__(TRY_LOCK);
SWIFT bool try_lock(SELF void *word)
{
    static SWIFT bool (*next)(SELF void *);
    if (!next)
        next = (SWIFT bool (*)(SELF void *))real(TRY_LOCK);
    bool taken = next(word);
    if (taken && __tsan_acquire)
        __tsan_acquire(word);
    return taken;
}

SWIFT void unlock(SELF void *word) __asm__(UNLOCK);
SWIFT void unlock(SELF void *word)
{
    static SWIFT void (*next)(SELF void *);
    if (!next)
        next = (SWIFT void (*)(SELF void *))real(UNLOCK);
    if (__tsan_release)
        __tsan_release(word);
    next(word);
}
