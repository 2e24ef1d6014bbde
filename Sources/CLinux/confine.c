#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
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

/* Every way of writing and executing that the first version of Landlock knows, and truncation, which the third does.
 * Where there is no Landlock, forbid_calls() refuses the same alone. Returns 1 if there is, 0 if there is none. */
static int forbid_files(void)
{
    struct landlock_ruleset_attr writing = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                             LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                             LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                             LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM,
    };
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    int rules, code;

    if (version < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM ? 0 : -errno;
#ifdef LANDLOCK_ACCESS_FS_TRUNCATE
    if (version >= 3)
        writing.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
#endif
    rules = (int)syscall(SYS_landlock_create_ruleset, &writing, sizeof writing, 0);
    if (rules < 0)
        return -errno;
    code = result((int)syscall(SYS_landlock_restrict_self, rules, 0));
    close(rules);
    return code < 0 ? code : 1;
}

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "name the architecture, so that calls with the numbers of another are refused"
#endif

/* Calls that have no business in a process that only asks and answers, but for those that an architecture lacks. */
static const int refused_calls[] = {
    /* Other processes, and new ones. */
    SYS_execve, SYS_execveat, SYS_clone, SYS_clone3, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
    SYS_pidfd_open, SYS_pidfd_getfd, SYS_pidfd_send_signal, SYS_process_madvise, SYS_tkill, SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo, SYS_setns, SYS_unshare, SYS_setpriority, SYS_ioprio_set, SYS_sched_setparam,
    SYS_sched_setscheduler, SYS_sched_setattr, SYS_sched_setaffinity, SYS_migrate_pages, SYS_move_pages,
#ifdef SYS_fork
    SYS_fork, SYS_vfork,
#endif
    /* Whoever comes. */
    SYS_listen, SYS_accept, SYS_accept4, SYS_socketpair,
    /* Files: what Landlock forbids, for where there is none, and what it knows nothing of. */
    SYS_truncate, SYS_ftruncate, SYS_fallocate, SYS_openat2, SYS_mknodat, SYS_mkdirat, SYS_unlinkat, SYS_renameat,
    SYS_renameat2, SYS_linkat, SYS_symlinkat, SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_utimensat,
    SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr,
    SYS_open_by_handle_at, SYS_chroot, SYS_quotactl, SYS_acct, SYS_swapon, SYS_swapoff,
#ifdef SYS_open
    SYS_creat, SYS_mknod, SYS_mkdir, SYS_rmdir, SYS_unlink, SYS_rename, SYS_link, SYS_symlink, SYS_chmod, SYS_chown,
    SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat,
#endif
    /* Mounts. */
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_move_mount, SYS_open_tree, SYS_fsopen, SYS_fsconfig, SYS_fsmount,
    SYS_fspick, SYS_mount_setattr,
    /* Memory that the bound does not count. */
    SYS_memfd_create, SYS_shmget, SYS_shmat, SYS_semget, SYS_msgget, SYS_mq_open,
    /* Large parts of the kernel that nobody here needs. */
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd,
    SYS_keyctl, SYS_add_key, SYS_request_key, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load,
    SYS_reboot, SYS_syslog,
};

#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
/* The lower half of an argument, which is all that the kernel reads of an int. */
#define LOAD_INT(number) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[number]))
#define SKIP_UNLESS(value, steps) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, steps)
#define REFUSED BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOWED BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
/* The call is allowed if the argument is one of two, or has none of some bits; that decides about it. */
#define ONLY_WITH(call, argument, one, other)                                                                          \
    SKIP_UNLESS(SYS_##call, 5), LOAD_INT(argument), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, one, 1, 0),                    \
        SKIP_UNLESS(other, 1), ALLOWED, REFUSED
#define ONLY_WITHOUT(call, argument, bits)                                                                             \
    SKIP_UNLESS(SYS_##call, 4), LOAD_INT(argument), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0), ALLOWED, REFUSED

/* Refuses them all in the same way, as a call for which one has no right; nobody is ended for asking. */
static int forbid_calls(void)
{
    enum { CALLS = sizeof refused_calls / sizeof *refused_calls };
    const unsigned own = (unsigned)getpid(), writes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
    const struct sock_filter opening[] = {
        /* The same number is another call for 32-bit code and, with this bit, for x32. */
        LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0), REFUSED,
        LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), REFUSED,
        /* UDP and TCP, but neither the kernel nor other processes of this machine by their files. */
        ONLY_WITH(socket, 0, AF_INET, AF_INET6),
        /* abort() sends a signal to itself; 0 would be the group, to which the parent belongs. */
        ONLY_WITH(tgkill, 0, own, own), ONLY_WITH(kill, 0, own, own),
        ONLY_WITH(prlimit64, 0, 0, own),
        ONLY_WITHOUT(openat, 2, writes),
#ifdef SYS_open
        ONLY_WITHOUT(open, 1, writes),
#endif
    };
    enum { OPENING = sizeof opening / sizeof *opening };
    struct sock_filter steps[OPENING + 2 * CALLS + 1];
    struct sock_fprog program = {.len = sizeof steps / sizeof *steps, .filter = steps};

    for (int at = 0; at < OPENING; at++)
        steps[at] = opening[at];
    for (int at = 0; at < CALLS; at++) {
        steps[OPENING + 2 * at] = (struct sock_filter)SKIP_UNLESS((unsigned)refused_calls[at], 1);
        steps[OPENING + 2 * at + 1] = (struct sock_filter)REFUSED;
    }
    steps[OPENING + 2 * CALLS] = (struct sock_filter)ALLOWED;
    return result(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

int clinux_confine(uint64_t memory)
{
    int code, has_landlock;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    if ((code = limit(RLIMIT_FSIZE, 0)) < 0 || (code = limit(RLIMIT_CORE, 0)) < 0)
        return code;
    /* A line to a standard error that is a file is lost; nobody is to be ended for it. */
    signal(SIGXFSZ, SIG_IGN);
    if ((code = limit(RLIMIT_DATA, memory)) < 0 || (has_landlock = forbid_files()) < 0)
        return code < 0 ? code : has_landlock;
    return (code = forbid_calls()) < 0 ? code : has_landlock;
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
