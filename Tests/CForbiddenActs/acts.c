#include "CForbiddenActs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int cforbiddenacts_hide_landlock(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof steps / sizeof *steps, .filter = steps};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        return errno;
    return 0;
}

/* A file that is there and may be written by whoever runs the test, but for the confinement. */
static const char *const existing = "/proc/self/comm";
static const char *const new_file = "/tmp/nat64-appliance-forbidden-act";

static int outcome(long value) { return value < 0 ? errno : 0; }

static int opened(int descriptor)
{
    if (descriptor < 0)
        return errno;
    close(descriptor);
    return 0;
}

static int born(pid_t child)
{
    if (child == 0)
        _exit(0);
    if (child < 0)
        return errno;
    waitpid(child, NULL, 0);
    return 0;
}

static int socket_of(int family) { return opened(socket(family, SOCK_DGRAM, 0)); }

static int write_file(void) { return opened(open(existing, O_WRONLY)); }
static int append_to_file(void) { return opened(open(existing, O_RDWR | O_APPEND)); }
static int make_file(void)
{
    int code = opened(open(new_file, O_RDONLY | O_CREAT | O_EXCL, 0600));

    unlink(new_file);
    return code;
}
static int make_unnamed_file(void) { return opened(open("/tmp", O_TMPFILE | O_RDWR, 0600)); }
static int truncate_by_open(void) { return opened(open(existing, O_RDONLY | O_TRUNC)); }
static int open_by_newer_call(void)
{
    unsigned long long how[3] = {O_WRONLY, 0, 0};

    return opened((int)syscall(SYS_openat2, AT_FDCWD, existing, how, sizeof how));
}
static int truncate_file(void) { return outcome(truncate(existing, 0)); }
static int make_folder(void) { return outcome(mkdir(existing, 0700)); }
static int remove_file(void) { return outcome(unlink(new_file)); }
static int rename_file(void) { return outcome(rename(new_file, new_file)); }
static int link_file(void) { return outcome(symlink(existing, existing)); }
static int change_mode(void) { return outcome(chmod(existing, 0644)); }
static int make_memory_file(void) { return opened(memfd_create("forbidden", 0)); }
static int execute(void) { return outcome(execl("/nowhere/at/all", "all", (char *)NULL)); }
static int give_birth(void) { return born(fork()); }
static int give_birth_by_number(void) { return born((pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }
static int leave_namespace(void) { return outcome(unshare(CLONE_NEWUSER)); }
static int wait_for_strangers(void)
{
    int door = socket(AF_INET, SOCK_STREAM, 0);
    int code = outcome(listen(door, 1));

    close(door);
    return code;
}
static int speak_to_files(void) { return socket_of(AF_UNIX); }
static int speak_to_kernel(void) { return socket_of(AF_NETLINK); }
static int speak_raw(void) { return socket_of(AF_PACKET); }
static int pair_with_itself(void)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) < 0)
        return errno;
    close(ends[1]);
    return opened(ends[0]);
}
/* Signal 0 asks only whether one may send one. */
static int signal_parent(void) { return outcome(kill(getppid(), 0)); }
static int signal_group(void) { return outcome(kill(0, 0)); }
static int signal_parent_thread(void) { return outcome(syscall(SYS_tgkill, getppid(), getppid(), 0)); }
static int signal_any_thread(void) { return outcome(syscall(SYS_tkill, getppid(), 0)); }
static int hold_parent(void) { return opened((int)syscall(SYS_pidfd_open, getppid(), 0)); }
static int read_parent(void) { return outcome(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0)); }
static int limit_parent(void) { return outcome(prlimit(getppid(), RLIMIT_NOFILE, NULL, NULL)); }
static int slow_parent(void) { return outcome(setpriority(PRIO_PROCESS, (id_t)getppid(), 0)); }
static int make_ring(void) { return outcome(syscall(SYS_io_uring_setup, 0, NULL)); }
static int load_program(void) { return outcome(syscall(SYS_bpf, -1, NULL, 0)); }
static int watch_events(void) { return outcome(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0)); }
static int fault_by_itself(void) { return opened((int)syscall(SYS_userfaultfd, -1)); }
static int use_keys(void) { return outcome(syscall(SYS_keyctl, -1, 0, 0, 0, 0)); }
static int mount_something(void) { return outcome(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL)); }
static int share_memory(void) { return outcome(syscall(SYS_shmget, 0, 0, 0)); }

#ifdef __x86_64__
static sigjmp_buf back;
static void go_back(int number) { siglongjmp(back, number); }

/* getpid() of 32-bit code. Where the kernel runs none the interrupt is a fault, which is as good as a refusal. */
static int call_as_32_bit(void)
{
    struct sigaction old, ours = {.sa_handler = go_back};
    long value = 20;

    sigaction(SIGSEGV, &ours, &old);
    if (sigsetjmp(back, 1) == 0)
        __asm__ volatile("int $0x80" : "+a"(value) : : "memory", "r8", "r9", "r10", "r11");
    else
        value = -EPERM;
    sigaction(SIGSEGV, &old, NULL);
    return value < 0 ? (int)-value : 0;
}
static int call_as_x32(void) { return outcome(syscall(0x40000000L | SYS_getpid)); }
#endif

static int read_file(void) { return opened(open("/proc/self/limits", O_RDONLY | O_CLOEXEC)); }
static int speak_udp(void) { return socket_of(AF_INET); }
static int speak_udp_over_ipv6(void)
{
    int code = socket_of(AF_INET6);

    return code == EAFNOSUPPORT ? 0 : code;
}
static int speak_tcp(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    int end = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int code = outcome(bind(end, (struct sockaddr *)&any, sizeof any));

    close(end);
    return code;
}
static int take_memory(void)
{
    void *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? errno : outcome(munmap(memory, 1 << 20));
}
static int draw(void)
{
    char octet;

    return outcome(getrandom(&octet, 1, 0));
}
static int poll_descriptors(void) { return opened(epoll_create1(EPOLL_CLOEXEC)); }
static int signal_itself(void) { return outcome(syscall(SYS_tgkill, getpid(), getpid(), 0)); }
static int read_own_limits(void)
{
    struct rlimit bound;

    return outcome(getrlimit(RLIMIT_DATA, &bound));
}

static const struct {
    const char *name;
    int (*attempt)(void);
    int is_needed;
} acts[] = {
    {"open a file to write", write_file, 0},
    {"open a file to append", append_to_file, 0},
    {"make a file", make_file, 0},
    {"make a file without a name", make_unnamed_file, 0},
    {"truncate a file by opening it", truncate_by_open, 0},
    {"open a file by openat2", open_by_newer_call, 0},
    {"truncate a file", truncate_file, 0},
    {"make a folder", make_folder, 0},
    {"remove a file", remove_file, 0},
    {"rename a file", rename_file, 0},
    {"make a link", link_file, 0},
    {"change a file's mode", change_mode, 0},
    {"make a file in memory", make_memory_file, 0},
    {"execute a file", execute, 0},
    {"fork", give_birth, 0},
    {"clone", give_birth_by_number, 0},
    {"make a user namespace", leave_namespace, 0},
    {"listen", wait_for_strangers, 0},
    {"make a socket of UNIX", speak_to_files, 0},
    {"make a socket of netlink", speak_to_kernel, 0},
    {"make a packet socket", speak_raw, 0},
    {"make a pair of sockets", pair_with_itself, 0},
    {"signal the parent", signal_parent, 0},
    {"signal the group", signal_group, 0},
    {"signal a thread of the parent", signal_parent_thread, 0},
    {"signal any thread", signal_any_thread, 0},
    {"hold the parent by a descriptor", hold_parent, 0},
    {"read the parent's memory", read_parent, 0},
    {"see the parent's limits", limit_parent, 0},
    {"change the parent's priority", slow_parent, 0},
    {"make a ring of io_uring", make_ring, 0},
    {"load a program of BPF", load_program, 0},
    {"watch events of perf", watch_events, 0},
    {"handle its own page faults", fault_by_itself, 0},
    {"use keys of the kernel", use_keys, 0},
    {"mount", mount_something, 0},
    {"share memory", share_memory, 0},
#ifdef __x86_64__
    {"call with a number of 32-bit code", call_as_32_bit, 0},
    {"call with a number of x32", call_as_x32, 0},
#endif
    {"read a file", read_file, 1},
    {"make a UDP socket", speak_udp, 1},
    {"make a UDP socket over IPv6", speak_udp_over_ipv6, 1},
    {"make and bind a TCP socket", speak_tcp, 1},
    {"take memory", take_memory, 1},
    {"draw random octets", draw, 1},
    {"poll", poll_descriptors, 1},
    {"signal itself", signal_itself, 1},
    {"read its own limits", read_own_limits, 1},
};

int cforbiddenacts_count(void) { return sizeof acts / sizeof *acts; }
const char *cforbiddenacts_name(int act) { return acts[act].name; }
int cforbiddenacts_is_needed(int act) { return acts[act].is_needed; }
int cforbiddenacts_try(int act) { return acts[act].attempt(); }
