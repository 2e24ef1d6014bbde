#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int result(int value) { return value < 0 ? -errno : value; }

/* Where the child's descriptors begin. */
enum { FIRST = 3 };

int clinux_spawn_self(const char *const *arguments, const int *descriptors, int count)
{
    char *const none[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t empty, usual;
    pid_t process = -1;
    int code, at;
    /* Copies behind all the numbers that are to be given out, so that none of them covers one that is still needed. */
    int *copies = calloc((size_t)count + 1, sizeof *copies);

    if (copies == NULL)
        return -ENOMEM;
    for (at = 0; at < count; at++) {
        copies[at] = fcntl(descriptors[at], F_DUPFD_CLOEXEC, FIRST + count);
        if (copies[at] < 0) {
            code = errno;
            goto close_copies;
        }
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    code = 0;
    for (int each = 0; each < count && code == 0; each++)
        code = posix_spawn_file_actions_adddup2(&actions, copies[each], FIRST + each);
    if (code == 0)
        code = posix_spawn_file_actions_addclosefrom_np(&actions, FIRST + count);
    sigemptyset(&empty);
    sigfillset(&usual);
    posix_spawnattr_setsigmask(&attributes, &empty);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (code == 0)
        code = posix_spawn(&process, "/proc/self/exe", &actions, &attributes, (char *const *)arguments, none);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
close_copies:
    while (at > 0)
        close(copies[--at]);
    free(copies);
    return code != 0 ? -code : process;
}

int clinux_end_child(int process)
{
    kill(process, SIGKILL);
    while (waitpid(process, NULL, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

int clinux_child_has_ended(int process)
{
    siginfo_t end = {0};

    /* It stays known until it is ended, so that its number is nobody else's. One that nobody knows has ended too. */
    return waitid(P_PID, (id_t)process, &end, WEXITED | WNOHANG | WNOWAIT) < 0 || end.si_pid != 0;
}

static int limit(int what, uint64_t most)
{
    struct rlimit bound;

    if (getrlimit(what, &bound) < 0)
        return -errno;
    if (bound.rlim_max != RLIM_INFINITY && bound.rlim_max < most)
        most = bound.rlim_max;
    bound.rlim_cur = bound.rlim_max = most;
    return result(setrlimit(what, &bound));
}

/* Every way of writing and executing that the first version of Landlock knows, so that it is the same everywhere. */
static int forbid_files(void)
{
    struct landlock_ruleset_attr writing = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                             LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                             LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                             LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM,
    };
    int rules = (int)syscall(SYS_landlock_create_ruleset, &writing, sizeof writing, 0);
    int code;

    if (rules < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM ? 0 : -errno;
    code = result((int)syscall(SYS_landlock_restrict_self, rules, 0));
    close(rules);
    return code;
}

#define REFUSE(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static int forbid_calls(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        REFUSE(execve), REFUSE(execveat),
#ifdef SYS_fork
        REFUSE(fork), REFUSE(vfork),
#endif
        REFUSE(clone), REFUSE(clone3), REFUSE(ptrace), REFUSE(listen), REFUSE(accept), REFUSE(accept4),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof steps / sizeof *steps, .filter = steps};

    return result(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

int clinux_confine(uint64_t memory)
{
    int code;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    if ((code = limit(RLIMIT_FSIZE, 0)) < 0 || (code = limit(RLIMIT_CORE, 0)) < 0)
        return code;
    if ((code = limit(RLIMIT_DATA, memory)) < 0 || (code = forbid_files()) < 0)
        return code;
    return forbid_calls();
}

int clinux_message_pair(int ends[2])
{
    int room = 1 << 20;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return -errno;
    /* Less room than asked for is no reason to fail. */
    for (int end = 0; end < 2; end++)
        (void)setsockopt(ends[end], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    return 0;
}

int64_t clinux_message_send(int descriptor, const void *octets, size_t count)
{
    ssize_t sent = send(descriptor, octets, count, MSG_NOSIGNAL | MSG_DONTWAIT);

    return sent < 0 ? -errno : sent;
}

int64_t clinux_message_receive(int descriptor, void *octets, size_t count)
{
    ssize_t got = recv(descriptor, octets, count, MSG_DONTWAIT);

    return got < 0 ? -errno : got;
}
