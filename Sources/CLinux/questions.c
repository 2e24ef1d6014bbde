#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "udp.h"

/* Headers that Debian 12 ships lack this name in the files above. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* Says how long the datagrams are that a message is cut into. */
union cut {
    struct cmsghdr align;
    uint8_t octets[CMSG_SPACE(sizeof(uint16_t))];
};

/* Neighbours that are equally long, as the questions for the AAAA and the A records of one name are, leave as one message,
 * which the kernel or the network card cuts into datagrams (UDP_SEGMENT): the way through the network stack is gone once for
 * all of them. */
struct clinux_udp_questions {
    /* It was refused to cut a message; from then on each datagram is one. */
    int is_plain;
    struct mmsghdr messages[CLINUX_UDP_BATCH];
    union cut cuts[CLINUX_UDP_BATCH];
    struct iovec vectors[CLINUX_UDP_BATCH];
    uint8_t octets[CLINUX_UDP_BATCH][CLINUX_UDP_QUESTION];
};

struct clinux_udp_questions *clinux_udp_questions_make(void) {
    struct clinux_udp_questions *questions = calloc(1, sizeof *questions);
    if (questions == NULL) return NULL;
    for (int i = 0; i < CLINUX_UDP_BATCH; i++) questions->vectors[i].iov_base = questions->octets[i];
    return questions;
}

void clinux_udp_questions_free(struct clinux_udp_questions *questions) { free(questions); }

void *clinux_udp_questions_octets(struct clinux_udp_questions *questions, uint32_t index) {
    return questions->octets[index % CLINUX_UDP_BATCH];
}

void clinux_udp_questions_seal(struct clinux_udp_questions *questions, uint32_t index, uint32_t count) {
    questions->vectors[index % CLINUX_UDP_BATCH].iov_len = count < CLINUX_UDP_QUESTION ? count : CLINUX_UDP_QUESTION;
}

/* Makes messages of datagrams. Returns how many messages. */
static uint32_t gather(struct clinux_udp_questions *questions, uint32_t first, uint32_t end) {
    uint32_t count = 0;
    while (first < end) {
        struct msghdr *header = &questions->messages[count].msg_hdr;
        size_t length = questions->vectors[first].iov_len;
        uint32_t next = first + 1;
        while (!questions->is_plain && next < end && questions->vectors[next].iov_len == length) next += 1;
        header->msg_iov = &questions->vectors[first];
        header->msg_iovlen = next - first;
        header->msg_control = NULL;
        header->msg_controllen = 0;
        if (next - first > 1) {
            uint16_t size = (uint16_t)length;
            header->msg_control = &questions->cuts[count];
            header->msg_controllen = sizeof questions->cuts[count];
            struct cmsghdr *cut = CMSG_FIRSTHDR(header);
            cut->cmsg_level = IPPROTO_UDP;
            cut->cmsg_type = UDP_SEGMENT;
            cut->cmsg_len = CMSG_LEN(sizeof size);
            memcpy(CMSG_DATA(cut), &size, sizeof size);
        }
        first = next;
        count += 1;
    }
    return count;
}

int clinux_udp_questions_post(struct clinux_udp_questions *questions, int fd, uint32_t first, uint32_t end) {
    if (first >= end || end > CLINUX_UDP_BATCH) return 0;
    for (;;) {
        uint32_t count = gather(questions, first, end);
        int sent = sendmmsg(fd, questions->messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0) {
            size_t datagrams = 0;
            for (int i = 0; i < sent; i++) datagrams += questions->messages[i].msg_hdr.msg_iovlen;
            return (int)datagrams;
        }
        if (errno == EINTR) continue;
        /* It may not be cut: a device without checksums, a way of small MTU or with IPsec. */
        int is_refused = errno == EINVAL || errno == EIO || errno == EMSGSIZE;
        if (!is_refused || questions->messages[0].msg_hdr.msg_iovlen == 1) return -errno;
        questions->is_plain = 1;
    }
}
