#include "CTestNamespace.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
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
