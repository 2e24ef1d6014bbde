#include "steering.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int call(int command, union bpf_attr *attributes)
{
    long result = syscall(SYS_bpf, command, attributes, sizeof *attributes);

    return result < 0 ? -errno : (int)result;
}

int clinux_steering_load(const uint64_t *instructions, size_t count)
{
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attributes.insns = (uint64_t)(uintptr_t)instructions;
    attributes.insn_cnt = (uint32_t)count;
    attributes.license = (uint64_t)(uintptr_t) "none";
    strcpy(attributes.prog_name, "nat64_steering");
    return call(BPF_PROG_LOAD, &attributes);
}

int clinux_steering_try(int program, const void *octets, size_t count, uint32_t *answer)
{
    union bpf_attr attributes;
    int code;

    memset(&attributes, 0, sizeof attributes);
    attributes.test.prog_fd = (uint32_t)program;
    attributes.test.data_in = (uint64_t)(uintptr_t)octets;
    attributes.test.data_size_in = (uint32_t)count;
    attributes.test.repeat = 1;
    code = call(BPF_PROG_TEST_RUN, &attributes);
    *answer = attributes.test.retval;
    return code;
}

int clinux_tun_set_steering(int descriptor, int program)
{
    return ioctl(descriptor, TUNSETSTEERINGEBPF, &program) < 0 ? -errno : 0;
}
