#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "udp.h"

struct clinux_udp_questions {
    struct mmsghdr headers[CLINUX_UDP_BATCH];
    struct iovec vectors[CLINUX_UDP_BATCH];
    uint8_t octets[CLINUX_UDP_BATCH][CLINUX_UDP_QUESTION];
};

struct clinux_udp_questions *clinux_udp_questions_make(void) {
    struct clinux_udp_questions *questions = calloc(1, sizeof *questions);
    if (questions == NULL) return NULL;
    for (int i = 0; i < CLINUX_UDP_BATCH; i++) {
        questions->vectors[i].iov_base = questions->octets[i];
        questions->headers[i].msg_hdr.msg_iov = &questions->vectors[i];
        questions->headers[i].msg_hdr.msg_iovlen = 1;
    }
    return questions;
}

void clinux_udp_questions_free(struct clinux_udp_questions *questions) { free(questions); }

void *clinux_udp_questions_octets(struct clinux_udp_questions *questions, uint32_t index) {
    return questions->octets[index % CLINUX_UDP_BATCH];
}

void clinux_udp_questions_seal(struct clinux_udp_questions *questions, uint32_t index, uint32_t count) {
    questions->vectors[index % CLINUX_UDP_BATCH].iov_len = count < CLINUX_UDP_QUESTION ? count : CLINUX_UDP_QUESTION;
}

int clinux_udp_questions_post(struct clinux_udp_questions *questions, int fd, uint32_t first, uint32_t end) {
    if (first >= end || end > CLINUX_UDP_BATCH) return 0;
    int sent;
    do sent = sendmmsg(fd, questions->headers + first, end - first, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}
