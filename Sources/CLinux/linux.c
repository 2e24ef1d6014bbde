#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int failed(void) { return -errno; }

static int result(int value) { return value < 0 ? failed() : value; }

int clinux_tun_open(const char *name)
{
    struct ifreq request;
    int descriptor, code;

    if (strlen(name) >= sizeof request.ifr_name)
        return -ENAMETOOLONG;
    descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return failed();
    memset(&request, 0, sizeof request);
    strcpy(request.ifr_name, name);
    request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR;
    if (ioctl(descriptor, TUNSETIFF, &request) < 0) {
        code = failed();
        close(descriptor);
        return code;
    }
    return descriptor;
}

int clinux_tun_set_offload(int descriptor, unsigned offloads)
{
    return result(ioctl(descriptor, TUNSETOFFLOAD, (unsigned long)offloads));
}

static uint32_t to_epoll(uint32_t readiness)
{
    return (readiness & CLINUX_READABLE ? EPOLLIN : 0u) | (readiness & CLINUX_WRITABLE ? EPOLLOUT : 0u);
}

static uint32_t from_epoll(uint32_t events)
{
    return (events & EPOLLIN ? CLINUX_READABLE : 0u) | (events & EPOLLOUT ? CLINUX_WRITABLE : 0u) |
           (events & (EPOLLERR | EPOLLHUP) ? CLINUX_BROKEN : 0u);
}

int clinux_epoll_create(void) { return result(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int poll, int operation, int descriptor, uint32_t readiness, uint64_t token)
{
    struct epoll_event event = {.events = to_epoll(readiness), .data.u64 = token};

    return result(epoll_ctl(poll, operation, descriptor, &event));
}

int clinux_epoll_add(int poll, int descriptor, uint32_t readiness, uint64_t token)
{
    return control(poll, EPOLL_CTL_ADD, descriptor, readiness, token);
}

int clinux_epoll_modify(int poll, int descriptor, uint32_t readiness, uint64_t token)
{
    return control(poll, EPOLL_CTL_MOD, descriptor, readiness, token);
}

int clinux_epoll_remove(int poll, int descriptor) { return control(poll, EPOLL_CTL_DEL, descriptor, 0, 0); }

int clinux_epoll_wait(int poll, struct clinux_event *events, int capacity, int64_t nanoseconds)
{
    struct epoll_event found[64];
    int milliseconds = -1, count, index;

    if (capacity > 64)
        capacity = 64;
    if (nanoseconds >= 0)
        milliseconds = nanoseconds < 60000000000 ? (int)((nanoseconds + 999999) / 1000000) : 60000;
    count = epoll_wait(poll, found, capacity, milliseconds);
    if (count < 0)
        return errno == EINTR ? 0 : failed();
    for (index = 0; index < count; index++) {
        events[index].events = from_epoll(found[index].events);
        events[index].token = found[index].data.u64;
    }
    return count;
}

int clinux_eventfd(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

int clinux_eventfd_ring(int descriptor)
{
    return eventfd_write(descriptor, 1) < 0 && errno != EAGAIN ? failed() : 0;
}

int clinux_eventfd_hush(int descriptor)
{
    eventfd_t value;

    return eventfd_read(descriptor, &value) < 0 && errno != EAGAIN ? failed() : 0;
}

int clinux_signals_open(void)
{
    sigset_t blocked;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGPIPE);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGHUP);
    errno = pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    if (errno)
        return failed();
    sigdelset(&blocked, SIGPIPE);
    return result(signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK));
}

int clinux_signals_next(int descriptor)
{
    struct signalfd_siginfo found;
    ssize_t count = read(descriptor, &found, sizeof found);

    if (count < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : failed();
    return count == sizeof found ? (int)found.ssi_signo : 0;
}

int clinux_random(void *octets, size_t count)
{
    while (count > 0) {
        ssize_t done = getrandom(octets, count, 0);

        if (done < 0 && errno != EINTR)
            return failed();
        if (done > 0) {
            octets = (char *)octets + done;
            count -= (size_t)done;
        }
    }
    return 0;
}

int clinux_thread_name(const char *name)
{
    char shortened[16];

    strncpy(shortened, name, sizeof shortened - 1);
    shortened[sizeof shortened - 1] = 0;
    return -pthread_setname_np(pthread_self(), shortened);
}

int clinux_cpus_allowed(void)
{
    /* The kernel refuses a set that is smaller than its own, which may be of 8,192. */
    cpu_set_t sets[8192 / CPU_SETSIZE];

    CPU_ZERO_S(sizeof sets, sets);
    return sched_getaffinity(0, sizeof sets, sets) < 0 ? failed() : CPU_COUNT_S(sizeof sets, sets);
}

/* Straight to the kernel: read() and write() make ready for a cancellation of the thread and undo it, two locked
   instructions each, and nobody cancels the threads that carry packets. */
int64_t clinux_read(int descriptor, void *octets, size_t count)
{
    long done = syscall(SYS_read, descriptor, octets, count);

    return done < 0 ? failed() : done;
}

int64_t clinux_write(int descriptor, const void *octets, size_t count)
{
    long done = syscall(SYS_write, descriptor, octets, count);

    return done < 0 ? failed() : done;
}

int64_t clinux_write_pieces(int descriptor, const void *base, const void *pieces, int count)
{
    const struct clinux_piece *piece = pieces;
    struct iovec parts[64];
    long done;
    int index;

    if (count > 64)
        return -EINVAL;
    for (index = 0; index < count; index++) {
        parts[index].iov_base = (char *)base + piece[index].offset;
        parts[index].iov_len = piece[index].count;
    }
    done = syscall(SYS_writev, descriptor, parts, count);
    return done < 0 ? failed() : done;
}

int clinux_wait_readable(int descriptor, int64_t nanoseconds)
{
    struct pollfd waiting = {.fd = descriptor, .events = POLLIN};
    struct timespec limit = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    int count = ppoll(&waiting, 1, nanoseconds < 0 ? NULL : &limit, NULL);

    if (count < 0)
        return errno == EINTR ? 0 : failed();
    return count > 0;
}

int clinux_no_new_privileges(void) { return result(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }

int clinux_open(const char *path, int flags, unsigned mode) { return result(open(path, flags | O_CLOEXEC, mode)); }

int clinux_claim_name(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    int descriptor, code;

    if (length >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path + 1, name, length);
    descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return failed();
    if (bind(descriptor, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)) <
        0) {
        code = failed();
        close(descriptor);
        return code;
    }
    return descriptor;
}

int clinux_fork(void)
{
    static const int group_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGABRT, SIGPIPE, SIGTSTP};
    sigset_t all, before;
    int child;

    /* Blocked until the child ignores them, so that none falls between. */
    sigfillset(&all);
    errno = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (errno)
        return failed();
    child = result(fork());
    if (child == 0)
        for (size_t index = 0; index < sizeof group_signals / sizeof *group_signals; index++)
            signal(group_signals[index], SIG_IGN);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return child;
}

int clinux_pipe(int descriptors[2]) { return result(pipe2(descriptors, O_CLOEXEC)); }

void clinux_exit_child(void) { _exit(0); }
