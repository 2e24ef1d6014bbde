#include "CTestNamespace.h"

#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int ctestnamespace_enter(void)
{
    struct ifreq request;
    int descriptor, code = 0;

    if (unshare(CLONE_NEWNET) < 0)
        return errno;
    descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return errno;
    memset(&request, 0, sizeof request);
    strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(descriptor, SIOCSIFFLAGS, &request) < 0)
        code = errno;
    close(descriptor);
    return code;
}

/* A thread has the privileges and the namespace of the one that starts it, and the threads of the pools that tests run on
 * are started by whichever wants more of them, one that has given its own up among them. So that nothing depends on which
 * one that was, the pools never have any privilege: the first thread, whose children they are, gives them up at once, and
 * what needs some is started by one that is older than that. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static struct wish {
    void *(*body)(void *);
    void *context;
    int code;
    bool done;
    struct wish *next;
} *wishes;

static void *grant(void *nothing)
{
    /* Tests tell threads apart by their names; those started here have this one at first. */
    prctl(PR_SET_NAME, "in-namespace", 0, 0, 0);
    pthread_mutex_lock(&lock);
    for (;;) {
        struct wish *wish = wishes;
        pthread_t thread;

        if (!wish) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        wishes = wish->next;
        wish->code = pthread_create(&thread, NULL, wish->body, wish->context);
        if (wish->code == 0)
            pthread_detach(thread);
        wish->done = true;
        pthread_cond_broadcast(&changed);
    }
    return nothing;
}

__attribute__((constructor)) static void begin(void)
{
    struct __user_cap_header_struct mine = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    pthread_t thread;

    if (pthread_create(&thread, NULL, grant, NULL) == 0)
        pthread_detach(thread);
    syscall(SYS_capset, &mine, none);
}

int ctestnamespace_start(void *(*body)(void *), void *context)
{
    struct wish wish = {.body = body, .context = context};

    pthread_mutex_lock(&lock);
    wish.next = wishes;
    wishes = &wish;
    pthread_cond_broadcast(&changed);
    while (!wish.done)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return wish.code;
}
